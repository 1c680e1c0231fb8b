"""YOLO: a text file a picture, a line a face: class, centre x, y, width, height in parts of 1."""

from pathlib import Path
from typing import Any

import numpy as np

from maskwatch.data.formats.files import boxes_of, lay, named, pictures_below, write_text
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.names import Classes, classes_of, split_of
from maskwatch.errors import MissingExtra, SourceError
from maskwatch.images import size_of
from maskwatch.types import CLASSES

_CONFIGS = ("data.yaml", "data.yml", "dataset.yaml")
_LISTS = ("classes.txt", "obj.names", "_darknet.labels", "labels/classes.txt")


def has_yolo(folder: Path) -> bool:
    """Whether a file there names the classes of a YOLO set."""
    return any((folder / name).is_file() for name in (*_CONFIGS, *_LISTS))


def read_yolo(path: Path, classes: Classes | None = None) -> LabelledSet:
    """The pictures below a folder with the text files of their faces.

    Labels lie beside a picture or, in the same place, below `labels` instead of `images`; pictures
    without such a file have no face. A folder `train`, `val` or `test` on the way is the part.

    Args:
        path: the folder, or its data.yaml.
        classes: what class names mean, where their spelling does not say.

    Raises:
        SourceError: the classes cannot be read.
        UsageError: a class name that is not understood.
        MissingExtra: a data.yaml without the extra that reads it.
    """
    folder = path if path.is_dir() else path.parent
    names = _names(path)
    meanings = classes_of(names, classes)
    states = [meanings[name] for name in names]
    pictures, problems = [], []
    for picture in pictures_below(folder):
        split = next(filter(None, map(split_of, picture.relative_to(folder).parts[:-1])), None)
        try:
            rows = _rows(_labels_file(folder, picture), len(states))
            width, height = size_of(picture) if len(rows) else (1, 1)
        except SourceError as error:
            problems.append(str(error))
            continue
        rows = rows[[states[int(number)] is not None for number in rows[:, 0]]]
        middles, halves = rows[:, 1:3], rows[:, 3:5] / 2
        boxes = np.hstack([middles - halves, middles + halves]) * [width, height, width, height]
        known = [states[int(number)] for number in rows[:, 0]]
        pictures.append(
            LabelledPicture(
                picture, boxes.astype(np.float32), tuple(s for s in known if s is not None), split
            )
        )
    return LabelledSet(folder, "yolo", tuple(pictures), meanings, tuple(problems))


def _names(path: Path) -> list[str]:
    """Class names in the order of their numbers."""
    places = [path] if path.is_file() else [path / name for name in (*_CONFIGS, *_LISTS)]
    file = next(place for place in places if place.is_file())
    text = file.read_text(encoding="utf-8")
    if file.suffix not in (".yaml", ".yml"):
        return [line.strip() for line in text.splitlines() if line.strip()]
    try:
        import yaml
    except ImportError as error:
        raise MissingExtra(f"{file} needs an extra: pip install 'maskwatch[data]'") from error
    try:
        names: Any = yaml.safe_load(text)["names"]
        return [str(names[i]) for i in sorted(names)] if isinstance(names, dict) else list(names)
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise SourceError(f"{file} does not name its classes: {error!r}") from error


def _labels_file(folder: Path, picture: Path) -> Path:
    parts = list(picture.relative_to(folder).with_suffix(".txt").parts)
    if "images" in parts[:-1]:
        last = len(parts) - 2 - parts[-2::-1].index("images")
        parts[last] = "labels"
        return folder.joinpath(*parts)
    return picture.with_suffix(".txt")


def _rows(file: Path, classes: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Class and four fractions for each face, shape (n, 5); longer rows (outlines) are refused."""
    if not file.is_file():
        return np.zeros((0, 5))
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        rows = [[float(word) for word in line.split()] for line in lines]
        table = np.array([row for row in rows if row], np.float64).reshape(-1, 5)
    except ValueError as error:
        raise SourceError(f"{file} is not a file of five numbers a line: {error}") from error
    if (len(table) and not (table[:, 0] >= 0).all()) or (table[:, 0] >= classes).any():
        raise SourceError(f"{file} has a class beyond the {classes} that are named")
    return table


def write_yolo(labelled: LabelledSet, out: Path) -> None:
    """Write `data.yaml`, `images/` and `labels/` into `out`, each with a folder a part.

    Raises:
        UsageError: the set has no boxes.
        SourceError: a picture's size cannot be read.
        SinkError: a file cannot be written.
    """
    for split in labelled.splits:
        part = [p for p in labelled.pictures if p.split == split]
        for name, picture in named(part):
            boxes = boxes_of(labelled, picture)
            size = np.array(size_of(picture.path) * 2, np.float64)
            middle_size = np.hstack(
                [(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]]
            )
            lines = [
                f"{CLASSES.index(state)} " + " ".join(f"{value:.6f}" for value in row)
                for state, row in zip(picture.states, middle_size / size, strict=True)
            ]
            labels = out / "labels" / (split or "") / f"{Path(name).stem}.txt"
            write_text("".join(f"{line}\n" for line in lines), labels)
            lay(picture.path, out / "images" / (split or "") / name)
    places = [f"{split}: images/{split}\n" for split in labelled.splits if split]
    names = ", ".join(state.value for state in CLASSES)
    write_text("".join(["path: .\n", *places, f"names: [{names}]\n"]), out / "data.yaml")
