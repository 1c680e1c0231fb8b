"""What the user named, spelled out: which pictures, videos, cameras and addresses there are."""

import glob
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import takewhile
from pathlib import Path, PurePath

from maskwatch.errors import UsageError
from maskwatch.images import HEIF_SUFFIXES, PICTURE_SUFFIXES, picture_name, video_name
from maskwatch.sources.address import is_address, output_name, redacted, unknown_scheme

VIDEO_SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".avi",
        ".mkv",
        ".webm",
        ".mpg",
        ".mpeg",
        ".ts",
        ".mts",
        ".m2ts",
        ".wmv",
        ".flv",
        ".3gp",
        ".ogv",
        ".mjpeg",
        ".mjpg",
        ".gif",
        ".asf",
        ".vob",
        ".h264",
        ".hevc",
    ]
)


class Kind(StrEnum):
    """How an input is read."""

    PICTURE = "picture"
    VIDEO = "video"
    CAMERA = "camera"
    STREAM = "stream"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Input:
    """One picture, video, camera or stream; or a broken one, with the reason.

    `location` opens it, `shown` may be printed, `name` is the relative path its outputs keep.
    """

    kind: Kind
    location: str
    name: PurePath
    reason: str | None = None

    @property
    def shown(self) -> str:
        """The location without passwords."""
        return redacted(self.location) if self.kind is Kind.STREAM else self.location

    @property
    def target(self) -> PurePath:
        """The relative path of its annotated picture or video."""
        name = str(self.name)
        return PurePath(picture_name(name) if self.kind is Kind.PICTURE else video_name(name))

    @property
    def is_moving(self) -> bool:
        """Whether it has frames."""
        return self.kind is Kind.VIDEO or self.is_live

    @property
    def is_live(self) -> bool:
        """Whether it goes on for ever."""
        return self.kind in (Kind.CAMERA, Kind.STREAM)


@dataclass(frozen=True, slots=True)
class Inputs:
    """All inputs in order, and how many files of folders were neither pictures nor videos."""

    items: tuple[Input, ...]
    skipped: int


def spell_out(texts: Sequence[str], *, leave_out: Collection[Path] = ()) -> Inputs:
    """Folders and globs become the files in them, digits cameras, the rest paths or addresses.

    Outputs keep the path below the folder that all named files and folders share, so that two
    files of one name from two folders do not meet.

    Args:
        texts: what the user wrote.
        leave_out: folders that are not searched, such as the one that outputs go to.

    Raises:
        UsageError: one of those is named as an input.
    """
    banned = {folder.resolve() for folder in leave_out}
    paths_of = {text: _paths_of(text, banned) for text in texts}
    base = _shared_folder([path for paths in paths_of.values() for path in paths])
    items: list[Input] = []
    skipped = 0
    for text in texts:
        if not paths_of[text]:
            items.append(_not_a_path(text))
        for path in paths_of[text]:
            found, ignored = _files_of(path, base, banned)
            skipped += ignored
            items += found
    return Inputs(tuple(_numbered(_once(items))), skipped)


def _paths_of(text: str, banned: Collection[Path]) -> list[Path]:
    """The paths behind a text; none for cameras, addresses and globs without a match.

    Raises:
        UsageError: it is a banned folder.
    """
    if is_address(text):
        return []
    path = Path(os.path.expanduser(text))
    if os.path.exists(path):
        if path.resolve() in banned:
            raise UsageError(
                f"{path} gets outputs and cannot be an input, too: leave it out of the inputs, or "
                "let outputs go elsewhere"
            )
        return [path]
    if text.isdecimal():
        return []
    if glob.has_magic(text):
        found = map(Path, sorted(glob.glob(str(path), recursive=True)))
        # What a pattern happens to match is like a folder's contents: only what can be read.
        readable = [path for path in found if path.is_file() and _kind_by_suffix(path)]
        return _outside(readable, path, banned)
    return [path]


def _outside(paths: list[Path], pattern: Path, banned: Collection[Path]) -> list[Path]:
    """Those that do not lie in a banned folder below where the pattern begins to search."""
    fixed = takewhile(lambda part: not glob.has_magic(part), pattern.parts)
    start = Path(*fixed).resolve()
    below = [folder for folder in banned if folder != start and folder.is_relative_to(start)]
    if not below:
        return paths
    return [
        path for path in paths if not any(path.resolve().is_relative_to(folder) for folder in below)
    ]


def _not_a_path(text: str) -> Input:
    if is_address(text):
        if scheme := unknown_scheme(text):
            reason = f"cannot open {redacted(text)}: unknown scheme {scheme}"
            return Input(Kind.BROKEN, redacted(text), output_name(text), reason)
        return Input(Kind.STREAM, text, output_name(text))
    if text.isdecimal():
        return Input(Kind.CAMERA, text, PurePath(f"camera{text}"))
    return Input(Kind.BROKEN, text, PurePath(text), f"no file matches {text}")


def _shared_folder(paths: Sequence[Path]) -> Path:
    folders = [os.path.abspath(path if path.is_dir() else path.parent) for path in paths]
    try:
        return Path(os.path.commonpath(folders)) if folders else Path()
    except ValueError:  # Windows: different drives share nothing.
        return Path()


def _files_of(path: Path, base: Path, banned: set[Path]) -> tuple[list[Input], int]:
    """The inputs below a path and the number of files that are none."""
    if not path.is_dir():
        return [_file(path, base)], 0
    found, skipped = [], 0
    closed: list[OSError] = []
    for file in _walk(path, banned, closed.append):
        if kind := _kind_by_suffix(file):
            found.append(Input(kind, str(file), _relative(file, base)))
        else:
            skipped += 1
    for error in closed:
        folder = str(error.filename)
        reason = f"cannot read folder {folder}: {error.strerror}"
        found.append(Input(Kind.BROKEN, folder, _relative(Path(folder), base), reason))
    if not found:
        reason = f"{path} holds no picture and no video"
        found = [Input(Kind.BROKEN, str(path), _relative(path, base), reason)]
    return found, skipped


def _file(path: Path, base: Path) -> Input:
    name = _relative(path, base)
    if not os.path.exists(path):
        return Input(Kind.BROKEN, str(path), name, f"there is no file or folder {path}")
    return Input(_kind_by_suffix(path) or _kind_by_content(path), str(path), name)


def _kind_by_suffix(path: Path) -> Kind | None:
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES or suffix in HEIF_SUFFIXES:
        return Kind.PICTURE
    return Kind.VIDEO if suffix in VIDEO_SUFFIXES else None


def _kind_by_content(path: Path) -> Kind:
    """A file that the user names counts as what it is, whatever its ending."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path):
            return Kind.PICTURE
    except Image.DecompressionBombError:
        return Kind.PICTURE
    except (OSError, UnidentifiedImageError):
        return Kind.VIDEO


def _walk(folder: Path, banned: set[Path], on_error: Callable[[OSError], None]) -> Iterator[Path]:
    """The files below a folder in a fixed order; hidden ones and banned folders are left out."""
    for here, folders, files in os.walk(folder, onerror=on_error):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and (Path(here) / name).resolve() not in banned
        )
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(here) / name


def _relative(path: Path, base: Path) -> PurePath:
    absolute = Path(os.path.abspath(path))
    try:
        return absolute.relative_to(base)
    except ValueError:
        return PurePath(*absolute.parts[1:])


def _once(items: Iterable[Input]) -> Iterator[Input]:
    """The same file named twice counts once."""
    seen: set[str] = set()
    for item in items:
        key = item.location if item.is_live else os.path.abspath(item.location)
        if key not in seen:
            seen.add(key)
            yield item


def _numbered(items: Iterable[Input]) -> Iterator[Input]:
    """Inputs whose outputs would meet (two streams of one host, `a.heic` beside `a.heic.jpg`) get a
    number."""
    taken: set[PurePath] = set()
    for item in items:
        named, number = item, 1
        while named.target in taken:
            number += 1
            named = replace(item, name=item.name.with_name(f"{item.name.name}-{number}"))
        taken.add(named.target)
        yield named
