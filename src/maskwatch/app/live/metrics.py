"""What the watch is doing, for Prometheus and for health checks, over HTTP."""

import json
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from maskwatch.app.live.watch import Watch
from maskwatch.errors import UsageError
from maskwatch.pipeline.people import Person
from maskwatch.types import MaskState

_STUCK_S = 10.0
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class WatchCollector:
    """Reads the figures of a watch when somebody asks; keeps none of its own."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        """All metrics, for the registry."""
        yield from self._of_cameras()
        yield from self._of_outboxes()
        yield _counter(
            "inference_seconds", "Seconds of finding and judging.", self._watch.eyes.busy_s
        )
        yield _counter("batches", "Batches of frames looked at.", self._watch.counts.batches)
        recorder = self._watch.recorder.counts
        yield _gauge("store_queue_depth", "Batches that wait for the database.", recorder.waiting)
        yield _counter("store_failures", "Writes that failed.", recorder.failures)
        yield _counter("store_events_lost", "Events given up for want of memory.", recorder.lost)

    def _of_cameras(self) -> Iterator[Metric]:
        read = _camera_counter("frames_read", "Frames that were decoded.")
        dropped = _camera_counter("frames_dropped", "Frames that were due but never looked at.")
        processed = _camera_counter("frames_processed", "Frames that were looked at.")
        faces = _camera_counter("faces", "Faces found.")
        connects = _camera_counter("camera_connects", "Times a camera was opened.")
        up = GaugeMetricFamily("maskwatch_camera_up", "Whether frames come.", labels=["camera"])
        people = GaugeMetricFamily(
            "maskwatch_people", "People in view, by verdict.", labels=["camera", "state"]
        )
        alerts = CounterMetricFamily(
            "maskwatch_alerts", "Alerts that began.", labels=["camera", "kind"]
        )
        passed = CounterMetricFamily(
            "maskwatch_people_passed", "People who left, by verdict.", labels=["camera", "state"]
        )
        for watched in self._watch.watched:
            name, camera = [watched.spec.name], watched.camera
            if camera is not None:
                read.add_metric(name, camera.counts.read)
                dropped.add_metric(name, camera.counts.dropped)
                connects.add_metric(name, camera.counts.connects)
            up.add_metric(name, camera is not None and camera.up)
            processed.add_metric(name, watched.processed)
            faces.add_metric(name, watched.faces)
            for state, count in people_by_state(watched.post.people).items():
                people.add_metric([*name, state.value], count)
            for state, count in watched.passed.items():
                passed.add_metric([*name, state.value], count)
            for kind, count in dict(watched.told).items():
                alerts.add_metric([*name, kind], count)
        yield from (read, dropped, processed, faces, connects, up, people, passed, alerts)

    def _of_outboxes(self) -> Iterator[Metric]:
        sent = CounterMetricFamily("maskwatch_deliveries", "Alerts told.", labels=["channel"])
        failed = CounterMetricFamily(
            "maskwatch_delivery_failures", "Attempts that failed.", labels=["channel"]
        )
        given_up = CounterMetricFamily(
            "maskwatch_deliveries_given_up", "Alerts never to be told.", labels=["channel"]
        )
        stuck = GaugeMetricFamily(
            "maskwatch_channel_up", "Whether the last attempt was taken.", labels=["channel"]
        )
        for outbox in self._watch.outboxes:
            sent.add_metric([outbox.name], outbox.counts.sent)
            failed.add_metric([outbox.name], outbox.counts.failures)
            given_up.add_metric([outbox.name], outbox.counts.given_up)
            stuck.add_metric([outbox.name], outbox.error is None)
        yield from (sent, failed, given_up, stuck)


def people_by_state(people: Iterable[Person]) -> dict[MaskState, int]:
    """How many of the people have each verdict."""
    counts = dict.fromkeys(MaskState, 0)
    for person in people:
        counts[person.state or MaskState.UNKNOWN] += 1
    return counts


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(f"maskwatch_{name}", words, value=value)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"maskwatch_{name}", words, value=value)


def _camera_counter(name: str, words: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"maskwatch_{name}", words, labels=["camera"])


def health_of(watch: Watch) -> tuple[bool, dict[str, Any]]:
    """Whether the watch is alive and stores what it sees, and how each part does."""
    turning = watch.clock.steady() - watch.counts.last_turn_s <= _STUCK_S
    cameras = {
        w.spec.name: {
            "up": w.camera is not None and w.camera.up,
            "error": None if w.camera is None else w.camera.error,
        }
        for w in watch.watched
    }
    channels = {
        outbox.name: {"error": outbox.error, "given_up": outbox.counts.given_up}
        for outbox in watch.outboxes
    }
    store = watch.recorder.error
    healthy = turning and store is None
    return healthy, {
        "healthy": healthy, "turning": turning, "store": store, "cameras": cameras,
        "channels": channels,
    }  # fmt: skip


@contextmanager
def serving(watch: Watch, host: str, port: int) -> Iterator[int]:
    """Serve /metrics and /healthz while entered; gives the port.

    Raises:
        UsageError: the address cannot be listened on.
    """
    registry = CollectorRegistry()
    registry.register(WatchCollector(watch))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, _TEXT, generate_latest(registry))
            elif self.path == "/healthz":
                healthy, report = health_of(watch)
                body = json.dumps(report, indent=2).encode()
                self._answer(200 if healthy else 503, "application/json", body)
            else:
                self._answer(404, "text/plain", b"there are /metrics and /healthz\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing: a scrape each few seconds is no news."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    try:
        server = Server((host, port), Handler)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(2)
