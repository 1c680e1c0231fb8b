"""A site as it would be, at real speed: two files, a camera over RTSP, three channels, a kill."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.report import Row
from kit.rtsp import rtsp_served
from kit.services import Mosquitto
from kit.soak.audit import Told, audit, told_by, told_in
from kit.soak.listener import Listener
from kit.soak.site import (
    CLIPS,
    FILES,
    NAMES,
    end_watch,
    mqtt_channel,
    resident_mib,
    start_watch,
    store_of,
    write_site,
)

_KILLED_AFTER, _SETTLED_AFTER = 0.1, 0.25
_SAMPLE_S = 5.0
_PHASES = 'phases = ["new", "update", "end"]\n'


def minutes_at_real_speed(minutes: float) -> Row:
    """Watch for so long, killed once after a tenth; memory is that of the rest."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        with (
            rtsp_served(CLIPS / NAMES[3]) as address,
            Listener(broker.port) as listener,
            _webhook() as (port, posted),
        ):
            site = write_site(
                folder, sources=[*FILES, address], channels=_channels(broker.port, port)
            )
            memory = _watched(site, minutes * 60)
            heard = [told_by(alert) for alert in listener.events]
        broker.kill()
        with store_of(site) as store:
            told = {"log": told_in(folder / "alerts.jsonl"), "mqtt": heard, "webhook": posted}
            row = audit(store, told)
            looked = sum(minute.frames for minute in store.minutes())
    early = memory[round(len(memory) * (_SETTLED_AFTER - _KILLED_AFTER))]
    return {
        "minutes": minutes, "cameras": len(FILES) + 1, "frames/s of each": looked / minutes / 180,
        **row, "MiB early": early, "MiB at the end": memory[-1], "growth": memory[-1] / early - 1,
    }  # fmt: skip


def _channels(broker_port: int, hook_port: int) -> str:
    return (
        mqtt_channel(broker_port)
        + f'[[channel]]\nname = "hook"\ntype = "webhook"\nurl = "http://127.0.0.1:{hook_port}/"\n'
        + _PHASES
    )


def _watched(site: Path, seconds: float) -> list[float]:
    """The resident set of the watch in MiB every few seconds, after it was killed once."""
    end = time.monotonic() + seconds
    with start_watch(site) as process:
        time.sleep(seconds * _KILLED_AFTER)
        process.kill()
    memory = []
    with start_watch(site) as process:
        while time.monotonic() < end:
            time.sleep(_SAMPLE_S)
            memory.append(resident_mib(process.pid))
        end_watch(process)
    return memory


@contextmanager
def _webhook() -> Iterator[tuple[int, list[Told]]]:
    """A receiver's port, and what was posted there."""
    posted: list[Told] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append(told_by(json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, posted
        server.shutdown()
