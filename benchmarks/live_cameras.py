"""How many cameras this machine carries at 5 frames a second, against the floor of the parts.

Each camera is the clip of four faces (1280x720, 25 frames a second, H.264), played as if live in a
loop and fully decoded; all are watched by one `maskwatch` with its database. A number of cameras is
carried if none of them gets fewer than 4.5 frames a second. In the same run the parts are measured
alone on one thread: decoding a frame, finding and classifying its faces. The floor is
cores / (25 x decode + 5 x (find + classify)); the goal is at least 0.8 of it. Then the same with
the cameras behind GStreamer's RTSP server, which takes its own part of the cores; and what eight
cameras take when fewer of their frames are decoded (the clip has hardly any key frames).

    scripts/bench live_cameras
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Annotated

import av
import typer
from kit.report import ROOT, Row, save, show
from kit.rtsp import rtsp_served

from maskwatch.app.detector import MaskDetector
from maskwatch.app.live.build import watching
from maskwatch.app.live.clock import SystemClock
from maskwatch.app.live.watch import Watched
from maskwatch.app.site.load import load_site
from maskwatch.sources.opening import CameraSpec, video_frames_of
from maskwatch.types import Frame

CLIP = ROOT.parent / "shared" / "clips" / "four-people-putting-masks-on.mp4"
_RATE, _LEAST, _SOURCE_RATE = 5.0, 4.5, 25.0
_GOAL = 0.8
_SETTLE_S = 4.0
_FEWER = 8


def main(
    clip: Annotated[Path, typer.Option(help="The video.")] = CLIP,
    seconds: Annotated[float, typer.Option(min=5, help="Of each trial.")] = 20.0,
    first: Annotated[int, typer.Option(help="Cameras to begin with; 0: what the goal asks.")] = 0,
    threads: Annotated[int, typer.Option(min=0, help="Of one network run.")] = 0,
) -> None:
    """Measure, show, keep."""
    parts = _parts(clip)
    cores = len(os.sched_getaffinity(0))
    # Turning a frame into RGB belongs to decoding, of those that are looked at.
    times: Row = {f"{name} ms": value * 1000 for name, value in parts.items()}
    judged = parts["find and classify"] + parts["convert"]
    floor = cores / (_SOURCE_RATE * parts["decode"] + _RATE * judged)
    rows: list[Row] = []
    for how in ("files", "rtsp"):
        begin = first or max(1, round(_GOAL * floor))
        carried, trial = _carried(clip, how, seconds, begin, threads)
        of_floor: Row = {"floor": floor, "of the floor": carried / floor}
        rows.append(
            {"cameras": how, "decode": "all", "carried": carried} | trial | of_floor | times
        )
        show("cameras at 5 frames a second", rows[-1:])
    for decode in ("all", "reference", "key"):
        trial = _trial(str(clip), decode, _FEWER, seconds, threads)
        none: Row = {"floor": "", "of the floor": ""}
        rows.append({"cameras": "files", "decode": decode, "carried": ""} | trial | none | times)
    show("the same number of cameras, fewer frames decoded", rows[2:])
    save("live_cameras", rows)
    print(f"files, fully decoded: {rows[0]['of the floor']:.2f} of the floor (goal {_GOAL})")


def _parts(clip: Path) -> dict[str, float]:
    """Seconds a frame of each part alone, on one thread."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        begun = time.perf_counter()
        count = sum(1 for _ in container.decode(stream))
        decode = (time.perf_counter() - begun) / count
    frames, convert = [], 0.0
    for index, (_, pixels) in enumerate(video_frames_of(CameraSpec(name="clip", source=str(clip)))):
        if index % 10 == 0:
            begun = time.perf_counter()
            frames.append(Frame("clip", PurePath("clip"), index, image=pixels(), still=False))
            convert += time.perf_counter() - begun
    detector = MaskDetector(threads=1)
    detector.analyse(frames[:2])
    start = time.perf_counter()
    for frame in frames:
        detector.analyse([frame])
    judged = (time.perf_counter() - start) / len(frames)
    return {"decode": decode, "convert": convert / len(frames), "find and classify": judged}


def _carried(clip: Path, how: str, seconds: float, first: int, threads: int) -> tuple[int, Row]:
    """The largest number of cameras that are carried, and that trial."""
    trials: dict[int, Row] = {}
    count = first
    while count and count not in trials:
        # A fresh server each time: GStreamer's gives up when the last of its clients leaves.
        with _sources(clip, how) as source:
            trials[count] = _trial(source, "all", count, seconds, threads)
        count += 1 if _is_carried(trials[count]) else -1
    carried = max((count for count, trial in trials.items() if _is_carried(trial)), default=0)
    return carried, trials[carried or 1]


def _is_carried(trial: Row) -> bool:
    return float(trial["frames/s of the slowest"]) >= _LEAST


def _trial(source: str, decode: str, cameras: int, seconds: float, threads: int) -> Row:
    """Watch so many cameras for a while: what the slowest gets, and the cores that it takes."""
    with TemporaryDirectory() as folder:
        site = Path(folder) / "site.toml"
        tables = [
            f'[[camera]]\nname = "c{n}"\nsource = "{source}"\nrate = {_RATE}\n'
            f'decode = "{decode}"\nloop = true\n'
            for n in range(cameras)
        ]
        rule = '[[rule]]\nname = "bare"\nwhen = "violation"\n'
        storage = '[storage]\nevents = "sqlite:///events.db"\n'
        detect = f"[detect]\nthreads = {threads}\n"
        site.write_text("\n".join([detect, *tables, rule, storage]), encoding="utf-8")
        stop = threading.Event()
        with watching(load_site(site), SystemClock(), write=lambda line: None) as (watch, _):
            runner = threading.Thread(target=watch.run, args=(stop,))
            runner.start()
            time.sleep(_SETTLE_S)
            before, begun, spent = _processed(watch.watched), time.monotonic(), time.process_time()
            time.sleep(seconds)
            after, passed = _processed(watch.watched), time.monotonic() - begun
            used = (time.process_time() - spent) / passed
            rates = [(b - a) / passed for a, b in zip(before, after, strict=True)]
            stop.set()
            runner.join()
    trial: Row = {"watched": cameras, "frames/s of the slowest": min(rates), "cores used": used}
    print(f"{decode}: of {cameras} cameras the slowest gets {min(rates):.2f} frames a second")
    return trial


def _processed(watched: list[Watched]) -> list[int]:
    return [one.processed for one in watched]


@contextmanager
def _sources(clip: Path, how: str) -> Iterator[str]:
    """Where the cameras are: the clip itself, or an RTSP server that sends it."""
    if how != "rtsp":
        yield str(clip)
        return
    with rtsp_served(clip) as address:
        yield address


if __name__ == "__main__":
    typer.run(main)
