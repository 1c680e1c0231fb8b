"""Class folders: one folder a state, one face a picture."""

from collections import Counter
from pathlib import Path

from maskwatch.data.formats.files import (
    folders_in,
    is_picture,
    lay,
    named,
    pictures_below,
    why_closed,
)
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.names import Classes, classes_of


def class_folders(folder: Path) -> list[Path]:
    """The folders in it that hold pictures, or nothing at all; sorted.

    Raises:
        SourceError: it cannot be read.
    """
    return [
        inner
        for inner in folders_in(folder)
        if not inner.name.startswith((".", "__"))
        and not why_closed(inner)
        and (not any(inner.iterdir()) or next(pictures_below(inner), None) is not None)
    ]


def read_folders(folder: Path, classes: Classes | None = None) -> LabelledSet:
    """The pictures of folders that are named by the state of the one face in each.

    Raises:
        UsageError: a folder whose name is no known class.
    """
    folders = class_folders(folder)
    meanings = classes_of([inner.name for inner in folders], classes)
    pictures: list[LabelledPicture] = []
    problems = [reason for inner in folders_in(folder) if (reason := why_closed(inner))]
    for inner in folders:
        state = meanings[inner.name]
        if state is None:
            continue
        found = [LabelledPicture(path, None, (state,)) for path in pictures_below(inner)]
        pictures += found
        if not found:
            problems.append(f"the class folder {inner} has no picture")
        problems += _others(inner)
    return LabelledSet(folder, "folders", tuple(pictures), meanings, tuple(problems))


def _others(folder: Path) -> list[str]:
    """A sentence about files of a class folder that are no pictures by their names, if any."""
    suffixes = Counter(
        path.suffix.lower() or "no suffix"
        for path in folder.rglob("*")
        if path.is_file() and not is_picture(path) and not path.name.startswith(".")
    )
    if not suffixes:
        return []
    words = ", ".join(f"{count} with {suffix}" for suffix, count in sorted(suffixes.items()))
    return [f"files in {folder} that are not read as pictures: {words}"]


def write_folders(labelled: LabelledSet, out: Path) -> list[Path]:
    """Lay pictures down in `out/STATE/`, or `out/SPLIT/STATE/`.

    Returns their new files, in their order.

    Raises:
        SinkError: a file cannot be written.
    """
    folders: dict[Path, list[LabelledPicture]] = {}
    for picture in labelled.pictures:
        folder = out / (picture.split or "") / picture.states[0]
        folders.setdefault(folder, []).append(picture)
    written: dict[int, Path] = {}
    for folder, pictures in folders.items():
        for name, picture in named(pictures):
            lay(picture.path, folder / name)
            written[id(picture)] = folder / name
    return [written[id(picture)] for picture in labelled.pictures]
