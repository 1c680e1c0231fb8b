from pathlib import Path, PurePath

import numpy as np
import pytest

from maskwatch.errors import SourceError
from maskwatch.sources.stride import Stride
from maskwatch.sources.video import estimated_frames, video_frames
from maskwatch.types import Frame
from tests.conftest import MakeVideo

SLOW = [0, 0.04, 0.08, 0.5, 0.54, 2.0]


def frames_of(path: Path, stride: str | None = None) -> list[Frame]:
    return list(video_frames(str(path), PurePath(path.name), Stride.parse(stride)))


def test_frames_come_in_order_with_their_pixels(make_video: MakeVideo) -> None:
    frames = frames_of(make_video(count=25))
    assert [frame.index for frame in frames] == list(range(25))
    assert [frame.time for frame in frames] == pytest.approx([i / 25 for i in range(25)], abs=1e-3)
    means = [frame.image.mean() for frame in frames if frame.image is not None]
    assert means == pytest.approx([2 * i for i in range(25)], abs=4)


@pytest.mark.parametrize("name", ["v.mkv", "v.mov", "v.ts", "v.avi"])
def test_containers_start_at_zero(make_video: MakeVideo, name: str) -> None:
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    frames = frames_of(make_video(name, codec=codec))
    assert len(frames) == 25
    assert frames[0].time == pytest.approx(0, abs=0.09)
    assert frames[24].time - frames[0].time == pytest.approx(24 / 25, abs=1e-2)


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_variable_frame_rate(make_video: MakeVideo, name: str) -> None:
    frames = frames_of(make_video(name, count=6, times=SLOW))
    assert [frame.time for frame in frames] == pytest.approx(SLOW, abs=2e-3)


@pytest.mark.parametrize(("stride", "indices"), [("10", [0, 10, 20]), ("400ms", [0, 10, 20])])
def test_strides(make_video: MakeVideo, stride: str, indices: list[int]) -> None:
    assert [frame.index for frame in frames_of(make_video(), stride)] == indices


def test_rotation_of_a_phone_is_applied(shared: Path) -> None:
    clip = shared / "clips" / "man-puts-mask-on-rotated.mp4"
    frame = next(video_frames(str(clip), PurePath("v"), Stride()))
    assert frame.image is not None
    assert frame.image.shape == (1280, 720, 3)


def test_a_video_cut_off_in_the_middle_keeps_its_frames(make_video: MakeVideo) -> None:
    path = make_video(count=120, size_wh=(320, 240), options={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.7)])
    frames = frames_of(path)
    assert len(frames) > 10
    assert all(frame.error is None for frame in frames[:-1])
    assert "is cut off" in str(frames[-1].error)


@pytest.mark.parametrize("name", ["v.avi", "v.mkv"])
def test_cut_off_in_other_containers(make_video: MakeVideo, name: str) -> None:
    path = make_video(name, count=120, size_wh=(320, 240), codec="mpeg4")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.7)])
    assert "is cut off" in str(frames_of(path)[-1].error)


def test_a_wrong_frame_count_in_the_header_does_no_harm(make_video: MakeVideo) -> None:
    path = make_video("v.avi", codec="mpeg4")
    data = bytearray(path.read_bytes())
    header, stream = data.index(b"avih"), data.index(b"strh")
    for place in (header + 8 + 16, stream + 8 + 32):
        data[place : place + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    frames = frames_of(path)
    assert [frame.error for frame in frames] == [None] * 25
    assert estimated_frames(str(path)) == 1000


def test_a_video_without_frames(shared: Path) -> None:
    with pytest.raises(SourceError, match="no frame that can be decoded|no video"):
        frames_of(shared / "clips" / "broken-zero-frames.mp4")


def test_a_video_that_starts_with_another_box(shared: Path) -> None:
    clip = shared / "clips" / "woman-shows-mask.mp4"
    frames = frames_of(clip, "2s")
    assert [frame.error for frame in frames] == [None] * 5


@pytest.mark.parametrize("data", [b"", b"no video at all", bytes(5000)])
def test_files_that_are_no_videos(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.mp4"
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"cannot open .*bad.mp4 as a video"):
        frames_of(path)
    assert estimated_frames(str(path)) == 1


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        track = out.add_stream("aac", rate=44_100)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = 44_100
        out.mux(track.encode(frame))
        out.mux(track.encode(None))
    with pytest.raises(SourceError, match="has no video in it"):
        frames_of(tmp_path / "a.mp4")


def test_damaged_packets_are_left_out(
    make_video: MakeVideo, caplog: pytest.LogCaptureFixture
) -> None:
    path = make_video("v.ts", count=100, size_wh=(320, 240), codec="mpeg2video")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    path.write_bytes(data)
    frames = frames_of(path)
    assert 50 < len(frames) <= 100


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    from fractions import Fraction

    import av

    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        video = out.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 90, 64, "yuv420p"
        video.codec_context.sample_aspect_ratio = Fraction(2, 1)
        grey = np.full((64, 90, 3), 90, np.uint8)
        out.mux(video.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        out.mux(video.encode(None))
    (frame,) = frames_of(tmp_path / "a.mkv")
    assert frame.image is not None
    assert frame.image.shape == (64, 180, 3)


def test_a_name_that_looks_like_a_protocol(
    make_video: MakeVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_video("2024-01-01T12:30:00.mp4", count=5)
    monkeypatch.chdir(tmp_path)
    assert len(frames_of(Path("2024-01-01T12:30:00.mp4"))) == 5
