"""How many cameras this machine carries at 5 frames a second, against the floor of the parts.

Each camera is the clip of four faces (1280x720, 25 frames a second, H.264), played as if live in a
loop and fully decoded; all are watched by one `maskwatch` with its database. A number of cameras is
carried if none of them gets fewer than 4.5 frames a second. In the same run the parts are measured
alone on one thread: decoding a frame, finding and classifying its faces. The floor is
cores / (25 x decode + 5 x (find + classify)); the goal is at least 0.8 of it. Then the same with
fewer frames decoded, and with the cameras behind GStreamer's RTSP server (if it is there).

    scripts/bench live_cameras
"""

import os
import socket
import subprocess
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
_RTSP_CODE = ROOT / "benchmarks" / "kit" / "rtsp_file.py"


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
    judged = parts["find and classify"] + parts["convert"]
    floor = cores / (_SOURCE_RATE * parts["decode"] + _RATE * judged)
    rows: list[Row] = []
    for how in ("all", "reference", "key", "rtsp"):
        with _sources(clip, how) as source:
            decode = "all" if how == "rtsp" else how
            begin = first or max(1, round(_GOAL * floor))
            carried, rate = _carried(source, decode, seconds, begin, threads)
        rows.append(
            {
                "cameras": how,
                "carried": carried,
                "frames/s of the slowest": rate,
                "floor (all decoded)": floor,
                "of the floor": carried / floor,
                **{f"{name} ms": value * 1000 for name, value in parts.items()},
                "threads": threads,
            }
        )
        show("cameras at 5 frames a second", rows[-1:])
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


def _carried(
    source: str, decode: str, seconds: float, first: int, threads: int
) -> tuple[int, float]:
    """The largest number of cameras that are carried, and the slowest one's rate then."""
    rates: dict[int, float] = {}
    count = first
    while count and count not in rates:
        rates[count] = _slowest(source, decode, count, seconds, threads)
        print(f"{decode}: of {count} cameras the slowest gets {rates[count]:.2f} frames a second")
        count += 1 if rates[count] >= _LEAST else -1
    carried = [count for count, rate in rates.items() if rate >= _LEAST]
    return (max(carried), rates[max(carried)]) if carried else (0, 0.0)


def _slowest(source: str, decode: str, cameras: int, seconds: float, threads: int) -> float:
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
        stop, rates = threading.Event(), []
        with watching(load_site(site), SystemClock(), write=lambda line: None) as (watch, _):
            runner = threading.Thread(target=watch.run, args=(stop,))
            runner.start()
            time.sleep(_SETTLE_S)
            before, begun = _processed(watch.watched), time.monotonic()
            time.sleep(seconds)
            after, passed = _processed(watch.watched), time.monotonic() - begun
            rates = [(b - a) / passed for a, b in zip(before, after, strict=True)]
            stop.set()
            runner.join()
    return min(rates)


def _processed(watched: list[Watched]) -> list[int]:
    return [one.processed for one in watched]


@contextmanager
def _sources(clip: Path, how: str) -> Iterator[str]:
    """Where the cameras are: the clip itself, or an RTSP server that sends it."""
    if how != "rtsp":
        yield str(clip)
        return
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = ["/usr/bin/python3", str(_RTSP_CODE), str(port), str(clip)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        if server.stdout is None or server.stdout.readline() != "ready\n":
            raise SystemExit("GStreamer's RTSP server does not start; see .ci/run for its packages")
        try:
            yield f"rtsp://127.0.0.1:{port}/cam"
        finally:
            server.kill()


if __name__ == "__main__":
    typer.run(main)
