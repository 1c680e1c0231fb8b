"""The commands about watching, as a user runs them."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import av
import pytest

from maskwatch.events import Alert, AlertKind, Batch, Minute
from maskwatch.store.eventstore import EventStore
from tests.conftest import SiteMaker

COMMAND = [sys.executable, "-m", "maskwatch"]


def run(*words: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "160", "XDG_DATA_HOME": str(cwd / "data")} | variables
    return subprocess.run(
        [*COMMAND, *map(str, words)], capture_output=True, text=True, cwd=cwd, timeout=120,
        env=environment,
    )  # fmt: skip


@contextmanager
def running(*words: str | Path, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, *map(str, words)], stderr=subprocess.PIPE, text=True, cwd=cwd
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(what: Callable[[], bool], limit_s: float = 30.0) -> bool:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


def told(folder: Path) -> list[dict[str, str]]:
    path = folder / "alerts.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def test_a_site_is_watched_then_asked_about(make_site: SiteMaker, tmp_path: Path) -> None:
    site = make_site()
    watched = run("watch", site, "--plain", cwd=tmp_path)
    assert watched.returncode == 0, watched.stderr
    assert [alert["phase"] for alert in told(tmp_path)] == ["new", "end"]

    events = run("events", "--since", "1h", "--camera", "gate", "--database", site, cwd=tmp_path)
    assert events.returncode == 0, events.stderr
    assert "No mask" in events.stdout
    other = run("events", "--camera", "nope", "--database", site, cwd=tmp_path)
    assert other.returncode == 2
    assert "there are: gate" in other.stderr
    kept = run("events", "--csv", "out.csv", "--database", site, cwd=tmp_path)
    assert "1 episodes in out.csv" in kept.stderr
    assert "no_mask" in (tmp_path / "out.csv").read_text("utf-8")
    alerts = run("events", "--alerts", "--database", site, cwd=tmp_path)
    assert "gate: no mask for" in alerts.stdout
    told_ = run("events", "--alerts", "--csv", "alerts.csv", "--database", site, cwd=tmp_path)
    assert "2 phases of alerts in alerts.csv" in told_.stderr
    rows = list(csv.DictReader((tmp_path / "alerts.csv").read_text("utf-8").splitlines()))
    assert [row["phase"] for row in rows] == ["new", "end"]

    with EventStore(f"sqlite:///{tmp_path / 'events.db'}", create=False) as store:
        later = time.time() + 400 * 86400
        store.purge(now=later, keep_s=86400, keep_minutes_s=1e9, delete_file=print)
    receipts = run("events", "--receipts", "--database", site, cwd=tmp_path)
    assert "1 d" in receipts.stdout or "24 h" in receipts.stdout
    assert re.search(r"│ 1 +│ 2 ", receipts.stdout), "one episode, two phases of an alert"

    stats = run("stats", "--by", "hour", "--json", "--database", site, cwd=tmp_path)
    (total,) = json.loads(stats.stdout)
    assert (total["people"], total["no_mask"], total["rate"]) == (1, 1, 0.0)
    chart = run("stats", "--by", "camera", "--database", site, cwd=tmp_path)
    assert "gate" in chart.stdout
    assert "0%" in chart.stdout


def test_hours_have_names_of_their_own_when_the_clock_is_set_back(tmp_path: Path) -> None:
    """In Berlin the hour from two to three came twice on 25 October 2026."""
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()
    with EventStore(str(tmp_path / "events.db")) as store:
        minutes = [
            Minute(camera="gate", start=first + 3600 * hour, run="r", mask=1) for hour in range(3)
        ]
        store.save(Batch(minutes=tuple(minutes)))
    asked = ["stats", "--since", "36500d", "--database", "events.db"]
    chart = run(*asked, cwd=tmp_path, TZ="Europe/Berlin")
    assert re.findall(r"\d\d:00[ +\d]*", chart.stdout) == [
        "02:00 +0200 ", "02:00 +0100 ", "03:00       ",
    ]  # fmt: skip
    figures = json.loads(run(*asked, "--json", cwd=tmp_path, TZ="Europe/Berlin").stdout)
    assert [total["start"] for total in figures] == [
        "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00",
    ]  # fmt: skip


def test_what_was_given_up_is_listed_with_its_reason(tmp_path: Path) -> None:
    now = time.time()
    refused = Alert(
        kind=AlertKind.VIOLATION, rule="bare", camera="gate", time=now, since=now,
        sentence="gate: no mask for 5 s",
    )  # fmt: skip
    with EventStore(str(tmp_path / "events.db")) as store:
        store.save(Batch(alerts=((refused, ("hook",)),)))
        head = store.outbox.head("hook")
        assert head is not None
        store.outbox.gave_up(head, error="it answered 422", now=now)
    done = run("events", "--alerts", "--database", "events.db", cwd=tmp_path)
    assert re.search(r"hook +│ new +│ gate: no mask for 5 s +│ it answered 422", done.stdout)
    assert "channel hook: 0 wait to be told, 1 were given up" in done.stderr


def test_what_a_replay_would_tell(make_site: SiteMaker, footage: Path, tmp_path: Path) -> None:
    site = make_site()
    done = run("replay", site, footage, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "gate: no mask for" in done.stdout
    assert "-> log" in done.stdout
    assert "1 people (1 no_mask), 2 alerts" in done.stderr
    assert told(tmp_path) == [], "nobody is told"
    assert not (tmp_path / "events.db").exists(), "nothing is kept"


def test_a_replay_of_footage_that_breaks_off(
    make_site: SiteMaker, footage: Path, tmp_path: Path
) -> None:
    short = tmp_path / "short.mp4"
    with (
        av.open(str(footage)) as whole,
        av.open(str(short), "w", options={"movflags": "faststart"}) as copy,
    ):
        track = copy.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.dts is not None:
                packet.stream = track
                copy.mux(packet)
    short.write_bytes(short.read_bytes()[: short.stat().st_size * 9 // 10])
    done = run("replay", make_site(), short, cwd=tmp_path)
    assert done.returncode == 1
    assert "s watched: 1 people" in done.stderr
    assert "short.mp4 is cut off" in done.stderr


def test_trying_a_site_out(make_site: SiteMaker, tmp_path: Path) -> None:
    good = run("watch", make_site(), "--check", cwd=tmp_path)
    assert good.returncode == 0, good.stdout + good.stderr
    assert "sends 384x384" in good.stdout
    assert told(tmp_path) == []
    bad = run(
        "watch",
        make_site(
            """
            [[camera]]
            name = "far"
            source = "rtsp://me:secret@127.0.0.1:9/x"
            [[channel]]
            name = "hook"
            type = "webhook"
            url = "http://127.0.0.1:9/hook"
            """
        ),
        "--check",
        cwd=tmp_path,
    )
    assert bad.returncode == 1
    assert "cannot open rtsp://me:***@" in bad.stdout
    assert "secret" not in bad.stdout + bad.stderr


def test_the_privacy_report(make_site: SiteMaker, tmp_path: Path) -> None:
    done = run("watch", make_site(), "--privacy-report", cwd=tmp_path)
    assert done.returncode == 0
    text = re.sub(r"[\s│]", "", done.stdout)
    for words in ("episodes", "30d", "snapshots", "never"):
        assert words in text
    assert not (tmp_path / "events.db").exists()


def test_every_mistake_of_a_site_is_told_at_once(make_site: SiteMaker, tmp_path: Path) -> None:
    site = make_site(camera='rate = 90\nhours = "sometimes"')
    done = run("watch", site, cwd=tmp_path)
    assert done.returncode == 2
    assert "rate" in done.stderr
    assert "hours" in done.stderr
    assert "site.toml:" in done.stderr


def test_sigterm_drains_within_five_seconds(make_site: SiteMaker, tmp_path: Path) -> None:
    site = make_site(camera="loop = true")
    with running("watch", site, "--plain", cwd=tmp_path) as process:
        assert until(lambda: len(told(tmp_path)) >= 1)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert time.monotonic() - begun < 10, "five seconds, and patience with a loaded machine"
    with EventStore(f"sqlite:///{tmp_path / 'events.db'}", create=False) as store:
        assert all(episode.end is not None for episode in store.episodes())
    phases = [alert["phase"] for alert in told(tmp_path)]
    assert phases.count("new") == phases.count("end")


def test_a_killed_watch_goes_on_where_it_was(make_site: SiteMaker, tmp_path: Path) -> None:
    site = make_site(camera="loop = true")
    for round_ in range(3):
        with running("watch", site, "--plain", cwd=tmp_path) as process:
            seen = round_ + 1
            assert until(lambda s=seen: news(tmp_path) >= s)  # type: ignore[misc]
            process.kill()
            process.wait()
    with running("watch", site, "--plain", cwd=tmp_path) as process:
        assert until(lambda: news(tmp_path) >= 4)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    ids = [alert["id"] for alert in told(tmp_path)]
    with EventStore(f"sqlite:///{tmp_path / 'events.db'}", create=False) as store:
        stored = list(store.alerts())
        assert {alert.id for alert in stored} == set(ids), "each stored alert was told"
        assert store.outbox.waiting() == []
        ended = {alert.id for alert in stored if alert.phase.value == "end"}
        assert ended == set(ids), "each alert of a killed run was ended"
        assert sum(episode.broken for episode in store.episodes()) >= 3


def news(folder: Path) -> int:
    return sum(alert["phase"] == "new" for alert in told(folder))


def test_the_log_as_json(make_site: SiteMaker, tmp_path: Path) -> None:
    done = run("watch", make_site(), "--log-json", "-v", cwd=tmp_path)
    entries = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"time", "level", "logger", "message"} <= set(entries[0])
    assert any(entry["message"].startswith("alert new bare") for entry in entries)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["watch", "nowhere.toml"], "there is no site file nowhere.toml"),
        (["events"], "events"),
        (["watch", "nowhere.mp4", "--plain"], "there is no file nowhere.mp4; expected a site file"),
        (["watch", "site.tml"], "or a video; did you mean 'site.toml'?"),
        (["watch", "sitte.toml"], "name one, or a camera; did you mean 'site.toml'?"),
        (["watch", "notes.txt"], "notes.txt is no video by its suffix; expected a site file"),
        (["watch", "."], ". is a folder; expected a site file"),
        (["camera-check", "notes.txt"], "notes.txt is no video by its suffix; expected the index"),
        (["replay", "site.toml", "notes.txt"], "notes.txt is no video"),
        (["events", "--receipts", "--csv", "x.csv"], "--csv is about episodes or alerts"),
        (["events", "--alerts", "--state", "mask"], "--state is about episodes"),
        (["events", "--alerts", "--receipts"], "ask one of them"),
        (["events", "--since", "soon"], "expected a span of time"),
        (["events", "--state", "sad"], "--state must be one of"),
        (["stats", "--database", "nowhere.db"], "nowhere.db"),
        (["replay", "nowhere.toml", "x.mp4"], "there is no site file"),
        (["camera-check", "nowhere.mp4"], "there is no file nowhere.mp4"),
    ],
)
def test_what_cannot_be_is_a_sentence(words: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no film")
    (tmp_path / "site.toml").write_text('[[camera]]\nname = "gate"\nsource = "0"\n')
    done = run(*words, cwd=tmp_path)
    assert done.returncode == (1 if "--database" in words or words == ["events"] else 2)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_camera_is_checked(footage: Path, tmp_path: Path) -> None:
    done = run("camera-check", footage, "--seconds", "4", "--json", cwd=tmp_path)
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["faces"]["good"]
    assert findings["size"]["good"]
    assert "px" in findings["size"]["text"]


def test_one_video_with_sensible_defaults(footage: Path, tmp_path: Path) -> None:
    done = run("watch", footage, "--plain", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "astronaut" in run("stats", "--by", "camera", cwd=tmp_path).stdout
