"""What the store hands out beside the events themselves."""

from dataclasses import dataclass
from enum import StrEnum

from maskwatch.events import Alert


class DeliveryState(StrEnum):
    """Whether a channel still has to tell an alert, has told it, or was given up on."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One phase of an alert that one channel tells, has told, or failed to tell.

    `tried` is the time of the last attempt: of what is not pending, the time of its end.
    """

    id: int
    alert: Alert
    channel: str
    state: DeliveryState
    attempts: int
    tried: float | None
    next_try: float
    error: str | None

    def wait_s(self, now: float) -> float:
        """Seconds until it may be tried, 0 where it is due.

        A clock that was set back makes it due, or else it would wait for the old time to return.
        """
        set_back = self.tried is not None and now < self.tried
        return 0.0 if set_back else max(0.0, self.next_try - now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a channel has not told: how many are pending, the first of them, how many failed."""

    channel: str
    pending: int
    failed: int
    head: Delivery | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a purge deleted at `time`: rows of each table, and files of snapshots."""

    time: float
    keep_s: float
    keep_minutes_s: float
    episodes: int
    alerts: int
    deliveries: int
    minutes: int
    snapshots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Sums over the minutes of an hour or a day, which began at `start`, or of a camera."""

    start: float | None = None
    camera: str | None = None
    frames: int = 0
    faces: int = 0
    mask: int = 0
    no_mask: int = 0
    incorrect: int = 0
    unknown: int = 0

    @property
    def people(self) -> int:
        """All who passed."""
        return self.mask + self.no_mask + self.incorrect + self.unknown

    @property
    def rate(self) -> float | None:
        """The share who wore it well among those whose state is known; None without any."""
        known = self.people - self.unknown
        return self.mask / known if known else None
