"""Stages that overlap: each runs in a thread of its own and works ahead of the next."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_END: Any = object()


class _Buffer(Generic[T]):
    """A first-in first-out queue: full once it has so many items, or so many bytes."""

    def __init__(self, most_items: int, most_bytes: int) -> None:
        self._items: deque[tuple[T, int]] = deque()
        self._most_items, self._most_bytes = most_items, most_bytes
        self._bytes = 0
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self._error: BaseException | None = None

    def wait_for_room(self) -> bool:
        """Return True once another item may be made; False when nobody wants it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._has_room())
            return not self._closed

    def _has_room(self) -> bool:
        return len(self._items) < self._most_items and self._bytes < self._most_bytes

    def put(self, item: T, nbytes: int) -> None:
        """Add an item."""
        with self._changed:
            self._items.append((item, nbytes))
            self._bytes += nbytes
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more will come; an error surfaces after the items before it."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody will take more."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()

    def take(self) -> Iterator[T]:
        """The items as they come."""
        while True:
            with self._changed:
                # A time limit lets Ctrl-C through on every platform.
                while not self._items and not self._ended:
                    self._changed.wait(0.5)
                if not self._items:
                    if self._error is not None:
                        raise self._error
                    return
                item, nbytes = self._items.popleft()
                self._bytes -= nbytes
                self._changed.notify_all()
            yield item


def ahead(
    items: Iterable[T],
    *,
    size_of: Callable[[T], int],
    most_items: int = 8,
    most_bytes: int = 24 * 2**20,
) -> Generator[T]:
    """Loop over `items` in a thread that works ahead of the consumer.

    No item is made while `most_items` wait, or `most_bytes` as counted by `size_of`. An error of
    the producer surfaces here, after the items before it. Closing this iterator closes `items`
    and waits for the thread.
    """
    buffer: _Buffer[T] = _Buffer(most_items, most_bytes)

    def produce() -> None:
        iterator = iter(items)
        try:
            # Room first, then the item: none waits outside of the count.
            while buffer.wait_for_room():
                item = next(iterator, _END)
                if item is _END:
                    break
                buffer.put(item, size_of(item))
        except BaseException as error:  # noqa: BLE001 - handed to the consumer whole.
            buffer.end(error)
        else:
            buffer.end()
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=produce, name="maskwatch-stage", daemon=True)
    thread.start()
    try:
        yield from buffer.take()
    finally:
        buffer.close()
        thread.join()
