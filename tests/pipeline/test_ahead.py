import threading
import time
from collections.abc import Iterator

import pytest

from maskwatch.pipeline.ahead import ahead


def nothing(_: object) -> int:
    return 0


def test_items_come_in_order() -> None:
    assert list(ahead(range(1000), size_of=nothing, most_items=3)) == list(range(1000))


def test_nothing_to_come() -> None:
    assert list(ahead([], size_of=nothing)) == []


def test_an_error_surfaces_after_the_items_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("in the stage")

    got = []
    with pytest.raises(ValueError, match="in the stage"):
        got.extend(ahead(broken(), size_of=nothing))
    stage = ahead(broken(), size_of=nothing)
    assert [next(stage), next(stage)] == [1, 2]
    with pytest.raises(ValueError, match="in the stage"):
        next(stage)


def test_the_producer_works_in_another_thread() -> None:
    names = list(ahead((threading.current_thread().name for _ in range(2)), size_of=nothing))
    assert names == ["maskwatch-stage"] * 2


@pytest.mark.parametrize(("most_items", "most_bytes", "waiting"), [(3, 10**9, 3), (100, 45, 5)])
def test_what_waits_is_bounded(most_items: int, most_bytes: int, waiting: int) -> None:
    made = []

    def items() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    stage = ahead(items(), size_of=lambda _: 10, most_items=most_items, most_bytes=most_bytes)
    assert next(stage) == 0
    time.sleep(0.2)
    assert len(made) == 1 + waiting
    stage.close()  # type: ignore[attr-defined]


def test_an_item_larger_than_the_bound_passes() -> None:
    assert list(ahead([1, 2, 3], size_of=lambda _: 10**12)) == [1, 2, 3]


def test_closing_stops_the_producer_and_closes_its_source() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    before = threading.active_count()
    stage = ahead(endless(), size_of=nothing, most_items=2)
    next(stage)
    stage.close()  # type: ignore[attr-defined]
    assert closed.wait(5)
    assert threading.active_count() == before
