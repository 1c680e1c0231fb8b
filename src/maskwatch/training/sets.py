"""The labelled sets that models that ship are trained on."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from maskwatch.data.corrections import corrected, read_corrections
from maskwatch.data.crops import FaceCrops, cut_faces
from maskwatch.data.formats import read_coco, read_folders
from maskwatch.data.labelled import LabelledPicture, without
from maskwatch.errors import SourceError
from maskwatch.models.detectors import DetectorOptions, open_detector

SOURCES = ("ilc2021-train", "macwinwin-498", "balajisrinivas-3833")
WHOLE_PICTURES = SOURCES[2:]
"""Those whose pictures are labelled as a whole, in folders, not face by face."""
_NOT_FOR_SHIPPED = "not-for-shipped-models.txt"


def read_sets(data: Path, corrections: Path | None) -> list[Iterable[LabelledPicture]]:
    """The pictures of each source.

    Args:
        data: folder of the sets.
        corrections: folder of files `corrections-SOURCE.json`, or None for the labels as published.

    Raises:
        SourceError: one of the sets is not there, or cannot be read.
    """
    missing = [source for source in SOURCES if not (data / source).is_dir()]
    if missing:
        raise SourceError(
            f"{data} must hold the sets {', '.join(SOURCES)}; missing: {', '.join(missing)}"
        )
    listed = read_folders(data / SOURCES[2]).pictures
    sets: list[Iterable[LabelledPicture]] = [
        read_coco(data / SOURCES[0]).pictures,
        read_coco(data / SOURCES[1]).pictures,
        without(listed, data, data / _NOT_FOR_SHIPPED),
    ]
    if corrections is None:
        return sets
    files = [corrections / f"corrections-{source}.json" for source in SOURCES]
    return [
        corrected(pictures, read_corrections(file))
        for pictures, file in zip(sets, files, strict=True)
    ]


def load_crops(folder: Path, data: Path, corrections: Path | None) -> FaceCrops:
    """The faces of all sets: cut out, and kept in `folder` for as long as the corrections stay."""
    cache = folder / f"faces-{labels_key(corrections)}.npz"
    if not cache.exists():
        folder.mkdir(parents=True, exist_ok=True)
        detector = open_detector("yunet", DetectorOptions(threads=1))
        cut_faces(read_sets(data, corrections), detector).save(cache)
    return FaceCrops.load(cache)


def labels_key(corrections: Path | None) -> str:
    """Short, and another for other labels."""
    if corrections is None:
        return "as-published"
    files = (corrections / f"corrections-{source}.json" for source in SOURCES)
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
