"""Faces cut out, sheets of samples, folders that a run may write."""

from pathlib import Path

import numpy as np
import pytest

from maskwatch.data.choices import Which, Without
from maskwatch.data.cutting import Cutting, cut_out_faces, listing_row, parse_offsets
from maskwatch.data.finding import Finding
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.outputs import check_file, check_folder, start_folder, write_note
from maskwatch.data.sheet import sample_sheet
from maskwatch.draw import COLOURS
from maskwatch.errors import SourceError, UsageError
from maskwatch.images import decode, encode
from maskwatch.types import Image, MaskState
from tests.conftest import ASTRONAUT_BOX, FixedDetector

M, N = MaskState.MASK, MaskState.NO_MASK
TWO = FixedDetector([ASTRONAUT_BOX, [0, 0, 300, 280]])


def test_offsets() -> None:
    assert parse_offsets("0.2") == (0.2, 0.2, 0.2, 0.2)
    assert parse_offsets("0.1, 0.3,0,-0.1") == (0.1, 0.3, 0, -0.1)
    for text in ("", "a", "1,2"):
        with pytest.raises(UsageError, match="one number or four"):
            parse_offsets(text)
    with pytest.raises(UsageError, match="between -0.45 and 10"):
        Cutting(offsets=(0, 0, 0, 11))


def test_largest_or_all(tmp_path: Path, photo: Path) -> None:
    picture = LabelledPicture(photo, None, (N,), "train")
    (cut,) = cut_out_faces([picture], TWO, Cutting(), tmp_path / "largest")
    (face,) = cut.faces
    assert face.file == tmp_path / "largest" / "train" / "no_mask" / "photo.jpg"
    assert decode(face.file).shape == (280, 300, 3)
    assert (face.box, face.state, face.known_by) == ((0, 0, 300, 280), N, "detector")
    how = Cutting(finding=Finding(which=Which.ALL), offsets=(0.5, 0, 0.5, 0.25))
    (cut,) = cut_out_faces([picture], TWO, how, tmp_path / "all")
    assert [face.file.name for face in cut.faces] == ["photo.jpg", "photo_2.jpg"]
    assert decode(cut.faces[0].file).shape == (112 + 28, 92 * 2, 3)


def test_a_crop_ends_where_its_picture_does(tmp_path: Path, photo: Path) -> None:
    """Nothing is made up beyond the edge, neither by a margin nor by a box that reaches there."""
    boxes = np.array([[-30, -20, 100, 90], [440, 400, 500, 512]], np.float32)
    how = Cutting(offsets=(0.5,) * 4)
    (done,) = cut_out_faces([LabelledPicture(photo, boxes, (N, M))], TWO, how, tmp_path)
    crops = [decode(face.file) for face in done.faces]
    assert [crop.shape[:2] for crop in crops] == [(135, 150), (168, 102)]
    assert np.abs(crops[0].astype(int) - decode(photo)[:135, :150]).mean() < 3, "its own pixels"


def test_labels_need_no_detector(tmp_path: Path, photo: Path) -> None:
    boxes = np.array([ASTRONAUT_BOX, [0, 0, 20, 30], [600, 0, 700, 90]], np.float32)
    picture = LabelledPicture(photo, boxes, (N, M, M))
    (cut,) = cut_out_faces([picture], TWO, Cutting(finding=Finding(min_face=16)), tmp_path)
    assert [(f.state, f.known_by) for f in cut.faces] == [(N, "label"), (M, "label")]
    assert decode(tmp_path / "mask" / "photo.jpg").shape == (30, 20, 3)
    assert listing_row(cut.faces[1], tmp_path)[:2] == ("mask/photo.jpg", str(photo))


def test_no_face_and_no_picture(tmp_path: Path, photo: Path, astronaut: Image) -> None:
    nobody = FixedDetector([])
    again = tmp_path / "other" / "photo.png"
    encode(astronaut, again)
    gone = tmp_path / "gone.jpg"
    pictures = [LabelledPicture(path, None, ()) for path in (photo, gone, again)]
    first, broken, second = cut_out_faces(pictures, nobody, Cutting(), tmp_path / "skip")
    assert (first.faces, second.faces) == ((), ())
    assert broken.error is not None
    assert "cannot read" in broken.error
    whole = cut_out_faces(
        pictures, nobody, Cutting(finding=Finding(without=Without.WHOLE)), tmp_path / "whole"
    )
    files = [face.file.name for cut in whole for face in cut.faces]
    assert files == ["photo.jpg", "photo_2.jpg"]


def test_a_sheet(tmp_path: Path, photo: Path) -> None:
    boxes = np.array([ASTRONAUT_BOX, [0, 0, 20, 30]], np.float32)
    pictures = (
        LabelledPicture(photo, boxes, (N, M)),
        LabelledPicture(tmp_path / "gone.jpg", boxes, (N, M)),
    )
    labelled = LabelledSet(tmp_path, "coco", pictures)
    sheet = sample_sheet(labelled, columns=3, rows=2, side=32)
    assert sheet.shape == (2 * (28 + 32), 96, 3)
    assert tuple(sheet[2, 90]) == COLOURS[M]
    assert tuple(sheet[62, 90]) == COLOURS[N]
    assert (sheet[28:60, 32:] == 255).all(), "what cannot be read leaves its place empty"
    dark = sample_sheet(labelled, columns=3, side=32, change=np.zeros_like)
    assert not dark[28:60, :32].any()
    with pytest.raises(SourceError, match="can be read"):
        sample_sheet(LabelledSet(tmp_path, "coco", pictures[1:]))


def test_folders_are_replaced_if_they_are_ours(tmp_path: Path) -> None:
    out = tmp_path / "out"
    reads = tmp_path / "set"
    check_folder(out, "test", [reads], overwrite=False)
    (out / "mask").mkdir(parents=True)
    with pytest.raises(UsageError, match="--overwrite"):
        check_folder(out, "test", [reads], overwrite=False)
    with pytest.raises(UsageError, match="was not written by maskwatch"):
        check_folder(out, "test", [reads], overwrite=True)
    write_note(out, {"command": "test"})
    with pytest.raises(UsageError, match="was not written by maskwatch other"):
        check_folder(out, "other", [reads], overwrite=True)
    check_folder(out, "test", [reads, None], overwrite=True)
    assert (out / "mask").exists(), "nothing goes before there is something in its place"
    for inside in (out, out / "mask"):
        with pytest.raises(UsageError, match="holds what is read"):
            check_folder(out, "test", [inside], overwrite=True, inside=True)
    with pytest.raises(UsageError, match="lies in what is read"):
        check_folder(out, "test", [tmp_path], overwrite=True)
    start_folder(out, "test")
    assert [path.name for path in out.iterdir()] == ["maskwatch.json"]
    assert '"finished": false' in (out / "maskwatch.json").read_text()
    with pytest.raises(UsageError, match="is a file"):
        check_folder(out / "maskwatch.json", "test", [reads], overwrite=True)
    with pytest.raises(UsageError, match="--overwrite"):
        check_file(out / "maskwatch.json", overwrite=False)
    check_file(out / "other.png", overwrite=False)
