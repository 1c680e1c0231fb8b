"""What the store promises, on both databases."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from maskwatch.errors import StoreError
from maskwatch.events import Batch, CameraStatus, Evidence, Minute
from maskwatch.store import EventStore
from maskwatch.types import MaskState
from tests.store.conftest import alert, episode

EVIDENCE = Evidence(faces=7, probabilities=(0.1, 0.7, 0.2), face_px=43.5)
CAMERA = CameraStatus(name="lobby", source="rtsp://me:***@cam/1", up=True, since=1.5)


def test_everything_comes_back_as_it_was(store: EventStore) -> None:
    open_one = episode(evidence=EVIDENCE)
    ended = episode(start=1_700_000_100.0625, end=1_700_000_200.1, broken=True)
    told = alert(
        state=MaskState.INCORRECT, person="p1", episode=ended.id, rate=0.5, people=4, unknown=1,
        snapshot="a.jpg", sentence="Maske falsch getragen: Tür 2 \N{FACE WITH MEDICAL MASK}",
    )  # fmt: skip
    minute = Minute(camera="lobby", start=60.0, run="r", frames=300, faces=20, mask=1, unknown=2)
    store.save(
        Batch(
            episodes=(open_one, ended),
            alerts=((told, ()),),
            minutes=(minute,),
            cameras=(CAMERA,),
        )
    )
    assert list(store.episodes()) == [open_one, ended]
    assert list(store.alerts()) == [told]
    assert list(store.minutes()) == [minute]
    assert store.cameras() == [CAMERA]


def test_text_that_a_database_refuses_does_not_stop_a_batch(store: EventStore) -> None:
    store.save(Batch(cameras=(replace(CAMERA, error="bad\0 name \udcff"),)))
    (camera,) = store.cameras()
    assert camera.error == "bad\N{REPLACEMENT CHARACTER} name ?"


def test_saving_twice_is_as_saving_once(store: EventStore) -> None:
    batch = Batch(
        episodes=(episode(),),
        alerts=((alert(), ("webhook", "mail")),),
        minutes=(Minute(camera="lobby", start=60.0, run="r", mask=1),),
        cameras=(CAMERA,),
    )
    store.save(batch)
    head = store.outbox.head("webhook")
    assert head is not None
    store.outbox.delivered(head, now=5.0)
    before = [list(store.episodes()), list(store.alerts()), list(store.outbox.deliveries())]
    store.save(batch)
    after = [list(store.episodes()), list(store.alerts()), list(store.outbox.deliveries())]
    assert after == before
    assert [minute.mask for minute in store.minutes()] == [1]
    assert len(store.cameras()) == 1


def test_later_states_replace_earlier_ones_even_in_one_batch(store: EventStore) -> None:
    first = episode()
    second = replace(first, last_seen=first.last_seen + 1)
    third = replace(second, end=second.last_seen + 2, evidence=EVIDENCE)
    minute = Minute(camera="lobby", start=60.0, run="r", mask=1)
    store.save(Batch(episodes=(first, second), minutes=(minute, replace(minute, mask=2))))
    assert list(store.episodes()) == [second]
    store.save(Batch(episodes=(third,), cameras=(CAMERA,)))
    store.save(Batch(cameras=(replace(CAMERA, up=False, error="no picture"),)))
    assert list(store.episodes()) == [third]
    assert [m.mask for m in store.minutes()] == [2]
    assert [camera.error for camera in store.cameras()] == ["no picture"]


def test_a_batch_is_stored_whole_or_not_at_all(store: EventStore) -> None:
    # The fault comes after the episode, which is in order.
    broken = alert(sentence=None)
    with pytest.raises(StoreError, match="cannot write .*sentence"):
        store.save(Batch(episodes=(episode(),), alerts=((broken, ("bell",)),)))
    assert list(store.episodes()) == []
    store.save(Batch(episodes=(episode(),)))
    assert len(list(store.episodes())) == 1


def test_after_a_crash_open_episodes_end_where_they_were_last_seen(store: EventStore) -> None:
    here, there = episode(), episode(camera="yard")
    done = episode(end=1_700_000_009.0)
    store.save(Batch(episodes=(here, there, done)))
    assert store.close_open_episodes(["yard", "roof"]) == 1
    closed = replace(there, end=there.last_seen, broken=True)
    found = {e.id: e for e in store.episodes()}
    assert found == {here.id: here, there.id: closed, done.id: done}
    assert store.close_open_episodes() == 1
    assert store.close_open_episodes() == 0
    assert sum(e.broken for e in store.episodes()) == 2


@pytest.fixture
def filled(store: EventStore) -> EventStore:
    seen = [
        episode(
            start=100.0 * i,
            end=100.0 * i + 50,
            camera=("lobby", "yard")[i % 2],
            state=(MaskState.MASK, MaskState.NO_MASK)[i % 2],
        )
        for i in range(6)
    ]
    store.save(Batch(episodes=tuple(reversed(seen))))
    return store


@pytest.mark.parametrize(
    ("ask", "starts"),
    [
        (lambda s: s.episodes(), [0, 100, 200, 300, 400, 500]),
        (lambda s: s.episodes(since=200, until=400), [200, 300]),
        (lambda s: s.episodes(camera="yard"), [100, 300, 500]),
        (lambda s: s.episodes(state=MaskState.MASK, since=51), [200, 400]),
        (lambda s: s.episodes(limit=2), [0, 100]),
        (lambda s: s.episodes(limit=0), []),
        (lambda s: s.episodes(limit=2, newest_first=True), [500, 400]),
        (lambda s: s.episodes(camera="'; DROP TABLE episodes --"), []),
    ],
)
def test_episodes_can_be_chosen(
    filled: EventStore, ask: Callable[[EventStore], object], starts: list[float]
) -> None:
    assert [e.start for e in ask(filled)] == starts  # type: ignore[attr-defined]


def test_episodes_that_reach_into_a_span_belong_to_it(store: EventStore) -> None:
    before = episode(person="before", start=10.0, end=99.0)
    into = episode(person="into", start=20.0, end=150.0)
    within = episode(person="within", start=110.0, end=120.0)
    going_on = episode(person="going on", start=5.0)
    after = episode(person="after", start=200.0)
    store.save(Batch(episodes=(before, into, within, going_on, after)))
    found = [e.person for e in store.episodes(since=100.0, until=200.0)]
    assert found == ["going on", "into", "within"]
    newest = [e.person for e in store.episodes(since=100.0, limit=2, newest_first=True)]
    assert newest == ["after", "within"]


def test_alerts_come_by_time_and_phase(store: EventStore) -> None:
    first, other = alert(time=10.0), alert(time=5.0, camera="yard")
    end = replace(first, number=1, time=10.0)
    store.save(Batch(alerts=((end, ()), (first, ()), (other, ()))))
    assert list(store.alerts()) == [other, first, end]
    assert list(store.alerts(camera="lobby", newest_first=True)) == [end, first]
    assert list(store.alerts(since=6, limit=1)) == [first]


def test_long_answers_are_whole_and_hold_nothing_open(store: EventStore) -> None:
    # Many begin at once, so pages end between equal times.
    many = tuple(episode(start=float(i // 700)) for i in range(2500))
    store.save(Batch(episodes=many))
    expected = sorted(many, key=lambda e: (e.start, e.id))
    assert list(store.episodes()) == expected
    assert list(store.episodes(newest_first=True)) == expected[::-1]
    assert list(store.episodes(limit=1001)) == expected[:1001]
    half_read = store.episodes()
    assert next(half_read) == expected[0]
    store.purge(now=1e9, keep_s=0, keep_minutes_s=0, delete_file=print)
    store.save(Batch(episodes=(episode(),)))
    assert list(half_read)[-1] != expected[0]


def test_another_opens_it_and_finds_all(store: EventStore, address: str) -> None:
    store.save(Batch(episodes=(episode(),)))
    with EventStore(address) as second:
        assert list(second.episodes()) == list(store.episodes())
        second.save(Batch(cameras=(CAMERA,)))
    assert store.cameras() == [CAMERA]


def test_its_size_is_known(store: EventStore) -> None:
    before = store.size_bytes()
    store.save(Batch(episodes=tuple(episode() for _ in range(3000))))
    assert store.size_bytes() > before + 3000 * 100
