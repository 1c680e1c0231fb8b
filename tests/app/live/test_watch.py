"""A whole watch: a video played as if live, the shipped models, a database, a channel."""

import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from maskwatch.app.live.build import watching
from maskwatch.app.live.clock import SystemClock
from maskwatch.app.live.housekeeping import purge
from maskwatch.app.live.metrics import serving
from maskwatch.app.live.watch import Watch
from maskwatch.app.site.load import load_site
from maskwatch.app.site.tables import Site
from maskwatch.errors import UsageError
from maskwatch.events import Alert, AlertKind, Batch, Episode
from maskwatch.store.eventstore import EventStore
from maskwatch.types import MaskState
from tests.conftest import SiteMaker


def until(what: Callable[[], bool], limit_s: float = 20.0) -> bool:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def watched(site: Site, **more: object) -> list[Alert]:
    """Watch until all cameras have ended; return the alerts that came about."""
    alerts: list[Alert] = []
    with watching(
        site,
        SystemClock(),
        write=lambda line: None,
        on_outcome=lambda w, r, outcome: alerts.extend(outcome.alerts),
    ) as (watch, _):
        assert watch.run(threading.Event(), **more)  # type: ignore[arg-type]
    return alerts


def told(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "alerts.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_bare_face_is_one_person_one_alert_one_count(site: Site, tmp_path: Path) -> None:
    watched(site)
    phases = [alert["phase"] for alert in told(tmp_path)]
    assert phases == ["new", "end"]
    with EventStore(site.storage.events, create=False) as store:
        (episode,) = store.episodes()
        assert (episode.camera, episode.state) == ("gate", MaskState.NO_MASK)
        assert episode.end is not None
        assert 3.0 <= episode.duration_s <= 5.0
        assert sum(minute.people for minute in store.minutes()) == 1
        assert sum(minute.no_mask for minute in store.minutes()) == 1
        assert sum(minute.frames for minute in store.minutes()) >= 20
        (camera,) = store.cameras()
        assert not camera.up
        assert store.outbox.waiting() == []


def test_a_dead_camera_slows_no_other_and_is_told(make_site: SiteMaker, tmp_path: Path) -> None:
    path = make_site(
        """
        [[camera]]
        name = "dead"
        source = "rtsp://me:secret@127.0.0.1:9/nothing"
        timeout = "500ms"
        [[rule]]
        name = "lost"
        when = "camera-lost"
        lasting = "1s"
        """
    )
    stop = threading.Event()
    with watching(load_site(path), SystemClock(), write=lambda line: None) as (watch, _):
        runner = threading.Thread(target=watch.run, args=(stop,))
        runner.start()
        gate = watch.watched[0]
        assert until(lambda: gate.camera is not None and gate.camera.ended)
        stop.set()
        runner.join(10)
        assert gate.processed >= 20
    lost = [alert for alert in told(tmp_path) if alert["camera"] == "dead"]
    assert lost[0]["phase"] == "new"
    assert "secret" not in json.dumps(lost)


def test_faces_outside_of_the_zone_are_nobody(make_site: SiteMaker, tmp_path: Path) -> None:
    site = load_site(make_site(camera="ignore = [[[0,0],[1,0],[1,0.6],[0,0.6]]]"))
    assert watched(site) == []
    with EventStore(site.storage.events, create=False) as store:
        assert list(store.episodes()) == []


def test_outside_its_hours_a_camera_is_not_read(make_site: SiteMaker) -> None:
    now = time.localtime()
    day = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][(now.tm_wday + 3) % 7]
    site = load_site(make_site(camera=f'hours = "{day} 10:00-10:01"'))
    stop = threading.Event()
    with watching(site, SystemClock(), write=lambda line: None) as (watch, _):
        threading.Timer(1.5, stop.set).start()
        watch.run(stop)
        assert watch.watched[0].camera is None
        assert watch.watched[0].processed == 0


def test_snapshots_are_made_only_if_asked_for(make_site: SiteMaker, tmp_path: Path) -> None:
    watched(load_site(make_site(storage="snapshots = true")))
    pictures = list((tmp_path / "snapshots").iterdir())
    assert [str(picture) for picture in pictures] == [told(tmp_path)[0]["snapshot"]]


def test_without_asking_there_are_no_pictures(site: Site, tmp_path: Path) -> None:
    watched(site)
    assert {path.suffix for path in tmp_path.rglob("*")} <= {
        ".toml", ".db", ".db-wal", ".db-shm", ".jsonl", ".lock", ""
    }  # fmt: skip


def test_old_snapshots_go_and_nothing_else(site: Site, tmp_path: Path) -> None:
    ours, others = f"20240101T100000Z-{'0a' * 16}.jpg", "2019-05-01T10:00:00Z-garden.jpg"
    (tmp_path / "snapshots").mkdir()
    for name in (ours, others):
        (tmp_path / "snapshots" / name).write_bytes(b"")
        os.utime(tmp_path / "snapshots" / name, (0, 0))
    with EventStore(site.storage.events) as store:
        purge(store, site.storage, time.time())
    assert [path.name for path in (tmp_path / "snapshots").iterdir()] == [others]


def test_what_a_killed_run_left_open_is_ended(site: Site, tmp_path: Path) -> None:
    now = time.time()
    episode = Episode(
        camera="gate", person="p", state=MaskState.NO_MASK, start=now - 60, last_seen=now - 50
    )
    alert = Alert(
        kind=AlertKind.VIOLATION, rule="bare", camera="gate", time=now - 55, since=now - 60,
        sentence="gate: no mask for 5 s", person="p",
    )  # fmt: skip
    with EventStore(site.storage.events) as store:
        store.save(Batch(episodes=(episode,), alerts=((alert, ("log", "gone")),)))
        # Another site may have the same database.
        store.save(Batch(alerts=((replace(alert, id="x", camera="yard"), ("siren",)),)))
    watched(site)
    with EventStore(site.storage.events, create=False) as store:
        first = next(iter(store.episodes()))
        assert (first.broken, first.end) == (True, first.last_seen)
        (lost,) = store.outbox.deliveries(channel="gone")
        assert (lost.state, lost.error) == ("failed", "the site has no such channel now")
        (kept,) = store.outbox.deliveries(channel="siren")
        assert kept.state == "pending"
    of_it = [line for line in told(tmp_path) if line["id"] == alert.id]
    assert [line["phase"] for line in of_it] == ["new", "end"]
    assert "interrupted" in str(of_it[1]["sentence"])


def test_metrics_and_health_over_http(make_site: SiteMaker) -> None:
    site = load_site(make_site(camera="loop = true"))
    stop = threading.Event()
    with (
        watching(site, SystemClock(), write=lambda line: None) as (watch, _),
        serving(watch, "127.0.0.1", 0) as port,
    ):
        assert health(port)[0] == 503, "a watch that does not turn is not healthy"
        runner = threading.Thread(target=watch.run, args=(stop,))
        runner.start()
        try:
            assert until(lambda: "maskwatch_people{" in text_of(port, "metrics"))
            assert until(lambda: people_of(port) == 1)
            status, report = health(port)
            assert status == 200
            assert report["cameras"] == {"gate": {"up": True, "error": None}}
            assert report["channels"] == {"log": {"error": None, "given_up": 0}}
            assert 'maskwatch_camera_up{camera="gate"} 1.0' in text_of(port, "metrics")
            given_up = 'maskwatch_deliveries_given_up_total{channel="log"} 0.0'
            assert given_up in text_of(port, "metrics")
            with pytest.raises(urllib.error.HTTPError, match="404"):
                text_of(port, "other")
        finally:
            stop.set()
            runner.join(10)


def people_of(port: int) -> float:
    lines = text_of(port, "metrics").splitlines()
    wanted = 'maskwatch_people{camera="gate",state="no_mask"}'
    return next(float(line.split()[-1]) for line in lines if line.startswith(wanted))


def text_of(port: int, page: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5) as answer:
        return str(answer.read().decode())


def health(port: int) -> tuple[int, dict[str, object]]:
    try:
        return 200, json.loads(text_of(port, "healthz"))
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_the_wall_clock_may_be_set_back_an_hour(site: Site, tmp_path: Path) -> None:
    class Jumping(SystemClock):
        def __init__(self) -> None:
            self.begun_s = time.monotonic()

        def wall(self, steady_s: float) -> float:
            return super().wall(steady_s) - 3600 * (steady_s - self.begun_s > 3.5)

    with watching(site, Jumping(), write=lambda line: None) as (watch, _):
        assert isinstance(watch, Watch)
        watch.run(threading.Event())
    with EventStore(site.storage.events, create=False) as store:
        (episode,) = store.episodes()
        assert 3.0 <= episode.duration_s <= 5.0
        assert sum(minute.people for minute in store.minutes()) == 1
    assert [alert["phase"] for alert in told(tmp_path)] == ["new", "end"]


def test_a_replay_says_what_the_watch_would_tell(site: Site) -> None:
    from maskwatch.app.detector import MaskDetector
    from maskwatch.app.live.build import post_of
    from maskwatch.app.live.replay import FootageClock, replay

    live = watched(site)
    clock = FootageClock()
    (camera,) = site.cameras
    post = post_of(site, camera, clock, "replay")
    detector = MaskDetector(site.settings)
    outcomes = replay(post, clock, camera.source, detector, rate=camera.rate)
    said = [alert for _, outcome in outcomes for alert in outcome.alerts]
    assert [(a.phase, a.state) for a in said] == [(a.phase, a.state) for a in live]


def test_two_watches_do_not_share_a_database(site: Site) -> None:
    with (
        watching(site, SystemClock(), write=lambda line: None),
        pytest.raises(UsageError, match="another watch stores its events"),
        watching(site, SystemClock(), write=lambda line: None),
    ):
        pass


def test_the_end_of_a_watch_is_no_news_of_a_rate(make_site: SiteMaker, tmp_path: Path) -> None:
    path = make_site(
        """
        [[rule]]
        name = "rate"
        when = "compliance"
        at_least = 1
        """,
        camera="loop = true",
    )
    stop = threading.Event()
    with watching(load_site(path), SystemClock(), write=lambda line: None) as (watch, _):
        threading.Timer(3.0, stop.set).start()
        watch.run(stop)
    assert {alert["kind"] for alert in told(tmp_path)} == {"violation"}


def test_a_camera_whose_file_is_missing_is_lost(make_site: SiteMaker, tmp_path: Path) -> None:
    path = make_site(
        """
        [[camera]]
        name = "gone"
        source = "nowhere.mp4"
        [[rule]]
        name = "lost"
        when = "camera-lost"
        lasting = "1s"
        """
    )
    watched(load_site(path))
    lost = [alert for alert in told(tmp_path) if alert["camera"] == "gone"]
    assert [alert["phase"] for alert in lost] == ["new", "end"]
    assert "there is no file" in str(lost[0]["sentence"])
