"""How long after a violation was visible long enough somebody knows: the time to a webhook.

A site of two cameras: one plays a man without a mask as if live, again and again, with a pause
without anybody between; the other four faces, for company. The rule's own T is one second. For
each alert the webhook's receiver notes when the POST came; the violation had been visible for T at
the alert's `since` plus T. Goal: the median of the difference is under one second.

    scripts/bench live_latency
"""

import json
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import av
import numpy as np
import typer
from kit.report import ROOT, Row, save, show

from maskwatch.app.live.build import watching
from maskwatch.app.live.clock import SystemClock
from maskwatch.app.site.load import load_site

CLIPS = ROOT.parent / "shared" / "clips"
_LASTING_S = 1.0
_PAUSE_S = 4.0
_GOAL_S = 1.0


def main(alerts: Annotated[int, typer.Option(min=5, help="How many to wait for.")] = 15) -> None:
    """Measure, show, keep."""
    arrived: list[tuple[float, dict[str, str]]] = []
    done = threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            now = time.time()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            arrived.append((now, body))
            self.send_response(204)
            self.end_headers()
            if len(arrived) >= alerts:
                done.set()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with TemporaryDirectory() as folder:
        site = _site(Path(folder), server.server_address[1])
        with watching(load_site(site), SystemClock(), write=lambda line: None) as (watch, _):
            stop = threading.Event()
            runner = threading.Thread(target=watch.run, args=(stop,))
            runner.start()
            done.wait(alerts * 20)
            stop.set()
            runner.join()
    server.shutdown()
    late = [
        when - datetime.fromisoformat(body["since"]).timestamp() - _LASTING_S
        for when, body in arrived[:alerts]
    ]
    row: Row = {
        "alerts": len(late),
        "median s": median(late),
        "90% s": float(np.quantile(late, 0.9)),
        "most s": max(late),
        "goal s": _GOAL_S,
    }
    show("from visible long enough to the webhook", [row])
    save("live_latency", [row])


def _site(folder: Path, port: int) -> Path:
    """Two cameras, one rule, one webhook."""
    visits = folder / "visits.mp4"
    _write_visits(CLIPS / "man-bare.mp4", visits)
    path = folder / "site.toml"
    path.write_text(
        f"""
        [[camera]]
        name = "door"
        source = "{visits}"
        loop = true
        [[camera]]
        name = "hall"
        source = "{CLIPS / "four-people-putting-masks-on.mp4"}"
        loop = true
        [[rule]]
        name = "bare"
        when = "violation"
        lasting = "{_LASTING_S}s"
        cameras = ["door"]
        [[channel]]
        name = "hook"
        type = "webhook"
        url = "http://127.0.0.1:{port}/"
        [storage]
        events = "sqlite:///events.db"
        """,
        encoding="utf-8",
    )
    return path


def _write_visits(clip: Path, path: Path) -> None:
    """The clip, and then a while in which nobody is there."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as out:
        into = source.streams.video[0]
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = into.width, into.height, "yuv420p"
        for frame in source.decode(into):
            plain = av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")
            out.mux(video.encode(plain))
        empty = np.full((into.height, into.width, 3), 120, np.uint8)
        for _ in range(round(_PAUSE_S * 25)):
            out.mux(video.encode(av.VideoFrame.from_ndarray(empty, format="rgb24")))
        out.mux(video.encode(None))


if __name__ == "__main__":
    typer.run(main)
