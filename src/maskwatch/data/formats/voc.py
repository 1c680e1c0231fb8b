"""Pascal VOC: an XML file a picture."""

from collections.abc import Collection
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from maskwatch.data.formats.files import (
    as_boxes,
    boxes_of,
    is_picture,
    lay,
    named,
    read_text,
    write_text,
)
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.names import Classes, classes_of, split_of
from maskwatch.errors import SourceError
from maskwatch.images import PICTURE_SUFFIXES, size_of

_LABELS = ("annotations", "Annotations", "annotations/xmls", "labels", "")
_PICTURES = ("images", "JPEGImages", "Images", "")
_SUFFIXES = [s for low in sorted(PICTURE_SUFFIXES) for s in (low, low.upper())]
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def has_voc(folder: Path) -> bool:
    """Whether XML files lie in it, or in its folder of annotations."""
    return any(next((folder / name).glob("*.xml"), None) is not None for name in _LABELS)


def read_voc(folder: Path, classes: Classes | None = None) -> LabelledSet:
    """The pictures and boxes of the XML files; parts as `ImageSets/Main/*.txt` lists them.

    Files that cannot be read, and such whose picture is missing, become `problems`.

    Raises:
        SourceError: a list of a part that is no text.
        UsageError: an object's name that is not understood.
    """
    files = next(found for n in _LABELS if (found := sorted((folder / n).glob("*.xml"))))
    trees: list[tuple[Path, Element]] = []
    problems = []
    for file in files:
        try:
            trees.append((file, ElementTree.parse(file).getroot()))
        except (OSError, ElementTree.ParseError) as error:
            problems.append(f"{file} cannot be read: {error}")
    names = dict.fromkeys(o.findtext("name", "") for _, tree in trees for o in tree.iter("object"))
    meanings = classes_of(names, classes)
    splits = _splits(folder, {file.stem for file in files})
    pictures = []
    for file, tree in trees:
        try:
            path = _picture(folder, file, tree.findtext("filename", ""))
            pictures.append(_labelled(path, tree, meanings, splits.get(file.stem)))
        except SourceError as error:
            problems.append(str(error))
    problems += _without_labels(folder, [picture.path for picture in pictures])
    return LabelledSet(folder, "voc", tuple(pictures), meanings, tuple(problems))


def _without_labels(folder: Path, labelled: Collection[Path]) -> list[str]:
    """A sentence about the pictures beside labelled ones that no file labels, if there are any."""
    found = {path for place in {p.parent for p in labelled} for path in place.iterdir()}
    unused = sum(is_picture(path) for path in found - set(labelled))
    return [f"pictures in {folder} that no file labels: {unused}"] if unused else []


def _labelled(path: Path, tree: Element, meanings: Classes, split: str | None) -> LabelledPicture:
    boxes, states, ignored = [], [], []
    for found in tree.iter("object"):
        state = meanings[found.findtext("name", "")]
        try:
            box = [float(found.findtext(f"bndbox/{corner}", "")) for corner in _CORNERS]
        except ValueError as error:
            if state is None:
                continue
            raise SourceError(f"the labels of {path} hold a box that is none: {error}") from error
        if state is None:
            ignored.append(box)
        else:
            boxes.append(box)
            states.append(state)
    return LabelledPicture(path, as_boxes(boxes), tuple(states), split, as_boxes(ignored))


def _picture(folder: Path, file: Path, name: str) -> Path:
    """The picture that an XML file names, or else one of the same stem."""
    places = [folder / inner for inner in _PICTURES] + [file.parent]
    named = [place / name for place in places if name and (place / name).is_file()]
    if named:
        return named[0]
    for place in places:
        for suffix in _SUFFIXES:
            if (place / f"{file.stem}{suffix}").is_file():
                return place / f"{file.stem}{suffix}"
    raise SourceError(f"{file} labels {name or file.stem}, which is not there")


def _splits(folder: Path, stems: Collection[str]) -> dict[str, str]:
    """The part of each stem that the lists name."""
    out: dict[str, str] = {}
    for listing in sorted(folder.glob("ImageSets/Main/*.txt")):
        split = split_of(listing.stem)
        for line in read_text(listing).splitlines() if split else ():
            stem = line.strip()
            if stem not in stems:  # Lists of one class have a 1 or -1 behind each name.
                stem = stem.rpartition(" ")[0].rstrip()
            out[stem] = split or ""
    return out


def write_voc(labelled: LabelledSet, out: Path) -> list[Path]:
    """Write `Annotations/`, `JPEGImages/` and `ImageSets/Main/` into `out`.

    Returns the pictures' new files, in their order.

    Raises:
        SourceError: a picture's size cannot be read.
        SinkError: a file cannot be written.
    """
    listings: dict[str, list[str]] = {}
    written: list[Path] = []
    for name, picture in named(labelled.pictures):
        stem = Path(name).stem
        boxes = boxes_of(picture)
        root = Element("annotation")
        SubElement(root, "folder").text = "JPEGImages"
        SubElement(root, "filename").text = name
        size = SubElement(root, "size")
        for key, value in zip(("width", "height"), size_of(picture.path), strict=True):
            SubElement(size, key).text = str(value)
        SubElement(size, "depth").text = "3"
        for box, state in zip(boxes.tolist(), picture.states, strict=True):
            found = SubElement(root, "object")
            SubElement(found, "name").text = state.value
            bounds = SubElement(found, "bndbox")
            for corner, value in zip(_CORNERS, box, strict=True):
                SubElement(bounds, corner).text = f"{value:.2f}".rstrip("0").rstrip(".")
        ElementTree.indent(root)
        text = ElementTree.tostring(root, encoding="unicode")
        write_text(text + "\n", out / "Annotations" / f"{stem}.xml")
        written.append(out / "JPEGImages" / name)
        lay(picture.path, written[-1])
        listings.setdefault(picture.split or "", []).append(stem)
    for split, stems in listings.items():
        if split:
            write_text("\n".join(stems) + "\n", out / "ImageSets" / "Main" / f"{split}.txt")
    return written
