"""What is old goes, what is owed stays, and a receipt says so; on both databases."""

from dataclasses import replace
from pathlib import Path

import pytest

from maskwatch.errors import StoreError
from maskwatch.events import Batch, Minute
from maskwatch.store import EventStore, Receipt
from tests.store.conftest import alert, episode

DAY_S = 86_400.0
NOW = 100 * DAY_S
KEEP = {"now": NOW, "keep_s": 30 * DAY_S, "keep_minutes_s": 90 * DAY_S}
OLD, FRESH = 50 * DAY_S, 80 * DAY_S


def deliver(store: EventStore, channel: str) -> None:
    while (head := store.outbox.head(channel)) is not None:
        store.outbox.delivered(head, now=NOW)


def test_the_old_goes_and_the_receipt_stays(store: EventStore) -> None:
    kept = [
        episode(start=FRESH, end=FRESH + 1),
        episode(start=OLD, end=FRESH),
        episode(start=OLD, last_seen=FRESH),
    ]
    gone = [episode(start=OLD, end=OLD + 1), episode(start=OLD, last_seen=OLD)]
    minutes = [Minute(camera="c", start=day * DAY_S, run="r") for day in (5, 9, 10, 50)]
    told, fresh = alert(time=OLD), alert(time=FRESH)
    store.save(
        Batch(
            episodes=(*gone, *kept),
            minutes=tuple(minutes),
            alerts=((told, ("bell", "mail")), (fresh, ("bell",))),
        )
    )
    deliver(store, "bell")
    deliver(store, "mail")
    receipt = store.purge(**KEEP, delete_file=print)
    assert receipt == Receipt(
        time=NOW,
        keep_s=30 * DAY_S,
        keep_minutes_s=90 * DAY_S,
        episodes=2,
        alerts=1,
        deliveries=2,
        minutes=2,
        snapshots=0,
    )
    assert {e.id for e in store.episodes()} == {e.id for e in kept}
    assert list(store.minutes()) == minutes[2:]
    assert list(store.alerts()) == [fresh]
    again = store.purge(**KEEP | {"now": NOW + 1}, delete_file=print)
    assert (again.episodes, again.alerts, again.deliveries) == (0, 0, 0)
    assert store.receipts() == [receipt, again]


def test_what_somebody_has_yet_to_be_told_stays(store: EventStore) -> None:
    owed = alert(time=OLD, snapshot="owed.jpg")
    store.save(Batch(alerts=((owed, ("bell", "mail")),)))
    deliver(store, "bell")
    receipt = store.purge(**KEEP, delete_file=print)
    assert (receipt.deliveries, receipt.alerts, receipt.snapshots) == (1, 0, 0)
    head = store.outbox.head("mail")
    assert head is not None
    assert head.alert == owed
    store.outbox.gave_up(head, error="e", now=NOW)
    receipt = store.purge(**KEEP, delete_file=print)
    assert (receipt.deliveries, receipt.alerts, receipt.snapshots) == (1, 1, 1)


def test_snapshots_go_once_no_alert_names_them(store: EventStore) -> None:
    first = alert(time=OLD, snapshot="long.jpg")
    end = replace(first, number=1, time=FRESH)
    other = alert(time=OLD, snapshot="short.jpg")
    store.save(Batch(alerts=((first, ()), (end, ()), (other, ()))))
    deleted: list[str] = []
    store.purge(**KEEP, delete_file=deleted.append)
    assert deleted == ["short.jpg"]
    store.purge(**KEEP | {"keep_s": 1.0}, delete_file=deleted.append)
    assert deleted == ["short.jpg", "long.jpg"]
    assert [receipt.snapshots for receipt in store.receipts()] == [1, 1]


def test_there_is_no_receipt_for_a_file_that_is_still_there(
    store: EventStore, tmp_path: Path
) -> None:
    (tmp_path / "b.jpg").mkdir()
    (tmp_path / "a.jpg").touch()
    named = [alert(time=OLD, snapshot=name) for name in ("a.jpg", "b.jpg", "gone.jpg")]
    store.save(Batch(alerts=tuple((a, ()) for a in named)))

    def delete(name: str) -> None:
        (tmp_path / name).unlink(missing_ok=True)

    with pytest.raises(StoreError, match=r"cannot delete the snapshot b\.jpg: .*irectory"):
        store.purge(**KEEP, delete_file=delete)
    assert store.receipts() == []
    assert len(list(store.alerts())) == 3
    (tmp_path / "b.jpg").rmdir()
    assert store.purge(**KEEP, delete_file=delete).snapshots == 3
    assert list(store.alerts()) == []
