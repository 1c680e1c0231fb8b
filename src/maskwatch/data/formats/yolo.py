"""YOLO: a text file a picture, a line a face: class, centre x, y, width, height in parts of 1."""

import math
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maskwatch.data.formats.files import (
    boxes_of,
    lay,
    named_parts,
    pictures_below,
    read_text,
    write_text,
)
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.names import Classes, classes_of, split_of
from maskwatch.errors import MissingExtra, SourceError
from maskwatch.images import size_of
from maskwatch.types import CLASSES

_CONFIGS = ("data.yaml", "data.yml", "dataset.yaml")
_FARTHEST = 0.6
"""From the middle, in parts of the picture: rounding may put a box a little outside."""
_WITH_LANDMARKS = 15
_NEAR_MIDDLE = 0.25
"""Of a face's box, in parts of its size: the mean of its landmarks."""
_LISTS = ("classes.txt", "obj.names", "_darknet.labels", "labels/classes.txt")


def has_yolo(folder: Path) -> bool:
    """Whether a file there names the classes of a YOLO set.

    A list of classes lies beside other sets, too: then a picture must have a file of labels.
    """
    config = _config(folder)
    if config is None or config.name in _CONFIGS:
        return config is not None
    return any(_labels_file(folder, picture).is_file() for picture in pictures_below(folder))


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
    meanings = classes_of(names.values(), classes)
    states = {number: meanings[name] for number, name in names.items()}
    pictures: list[LabelledPicture] = []
    problems: list[str] = []
    keypoints = _keypoints(path)
    used = set()
    for picture in pictures_below(folder):
        file = _labels_file(folder, picture)
        used |= {file} if file.is_file() else set()
        split = next(filter(None, map(split_of, picture.relative_to(folder).parts[:-1])), None)
        try:
            rows = _rows(file, names, keypoints)
            width, height = size_of(picture) if len(rows) else (1, 1)
        except SourceError as error:
            problems.append(str(error))
            continue
        middles, halves = rows[:, 1:3], rows[:, 3:5] / 2
        boxes = np.hstack([middles - halves, middles + halves]) * [width, height, width, height]
        known = [states[int(number)] for number in rows[:, 0]]
        kept = np.array([state is not None for state in known], bool)
        labelled, ignored = (boxes[some].astype(np.float32) for some in (kept, ~kept))
        told = tuple(state for state in known if state is not None)
        pictures.append(LabelledPicture(picture, labelled, told, split, ignored))
    problems += _unused(folder, used, len(pictures))
    return LabelledSet(folder, "yolo", tuple(pictures), meanings, tuple(problems))


def _unused(folder: Path, used: Collection[Path], count: int) -> Iterator[str]:
    """Sentences about files of labels without a picture, and pictures that all have none."""
    if count and not used:
        yield f"no picture in {folder} has a file of labels: all {count} are read as without faces"
    lists = {folder / name for name in _LISTS}
    files = {file for file in folder.rglob("*.txt") if "labels" in file.relative_to(folder).parts}
    if unused := len(files - set(used) - lists):
        yield f"files of labels in {folder} without a picture: {unused}"


def _config(path: Path) -> Path | None:
    """The file that names a set's classes."""
    if path.is_file():
        return path
    named = [path / name for name in (*_CONFIGS, *_LISTS) if (path / name).is_file()]
    others = [f for f in sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if _has_names(f)]
    return next(iter([*named, *others]), None)


def _has_names(file: Path) -> bool:
    try:
        return "names:" in read_text(file)
    except SourceError:
        return False


def _names(path: Path) -> dict[int, str]:
    """Class names by their numbers."""
    file = _config(path)
    if file is None:
        raise SourceError(f"{path} has no data.yaml or classes.txt that names its classes")
    if file.suffix not in (".yaml", ".yml"):
        lines = read_text(file).splitlines()
        return dict(enumerate(line.strip() for line in lines if line.strip()))
    try:
        names = _content(file)["names"]
        listed = names.items() if isinstance(names, dict) else enumerate(names)
        if isinstance(names, str):
            raise TypeError("names is a word, not a list")
        return {int(number): str(name) for number, name in listed}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(f"{file} does not name its classes as a list: {error}") from error


def _keypoints(path: Path) -> int:
    """How many numbers of keypoints stand behind each box, as the configuration says; else 0."""
    file = _config(path)
    if file is None or file.suffix not in (".yaml", ".yml"):
        return 0
    try:
        return math.prod(int(number) for number in _content(file)["kpt_shape"])
    except (KeyError, TypeError, ValueError):
        return 0


def _content(file: Path) -> Any:
    """What a configuration says, as plain text: `yes` and `no` are names here.

    Raises:
        SourceError: it is not YAML.
        MissingExtra: nothing is installed that reads it.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingExtra(f"{file} needs an extra: pip install 'maskwatch[data]'") from error
    try:
        return yaml.load(read_text(file), Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise SourceError(f"{file} is not YAML: {error}") from error


def _labels_file(folder: Path, picture: Path) -> Path:
    parts = list(picture.relative_to(folder).with_suffix(".txt").parts)
    if "images" in parts[:-1]:
        last = len(parts) - 2 - parts[-2::-1].index("images")
        parts[last] = "labels"
        return folder.joinpath(*parts)
    return picture.with_suffix(".txt")


def _rows(
    file: Path, names: dict[int, str], keypoints: int = 0
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Class and four fractions for each face, shape (n, 5); of an outline the box around it.

    Behind a box may be `keypoints` numbers, or the five landmarks of YOLO5Face.

    Raises:
        SourceError: other rows, a class that is not named, or places beyond the picture.
    """
    if not file.is_file():
        return np.zeros((0, 5))
    try:
        lines = read_text(file).splitlines()
        rows = [[float(word) for word in line.split()] for line in lines if line.strip()]
    except ValueError as error:
        raise SourceError(f"{file} is not a file of five numbers a line: {error}") from error
    rows = [row[:5] if len(row) == 5 + keypoints or _has_landmarks(row) else row for row in rows]
    if any(len(row) != 5 and (len(row) < 7 or len(row) % 2 == 0) for row in rows):
        raise SourceError(f"{file} has lines that are neither a class and a box nor an outline")
    table = np.array([row if len(row) == 5 else _around(row) for row in rows]).reshape(-1, 5)
    if not np.isfinite(table).all() or not set(table[:, 0].tolist()) <= set(map(float, names)):
        raise SourceError(f"{file} has a class that is not among {sorted(names)}")
    if (np.abs(table[:, 1:] - 0.5) > _FARTHEST).any():
        raise SourceError(f"{file} has boxes beyond the picture: are they in pixels?")
    return table


def _has_landmarks(row: Sequence[float]) -> bool:
    """Whether a row that could be an outline of seven corners is a box with five landmarks: in the
    middle of it, or written as -1."""
    if len(row) != _WITH_LANDMARKS:
        return False
    middle, size = np.array(row[1:3]), np.array(row[3:5])
    points = np.array(row[5:]).reshape(-1, 2)
    if (points < 0).any():
        return True
    off = np.abs(points - middle)
    near = np.abs(points.mean(axis=0) - middle) < _NEAR_MIDDLE * size
    return bool((off <= size / 2).all() and near.all())


def _around(outline: Sequence[float]) -> list[float]:
    """The class, and centre and size of the box around an outline x, y, x, y, ..."""
    x, y = np.array(outline[1::2]), np.array(outline[2::2])
    middles = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
    return [outline[0], *map(float, middles), float(np.ptp(x)), float(np.ptp(y))]


def write_yolo(labelled: LabelledSet, out: Path) -> list[Path]:
    """Write `data.yaml`, `images/` and `labels/` into `out`, each with a folder a part.

    Returns the pictures' new files, in their order.

    Raises:
        SourceError: a picture's size cannot be read.
        SinkError: a file cannot be written.
    """
    written: dict[int, Path] = {}
    for split, part in named_parts(labelled):
        for name, picture in part:
            boxes = boxes_of(picture)
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
            file = out / "images" / (split or "") / name
            lay(picture.path, file)
            written[id(picture)] = file
    # Without `path`, places are told from where this file lies.
    places = [
        f"{split or 'train'}: images/{split or ''}".rstrip("/") + "\n" for split in labelled.splits
    ]
    names = ", ".join(state.value for state in CLASSES)
    write_text("".join([*places, f"names: [{names}]\n"]), out / "data.yaml")
    return [written[id(picture)] for picture in labelled.pictures]
