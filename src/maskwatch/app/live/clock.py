"""The time: a steady clock for what lasts, the wall's for what is remembered."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def steady(self) -> float:
        """Seconds that never jump."""

    def wall(self, steady_s: float) -> float:
        """Seconds since 1970 at a time of the steady clock."""


class SystemClock:
    """The machine's clocks; whoever sets the wall's anew shifts what comes after, no more."""

    def steady(self) -> float:
        return time.monotonic()

    def wall(self, steady_s: float) -> float:
        return time.time() - time.monotonic() + steady_s
