"""What all formats need: finding pictures, and laying them down elsewhere."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.errors import MaskwatchError, SinkError, SourceError
from maskwatch.images import HEIF_SUFFIXES, PICTURE_SUFFIXES, size_of
from maskwatch.types import Boxes


def is_picture(path: Path) -> bool:
    """Whether its suffix is that of a picture, and it is not hidden."""
    suffixes = PICTURE_SUFFIXES | HEIF_SUFFIXES
    return path.suffix.lower() in suffixes and not path.name.startswith(".")


def pictures_below(folder: Path) -> Iterator[Path]:
    """All pictures in a folder and its folders, sorted."""
    return (path for path in sorted(folder.rglob("*")) if is_picture(path) and path.is_file())


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, sorted.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return sorted(inner for inner in folder.iterdir() if inner.is_dir())
    except OSError as error:
        raise SourceError(f"cannot read folder {folder}: {error.strerror}") from error


def why_closed(folder: Path) -> str | None:
    """Why a folder cannot be read, as a sentence; None where it can."""
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        return f"cannot read folder {folder}: {error.strerror}"
    return None


def lay(picture: Path, target: Path) -> None:
    """Put a picture there too: a second name of the same file where that can be, else a copy.

    Raises:
        SinkError: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(picture.resolve(), target)
        except OSError:
            shutil.copy2(picture, target)
    except OSError as error:
        raise SinkError(f"cannot write {target}: {error.strerror}") from error


def read_text(path: Path) -> str:
    """A small file of text; editors of Windows mark UTF-8 with three bytes, which are no text.

    Raises:
        SourceError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is no text in UTF-8: save it as such") from error


def write_text(text: str, path: Path) -> None:
    """Write a small file and its folders.

    Raises:
        SinkError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}") from error


def named(pictures: Iterable[LabelledPicture]) -> list[tuple[str, LabelledPicture]]:
    """A file name for each picture, all different: its own, or with a number where that is taken.

    Names are told apart without their suffix and case, since labels lie in files of the same stem.
    """
    taken: set[str] = set()
    out = []
    for picture in pictures:
        stem, suffix = picture.path.stem, picture.path.suffix
        stem, number = stem, 1
        while stem.lower() in taken:
            number += 1
            stem = f"{picture.path.stem}_{number}"
        taken.add(stem.lower())
        out.append((f"{stem}{suffix}", picture))
    return out


def named_parts(
    labelled: LabelledSet,
) -> Iterator[tuple[str | None, list[tuple[str, LabelledPicture]]]]:
    """Each part of a set with its pictures and their file names, all different within the part."""
    for split in labelled.splits:
        yield split, named(picture for picture in labelled.pictures if picture.split == split)


def readable(labelled: LabelledSet) -> tuple[LabelledSet, list[str]]:
    """The set without pictures whose size cannot be read, and the reasons."""
    kept, errors = [], []
    for picture in labelled.pictures:
        try:
            size_of(picture.path)
        except MaskwatchError as error:
            errors.append(str(error))
        else:
            kept.append(picture)
    return replace(labelled, pictures=tuple(kept)), errors


def as_boxes(rows: Sequence[Sequence[float]]) -> Boxes:
    """Boxes as an array of shape (n, 4)."""
    return np.array(rows, np.float32).reshape(-1, 4)


def boxes_of(picture: LabelledPicture) -> Boxes:
    """The boxes of a picture, shape (n, 4); none where it is labelled as a whole."""
    return np.zeros((0, 4), np.float32) if picture.boxes is None else picture.boxes
