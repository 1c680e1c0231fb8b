"""Between who reads a camera and who looks at its frames: the slow one skips, and never lags."""

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Slot(Generic[Item]):
    """Room for the newest of what comes; `arrived` is set with each, and may be shared by many."""

    def __init__(self, arrived: threading.Event) -> None:
        self.arrived = arrived
        self._item: Item | None = None
        self._lock = threading.Lock()

    def put(self, item: Item) -> bool:
        """Put it in the place of an older one; return whether nobody had taken that."""
        with self._lock:
            dropped, self._item = self._item is not None, item
        self.arrived.set()
        return dropped

    def take(self) -> Item | None:
        """The newest that was not taken yet."""
        with self._lock:
            item, self._item = self._item, None
        return item
