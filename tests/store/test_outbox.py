"""Deliveries: none lost, none overtaken, none hidden; on both databases."""

import threading
from dataclasses import replace

from maskwatch.events import Batch
from maskwatch.store import Delivery, DeliveryState, EventStore
from tests.store.conftest import alert


def save(store: EventStore, count: int, *channels: str) -> list[str]:
    told = [alert(time=1000.0 - i) for i in range(count)]
    store.save(Batch(alerts=tuple((a, channels) for a in told)))
    return [a.id for a in told]


def head(store: EventStore, channel: str) -> Delivery:
    found = store.outbox.head(channel)
    assert found is not None
    return found


def test_each_channel_tells_in_the_order_of_saving(store: EventStore) -> None:
    ids = save(store, 3, "webhook", "mail") + save(store, 2, "webhook")
    told = []
    while (delivery := store.outbox.head("webhook")) is not None:
        assert delivery.wait_s(0.0) == 0
        told.append(delivery.alert.id)
        store.outbox.delivered(delivery, now=7.0)
    assert told == ids
    assert head(store, "mail").alert.id == ids[0]
    assert store.outbox.head("sms") is None
    done = list(store.outbox.deliveries(channel="webhook"))
    assert {(d.state, d.attempts, d.tried) for d in done} == {(DeliveryState.DELIVERED, 1, 7.0)}


def test_nothing_overtakes_a_head_that_fails(store: EventStore) -> None:
    ids = save(store, 2, "webhook")
    store.outbox.postponed(head(store, "webhook"), error="refused", now=100.0, next_try=130.0)
    again = head(store, "webhook")
    assert (again.alert.id, again.attempts, again.error) == (ids[0], 1, "refused")
    assert [again.wait_s(now) for now in (100.0, 110.0, 130.0, 200.0)] == [30.0, 20.0, 0.0, 0.0]
    store.outbox.postponed(again, error="refused again", now=131.0, next_try=190.0)
    assert head(store, "webhook").attempts == 2
    store.outbox.gave_up(head(store, "webhook"), error="x" * 10_000, now=200.0)
    assert head(store, "webhook").alert.id == ids[1]
    (failed,) = store.outbox.deliveries(state=DeliveryState.FAILED)
    assert (failed.alert.id, failed.attempts, failed.tried) == (ids[0], 3, 200.0)
    assert failed.error is not None
    assert len(failed.error) == 500


def test_a_clock_that_was_set_back_delays_nothing(store: EventStore) -> None:
    save(store, 1, "webhook")
    year_s = 365 * 86_400.0
    delivery = head(store, "webhook")
    store.outbox.postponed(delivery, error="e", now=year_s, next_try=year_s + 60)
    assert head(store, "webhook").wait_s(1000.0) == 0


def test_a_second_call_after_a_lost_answer_counts_no_attempt(store: EventStore) -> None:
    save(store, 1, "webhook")
    delivery = head(store, "webhook")
    for _ in range(2):
        store.outbox.postponed(delivery, error="e", now=1.0, next_try=2.0)
    assert head(store, "webhook").attempts == 1


def test_what_waits_can_be_seen(store: EventStore) -> None:
    assert store.outbox.waiting() == []
    save(store, 3, "mail", "webhook")
    save(store, 1, "bell")
    store.outbox.delivered(head(store, "bell"), now=1.0)
    store.outbox.gave_up(head(store, "mail"), error="e", now=1.0)
    for _ in range(2):
        store.outbox.gave_up(head(store, "webhook"), error="e", now=1.0)
    store.outbox.delivered(head(store, "webhook"), now=1.0)
    store.outbox.postponed(head(store, "mail"), error="SMTP is down", now=2.0, next_try=9.0)
    mail, webhook = store.outbox.waiting()
    assert (mail.channel, mail.pending, mail.failed) == ("mail", 2, 1)
    assert mail.head == head(store, "mail")
    assert mail.head.error == "SMTP is down"
    assert (webhook.channel, webhook.pending, webhook.failed) == ("webhook", 0, 2)
    assert webhook.head is None


def test_phases_and_channels_added_later_are_told_once_each(store: EventStore) -> None:
    new = alert()
    end = replace(new, number=1)
    store.save(Batch(alerts=((new, ("bell",)), (end, ("bell",)))))
    store.save(Batch(alerts=((end, ("bell", "mail")),)))
    assert [d.alert for d in store.outbox.deliveries(channel="bell")] == [new, end]
    assert [d.alert for d in store.outbox.deliveries(channel="mail")] == [end]
    newest = store.outbox.deliveries(newest_first=True, limit=1)
    assert [d.channel for d in newest] == ["mail"]


def test_threads_share_it(store: EventStore) -> None:
    channels = ["a", "b", "c"]
    told: dict[str, list[str]] = {name: [] for name in channels}

    def tell(name: str) -> None:
        # What goes wrong in a thread fails the test: pytest warns, and warnings are errors.
        while len(told[name]) < 20:
            if (delivery := store.outbox.head(name)) is not None:
                told[name].append(delivery.alert.id)
                store.outbox.delivered(delivery, now=1.0)

    threads = [threading.Thread(target=tell, args=(name,)) for name in channels]
    for thread in threads:
        thread.start()
    ids = [i for _ in range(20) for i in save(store, 1, *channels)]
    for thread in threads:
        thread.join(timeout=30)
    assert told == dict.fromkeys(channels, ids)
