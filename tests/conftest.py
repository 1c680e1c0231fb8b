"""Pictures, videos and small real objects that the tests share."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path, PurePath

import av
import numpy as np
import pytest
import skimage.data

from maskwatch.images import encode, resize
from maskwatch.types import Faces, Floats, Frame, Image, Result

SHARED = Path(__file__).parents[2] / "shared"
ASTRONAUT_BOX = [178.0, 63.0, 270.0, 175.0]
LANDMARKS = np.array([[201, 105], [245, 105], [221, 127], [204, 145], [242, 145]], np.float32)


@pytest.fixture(scope="session")
def astronaut() -> Image:
    return np.asarray(skimage.data.astronaut())


@pytest.fixture
def photo(tmp_path: Path, astronaut: Image) -> Path:
    path = tmp_path / "in" / "photo.jpg"
    encode(astronaut, path)
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared with data, weights and clips is not here")
    return SHARED


class FixedDetector:
    """A detector that finds the same boxes in every picture, whatever its pixels."""

    def __init__(self, boxes: Sequence[Sequence[float]] = (ASTRONAUT_BOX,)) -> None:
        self.boxes = np.array(boxes, np.float32).reshape(-1, 4)

    def detect(self, images: Sequence[Image]) -> list[Faces]:
        scores = np.linspace(0.9, 0.8, len(self.boxes), dtype=np.float32)
        return [Faces.found(self.boxes, scores) for _ in images]


@pytest.fixture
def fixed_detector() -> type[FixedDetector]:
    return FixedDetector


def faces_at(boxes: Sequence[Sequence[float]], probabilities: Sequence[Sequence[float]]) -> Faces:
    """Judged faces: the likeliest state each."""
    words = np.array(["mask", "no_mask", "incorrect"], "<U9")
    table: Floats = np.array(probabilities, np.float32).reshape(-1, 3)
    found = Faces.found(np.array(boxes, np.float32), np.full(len(boxes), 0.9, np.float32))
    states = words[table.argmax(axis=1)] if len(table) else np.zeros(0, "<U9")
    return Faces(found.boxes, found.scores, table, states)


def result_of(image: Image | None, faces: Faces | None = None, **frame: object) -> Result:
    """A result as the frame loop hands it to sinks."""
    values: dict[str, object] = {"path": "in/photo.jpg", "name": PurePath("photo.jpg"), **frame}
    return Result(Frame(image=image, **values), Faces.empty() if faces is None else faces)  # type: ignore[arg-type]


MakeVideo = Callable[..., Path]


@pytest.fixture
def make_video(tmp_path: Path) -> MakeVideo:
    """Write a video of grey levels: frame i is 2 i bright; times in seconds if not 1/25 apart."""

    def make(
        name: str = "video.mp4",
        *,
        count: int = 25,
        size_wh: tuple[int, int] = (96, 64),
        codec: str = "libx264",
        times: Sequence[float] | None = None,
        sound: str | None = None,
        sound_rate: int = 44_100,
        options: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        clock = Fraction(1, 1000)
        with av.open(str(path), "w", options=options or {}) as out:
            video = out.add_stream(codec, rate=25)
            video.width, video.height = size_wh
            video.pix_fmt = "yuv420p"
            if times is not None:
                video.time_base = video.codec_context.time_base = clock
            track = out.add_stream(sound, rate=sound_rate) if sound else None
            for i in range(count):
                grey = np.full((size_wh[1], size_wh[0], 3), min(2 * i, 255), np.uint8)
                frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
                if times is not None:
                    frame.pts, frame.time_base = round(times[i] / clock), clock
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
            if track is not None:
                _add_tone(out, track, sound_rate, count / 25)
        return path

    return make


def _add_tone(
    out: av.container.OutputContainer, track: av.AudioStream, rate: int, seconds: float
) -> None:
    layout = "mono"
    for start in range(0, int(rate * seconds), 1024):
        wave = np.sin(np.arange(start, start + 1024) * 2 * np.pi * 440 / rate) * 8000
        frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate, start
        out.mux(track.encode(frame))
    out.mux(track.encode(None))


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory, astronaut: Image) -> Path:
    """Six seconds of a bare face that sways a little, and after four is gone."""
    path = tmp_path_factory.mktemp("footage") / "astronaut.mp4"
    image = resize(astronaut, 384, 384)
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 384, 384, "yuv420p"
        for count in range(60):
            shift = round(6 * np.sin(count / 3))
            picture = np.roll(image, shift, axis=1) if count < 40 else np.full_like(image, 120)
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(video.encode(None))
    return path


SiteMaker = Callable[..., Path]


@pytest.fixture
def make_site(tmp_path: Path, footage: Path) -> SiteMaker:
    """Write a site file of one camera that plays the footage, told to a log; and more tables."""

    def make(more: str = "", *, camera: str = "", storage: str = "") -> Path:
        path = tmp_path / "site.toml"
        path.write_text(
            f"""
            name = "Test"
            [detect]
            detector = "maskwatch"
            [[camera]]
            name = "gate"
            source = "{footage}"
            {camera}
            [[rule]]
            name = "bare"
            when = "violation"
            lasting = "1s"
            [[channel]]
            name = "log"
            type = "log"
            path = "alerts.jsonl"
            phases = ["new", "update", "end"]
            [storage]
            events = "sqlite:///events.db"
            {storage}
            {more}
            """,
            encoding="utf-8",
        )
        return path

    return make
