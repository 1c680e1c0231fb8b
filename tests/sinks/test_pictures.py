from pathlib import Path, PurePath

import numpy as np

from maskwatch.images import decode
from maskwatch.sinks.crops import CropSink, crops_of
from maskwatch.sinks.pictures import PictureSink
from maskwatch.types import Image
from tests.conftest import ASTRONAUT_BOX, faces_at, result_of

MASKED = faces_at([ASTRONAUT_BOX, [0, 0, 20, 20]], [[0.9, 0.05, 0.05], [0.0, 0.1, 0.9]])


def test_photos_keep_their_relative_path(tmp_path: Path, astronaut: Image) -> None:
    with PictureSink(tmp_path) as sink:
        sink.write(result_of(astronaut, MASKED, name=PurePath("a/b/c.png")))
        sink.write(result_of(astronaut, MASKED, name=PurePath("a/d.heic")))
    drawn = decode(tmp_path / "a" / "b" / "c.png")
    assert drawn.shape == astronaut.shape
    assert (drawn != astronaut).any()
    assert (tmp_path / "a" / "d.heic.jpg").is_file()


def test_frames_and_errors_are_no_photos(tmp_path: Path, astronaut: Image) -> None:
    with PictureSink(tmp_path / "out") as sink:
        sink.write(result_of(astronaut, MASKED, still=False))
        sink.write(result_of(None, error="broken"))
    assert not (tmp_path / "out").exists()


def test_every_face_is_cut_out(tmp_path: Path, astronaut: Image) -> None:
    with CropSink(tmp_path) as sink:
        sink.write(result_of(astronaut, MASKED, name=PurePath("in/a.jpg")))
    face = decode(tmp_path / "in" / "a.jpg_0_mask.jpg")
    assert face.shape == (112, 92, 3)
    assert np.abs(face.astype(int) - astronaut[63:175, 178:270]).mean() < 5
    assert decode(tmp_path / "in" / "a.jpg_1_incorrect.jpg").shape == (20, 20, 3)


def test_the_margin_widens_the_box(tmp_path: Path, astronaut: Image) -> None:
    with CropSink(tmp_path, 0.25) as sink:
        sink.write(result_of(astronaut, MASKED[:1], name=PurePath("v.mp4"), index=12, still=False))
    assert decode(tmp_path / "v.mp4" / "000012_0_mask.jpg").shape == (168, 138, 3)


def test_what_was_cut_is_found_again_and_nothing_else(tmp_path: Path, astronaut: Image) -> None:
    with CropSink(tmp_path) as sink:
        for name in ("in/a.jpg", "in/a.jpg_0_mask", "b.jpg"):
            sink.write(result_of(astronaut, MASKED, name=PurePath(name)))
        sink.write(result_of(astronaut, MASKED, name=PurePath("v.mp4"), index=12, still=False))
    for mine in ("in/a.jpg", "in/a.jpg_0_no.jpg", "v.mp4/notes_0_mask.jpg"):
        (tmp_path / mine).write_bytes(b"mine")
    found = crops_of(tmp_path, [PurePath("in/a.jpg"), PurePath("gone/c.jpg")], [PurePath("v.mp4")])
    assert sorted(file.relative_to(tmp_path).as_posix() for file in found) == [
        "in/a.jpg_0_mask.jpg", "in/a.jpg_1_incorrect.jpg",
        "v.mp4/000012_0_mask.jpg", "v.mp4/000012_1_incorrect.jpg",
    ]  # fmt: skip
