import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maskwatch.app.live.outbox import Outbox
from maskwatch.app.live.recorder import Recorder
from maskwatch.errors import DeliveryError, DeliveryRefused, StoreError
from maskwatch.events import Alert, AlertKind, Batch, Episode
from maskwatch.store.eventstore import EventStore
from maskwatch.store.values import Delivery, DeliveryState
from maskwatch.types import MaskState


def until(what: Callable[[], bool], limit_s: float = 10.0) -> bool:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.01)
    return False


def episode(number: int) -> Episode:
    return Episode(
        camera="gate", person=f"p{number}", state=MaskState.MASK, start=float(number),
        last_seen=float(number),
    )  # fmt: skip


def alert(number: int) -> Alert:
    now = time.time()
    return Alert(
        kind=AlertKind.VIOLATION, rule="bare", camera="gate", time=now, since=now,
        sentence=f"sentence {number}",
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore(f"sqlite:///{tmp_path / 'events.db'}", timeout_s=0.2) as opened:
        yield opened


class Told:
    """A channel that keeps what it told, and fails while it is told to."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.attempts = 0
        self.broken = threading.Event()
        self.closed = False

    def send(self, alert: Alert) -> None:
        self.attempts += 1
        if self.broken.is_set():
            raise DeliveryError("nobody there")
        self.alerts.append(alert)

    def close(self) -> None:
        self.closed = True


def test_what_is_put_is_stored_and_closing_waits_for_it(store: EventStore) -> None:
    saved = threading.Event()
    recorder = Recorder(store, saved.set)
    recorder.start()
    for number in range(50):
        recorder.put(Batch(episodes=(episode(number),)))
    assert recorder.close(5.0)
    assert saved.is_set()
    assert len(list(store.episodes())) == 50


def test_a_locked_database_delays_and_loses_nothing(store: EventStore, tmp_path: Path) -> None:
    recorder = Recorder(store, lambda: None, retry_s=0.05)
    recorder.start()
    other = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for number in range(20):
        recorder.put(Batch(episodes=(episode(number),)))
    assert until(lambda: recorder.error is not None)
    assert recorder.counts.waiting > 0
    other.execute("COMMIT")
    other.close()
    assert until(lambda: recorder.counts.waiting == 0)
    assert recorder.error is None
    assert recorder.close(5.0)
    assert len(list(store.episodes())) == 20
    assert recorder.counts.lost == 0


def test_a_database_that_stays_away_does_not_hold_up_the_end(
    store: EventStore, tmp_path: Path
) -> None:
    recorder = Recorder(store, lambda: None, retry_s=0.05)
    recorder.start()
    other = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    recorder.put(Batch(episodes=(episode(1),)))
    assert until(lambda: recorder.error is not None)
    assert not recorder.close(0.5)
    other.execute("ROLLBACK")
    other.close()
    recorder._thread.join(5)


def test_alerts_go_out_in_order_whatever_fails_between(store: EventStore) -> None:
    channel = Told()
    outbox = Outbox("desk", channel, store, now=time.time)
    alerts = [alert(number) for number in range(5)]
    channel.broken.set()
    for one in alerts:
        store.save(Batch(alerts=((one, ("desk",)),)))
    outbox.start()
    assert until(lambda: channel.attempts >= 1)
    assert outbox.error == "nobody there"
    channel.broken.clear()
    outbox.wake.set()
    assert until(lambda: len(channel.alerts) == 5)
    outbox.ask_to_stop()
    outbox.join(5)
    assert [told.id for told in channel.alerts] == [one.id for one in alerts]
    assert channel.closed
    assert store.outbox.waiting() == []


def test_what_a_run_did_not_tell_the_next_one_does(store: EventStore) -> None:
    broken, works = Told(), Told()
    broken.broken.set()
    store.save(Batch(alerts=((alert(1), ("desk",)),)))
    first = Outbox("desk", broken, store, now=time.time)
    first.start()
    assert until(lambda: broken.attempts == 1)
    first.ask_to_stop()
    first.join(5)
    (waiting,) = store.outbox.waiting()
    assert (waiting.channel, waiting.pending) == ("desk", 1)
    assert waiting.head is not None
    assert waiting.head.error == "nobody there"
    second = Outbox("desk", works, store, now=time.time)
    second.start()
    assert until(lambda: len(works.alerts) == 1)
    second.ask_to_stop()
    second.join(5)


def test_a_channel_that_never_works_is_given_up_visibly(store: EventStore) -> None:
    channel = Told()
    channel.broken.set()
    later = {"s": 0.0}
    store.save(Batch(alerts=((alert(1), ("desk",)),)))
    outbox = Outbox("desk", channel, store, now=lambda: time.time() + later["s"], give_up_s=3600)
    for _ in range(40):
        later["s"] += 700  # Beyond the longest back-off.
        outbox._deliver_next()
    assert outbox.counts.given_up == 1
    (waiting,) = store.outbox.waiting()
    assert (waiting.pending, waiting.failed) == (0, 1)


def test_what_waited_behind_it_takes_no_twenty_attempts_of_its_own(store: EventStore) -> None:
    channel = Told()
    channel.broken.set()
    later = {"s": 0.0}
    for number in range(30):
        store.save(Batch(alerts=((alert(number), ("desk",)),)))
    outbox = Outbox("desk", channel, store, now=lambda: time.time() + later["s"], give_up_s=3600)
    for _ in range(22):
        later["s"] += 700
        while outbox._deliver_next():
            pass
    assert outbox.counts.given_up == 30
    assert channel.attempts < 22 + 30


def test_a_database_that_was_away_is_no_trouble_of_the_channel_afterwards(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox("desk", Told(), store, now=time.time)
    head, away = store.outbox.head, threading.Event()

    def asked(channel: str) -> Delivery | None:
        if away.is_set():
            raise StoreError("away")
        return head(channel)

    monkeypatch.setattr(store.outbox, "head", asked)
    away.set()
    outbox.start()
    assert until(lambda: outbox.error == "the database: away")
    away.clear()
    outbox.wake.set()
    assert until(lambda: outbox.error is None)
    outbox.ask_to_stop()
    outbox.join(5)


class Picky(Told):
    """Refuses one sentence for good."""

    def send(self, alert: Alert) -> None:
        if alert.sentence == "sentence 1":
            self.attempts += 1
            raise DeliveryRefused("not that one")
        super().send(alert)


def test_what_is_refused_for_good_holds_up_nothing(store: EventStore) -> None:
    channel = Picky()
    for number in range(3):
        store.save(Batch(alerts=((alert(number), ("desk",)),)))
    outbox = Outbox("desk", channel, store, now=time.time)
    while outbox._deliver_next():
        pass
    assert [told.sentence for told in channel.alerts] == ["sentence 0", "sentence 2"]
    assert channel.attempts == 3
    assert (outbox.counts.sent, outbox.counts.given_up) == (2, 1)
    assert outbox.error is None, "the channel works"
    (failed,) = store.outbox.deliveries(state=DeliveryState.FAILED)
    assert (failed.alert.sentence, failed.error) == ("sentence 1", "not that one")


def test_what_was_refused_waits_for_a_database_that_takes_nothing(
    store: EventStore, tmp_path: Path
) -> None:
    channel = Picky()
    store.save(Batch(alerts=((alert(1), ("desk",)),)))
    outbox = Outbox("desk", channel, store, now=time.time)
    other = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError):
        outbox._deliver_next()
    assert not outbox._deliver_next()
    assert channel.attempts == 1, "it is not asked again at once"
    other.execute("COMMIT")
    other.close()


def test_a_slow_channel_holds_up_no_other(store: EventStore) -> None:
    slow, quick = Told(), Told()
    slow.broken.set()
    boxes = [
        Outbox("slow", slow, store, now=time.time),
        Outbox("quick", quick, store, now=time.time),
    ]
    store.save(Batch(alerts=((alert(1), ("slow", "quick")),)))
    for box in boxes:
        box.start()
    assert until(lambda: len(quick.alerts) == 1)
    for box in boxes:
        box.ask_to_stop()
        box.join(5)
    assert slow.alerts == []


def test_a_fault_in_a_library_does_not_end_the_channel(
    store: EventStore, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Told):
        def send(self, alert: Alert) -> None:
            self.attempts += 1
            if self.attempts == 1:
                raise KeyError("a bug")
            self.alerts.append(alert)

    channel = Faulty()
    store.save(Batch(alerts=((alert(1), ("desk",)),)))
    outbox = Outbox("desk", channel, store, now=time.time)
    outbox.start()
    assert until(lambda: len(channel.alerts) == 1)
    outbox.ask_to_stop()
    outbox.join(5)
    assert "unforeseen" in caplog.text


def test_what_was_told_is_not_told_again_while_the_database_takes_nothing(
    store: EventStore, tmp_path: Path
) -> None:
    channel = Told()
    store.save(Batch(alerts=((alert(1), ("desk",)),)))
    outbox = Outbox("desk", channel, store, now=time.time)
    other = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(5):
        with pytest.raises(StoreError):
            outbox._deliver_next()
    assert len(channel.alerts) == 1
    other.execute("COMMIT")
    other.close()
    assert not outbox._deliver_next()
    assert len(channel.alerts) == 1
    assert store.outbox.waiting() == []


def test_what_memory_cannot_hold_is_counted_and_said(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("maskwatch.app.live.recorder._MOST_EVENTS", 10)
    recorder = Recorder(store, lambda: None)
    for number in range(25):
        recorder.put(Batch(episodes=(episode(number),)))
    recorder.start()
    assert not recorder.close(5.0)
    assert recorder.counts.lost == 15
    assert "events are lost" in caplog.text
    assert len(list(store.episodes())) == 10
