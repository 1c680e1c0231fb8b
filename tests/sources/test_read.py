from pathlib import Path

import numpy as np

from maskwatch.images import encode
from maskwatch.sources.inputs import spell_out
from maskwatch.sources.read import ReadOptions, read_frames
from maskwatch.types import Frame
from tests.conftest import MakeVideo

GREY = np.full((8, 8, 3), 90, np.uint8)


def read(*paths: Path) -> list[Frame]:
    return list(read_frames(spell_out([str(path) for path in paths]).items, ReadOptions()))


def test_one_bad_file_among_many(tmp_path: Path, make_video: MakeVideo) -> None:
    folder = tmp_path / "in"
    for i in range(9):
        encode(GREY, folder / f"{i}.png")
    (folder / "4.png").write_text("no picture")
    make_video("in/5a.mp4", count=3)
    (folder / "5b.mp4").write_bytes(b"no video")
    frames = read(folder)
    bad = {Path(frame.path).name for frame in frames if frame.error}
    assert bad == {"4.png", "5b.mp4"}
    assert [Path(f.path).name for f in frames] == sorted(Path(f.path).name for f in frames)
    assert sum(frame.image is not None for frame in frames) == 8 + 3


def test_a_broken_input_is_one_frame_with_its_reason(tmp_path: Path) -> None:
    (frame,) = read(tmp_path / "gone.jpg")
    assert frame.image is None
    assert "there is no file or folder" in str(frame.error)


def test_seconds_of_a_video(make_video: MakeVideo) -> None:
    path = make_video(count=50)
    frames = list(read_frames(spell_out([str(path)]).items, ReadOptions(max_seconds=1.0)))
    assert len(frames) == 25


def test_stopping_early_leaves_no_thread(tmp_path: Path) -> None:
    import threading

    for i in range(20):
        encode(GREY, tmp_path / "in" / f"{i}.png")
    before = threading.active_count()
    frames = read_frames(spell_out([str(tmp_path / "in")]).items, ReadOptions())
    next(frames)
    frames.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
