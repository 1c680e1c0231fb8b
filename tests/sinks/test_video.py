import subprocess
import sys
from pathlib import Path, PurePath

import av
import numpy as np
import pytest

from maskwatch.errors import SinkError
from maskwatch.sinks.video import VideoSink
from maskwatch.sources.stride import Stride
from maskwatch.sources.video import video_frames
from maskwatch.types import Result
from tests.conftest import MakeVideo, result_of

SLOW = [0, 0.04, 0.08, 0.5, 0.54, 2.0]


def frame_of(
    i: int, time: float, *, path: str = "v.mp4", size_wh: tuple[int, int] = (96, 64)
) -> Result:
    grey = np.full((size_wh[1], size_wh[0], 3), 2 * i, np.uint8)
    return result_of(
        grey, path=path, name=PurePath(Path(path).name), index=i, time=time, still=False
    )


def read_back(path: Path) -> tuple[list[float], list[float]]:
    with av.open(str(path)) as video:
        frames = list(video.decode(video=0))
    return [float(f.time or 0) for f in frames], [
        f.to_ndarray(format="rgb24").mean() for f in frames
    ]


def test_timing_and_pixels_are_kept(tmp_path: Path) -> None:
    with VideoSink(tmp_path) as sink:
        for i, time in enumerate(SLOW):
            sink.write(frame_of(i * 20, time))
    times, means = read_back(tmp_path / "v.mp4")
    assert times == pytest.approx(SLOW, abs=1e-3)
    assert means == pytest.approx([40 * i for i in range(6)], abs=4)


def test_it_plays_in_a_browser(tmp_path: Path) -> None:
    with VideoSink(tmp_path) as sink:
        for i in range(5):
            sink.write(frame_of(i, i / 25))
    with av.open(str(tmp_path / "v.mp4")) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    data = (tmp_path / "v.mp4").read_bytes()
    assert data[4:8] == b"ftyp"
    assert b"moov" in data


@pytest.mark.parametrize("size_wh", [(97, 65), (2, 2), (31, 500)])
def test_odd_sizes(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    with VideoSink(tmp_path) as sink:
        for i in range(3):
            sink.write(frame_of(i, i / 25, size_wh=size_wh))
    assert len(read_back(tmp_path / "v.mp4")[0]) == 3


def test_a_size_that_changes(tmp_path: Path) -> None:
    with VideoSink(tmp_path) as sink:
        sink.write(frame_of(0, 0))
        sink.write(frame_of(1, 0.04, size_wh=(200, 100)))
    assert len(read_back(tmp_path / "v.mp4")[0]) == 2


@pytest.mark.parametrize(
    ("name", "sound", "rate", "copied"),
    [
        ("a.mp4", "aac", 44_100, True),
        ("a.mkv", "libopus", 48_000, True),
        ("a.mov", "pcm_s16le", 44_100, False),
        ("a.ts", "aac", 44_100, False),
    ],
)
def test_sound_is_passed_through(
    tmp_path: Path, make_video: MakeVideo, name: str, sound: str, rate: int, copied: bool
) -> None:
    source = make_video(f"in/{name}", count=50, sound=sound, sound_rate=rate)
    with VideoSink(tmp_path / "out") as sink:
        for i in range(50):
            sink.write(frame_of(i, i / 25, path=str(source)))
    (target,) = (tmp_path / "out").iterdir()
    with av.open(str(target)) as out, av.open(str(source)) as original:
        track = out.streams.audio[0]
        assert track.codec_context.name == (sound.removeprefix("lib") if copied else "aac")
        assert float(track.duration * track.time_base) == pytest.approx(2.0, abs=0.1)
        if copied:
            expected = [bytes(p) for p in original.demux(audio=0) if p.size]
            assert [bytes(p) for p in out.demux(audio=0) if p.size] == expected


def test_damaged_sound_is_left_out_with_one_warning(
    tmp_path: Path, make_video: MakeVideo, caplog: pytest.LogCaptureFixture
) -> None:
    source = make_video("in/a.ts", count=50, sound="mp2")
    data = bytearray(source.read_bytes())
    for place in range(len(data) // 3, len(data), 977):
        data[place] ^= 0xFF
    source.write_bytes(data)
    with VideoSink(tmp_path / "out") as sink:
        for i in range(50):
            sink.write(frame_of(i, i / 25, path=str(source)))
    assert len(read_back(tmp_path / "out" / "a.ts.mp4")[0]) == 50
    assert len(caplog.records) <= 1


def test_each_video_is_a_file_of_its_own(tmp_path: Path) -> None:
    with VideoSink(tmp_path) as sink:
        for path in ("a.mp4", "b.avi"):
            for i in range(3):
                sink.write(frame_of(i, i / 25, path=path))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "b.avi.mp4"]


def test_an_error_finishes_the_video(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), VideoSink(tmp_path) as sink:
        sink.write(frame_of(0, 0))
        raise KeyboardInterrupt
    assert len(read_back(tmp_path / "v.mp4")[0]) == 1


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkError, match="cannot write"), VideoSink(tmp_path / "file") as sink:
        sink.write(frame_of(0, 0))


KILLED = """
import os, sys, numpy as np
from pathlib import Path, PurePath
from maskwatch.sinks.video import VideoSink
from maskwatch.types import Faces, Frame, Result
rng = np.random.default_rng(0)
sink = VideoSink(Path(sys.argv[1]))
for i in range(600):
    image = rng.integers(0, 255, (64, 96, 3), np.uint8)
    frame = Frame("v.mp4", PurePath("v.mp4"), i, i / 25, image, still=False)
    sink.write(Result(frame, Faces.empty()))
os._exit(9)
"""


def test_a_killed_process_leaves_a_video(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)])
    assert done.returncode == 9
    assert [p.name for p in tmp_path.iterdir()] == ["v.part.mp4"]
    frames = video_frames(str(tmp_path / "v.part.mp4"), PurePath("v"), Stride())
    assert sum(frame.image is not None for frame in frames) >= 500
