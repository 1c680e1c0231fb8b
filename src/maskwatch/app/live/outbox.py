"""Deliveries: what the database says is not told yet, told channel by channel until it is.

At least once and in order: a phase of an alert is marked as told only after the channel returned,
and nothing overtakes one that cannot be told now. Back-off grows to ten minutes. What the other
side refuses for good, or what could not be told for `give_up_s`, is marked as failed, where
everybody can see it, and the next one goes out.
"""

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

from maskwatch.alerts.options import RetryLater
from maskwatch.errors import DeliveryError, DeliveryRefused, StoreError
from maskwatch.events import Channel
from maskwatch.store.eventstore import EventStore
from maskwatch.store.values import Delivery

_logger = logging.getLogger(__name__)
_FIRST_S, _LONGEST_S = 1.0, 600.0
_POLL_S = 1.0
_LEAST_ATTEMPTS = 20


@dataclass(slots=True)
class OutboxCounts:
    """What one channel did since the start."""

    sent: int = 0
    failures: int = 0
    given_up: int = 0


class Outbox:
    """One channel's deliveries, in a thread of its own: a slow channel holds up no other."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        store: EventStore,
        *,
        now: Callable[[], float],
        give_up_s: float = 86_400.0,
    ) -> None:
        self.name = name
        self.counts = OutboxCounts()
        self._trouble: str | None = None
        self._of_database: str | None = None
        self._in_row = 0
        self.wake = threading.Event()
        self._channel, self._store, self._now = channel, store, now
        self._give_up_s = give_up_s
        self._closed = threading.Event()
        self._told: Delivery | None = None
        self._not_before = float("-inf")
        self._thread = threading.Thread(target=self._run, name=f"channel {name}", daemon=True)

    @property
    def error(self) -> str | None:
        """Why the last attempt failed, or the database cannot be asked; None while all is well."""
        return self._of_database or self._trouble

    def start(self) -> None:
        """Begin to deliver, first what an earlier run left."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Send what is due now, then end."""
        self._closed.set()
        self.wake.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the end; what is not told by then is told by the next run."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def abandon(self) -> None:
        """Let go of the channel, if no thread was started that does so itself."""
        if self._thread.ident is None:
            self._channel.close()

    def _run(self) -> None:
        try:
            while True:
                self.wake.clear()
                closing = self._closed.is_set()
                try:
                    while self._deliver_next():
                        pass
                    self._of_database = None
                except StoreError as error:
                    self._of_database = f"the database: {error}"
                if closing:
                    return
                self.wake.wait(_POLL_S)
        finally:
            self._channel.close()

    def _deliver_next(self) -> bool:
        """Tell the oldest alert, if one is due; return whether to go on with the next."""
        if self._told is not None:
            self._mark_told(self._told)
        now = self._now()
        delivery = self._store.outbox.head(self.name)
        if delivery is None or delivery.wait_s(now) > 0 or self._is_waiting(now):
            return False
        try:
            self._channel.send(delivery.alert)
        except Exception as error:  # A fault of a library must not end it.
            if not isinstance(error, DeliveryError):
                _logger.exception("channel %s failed in an unforeseen way", self.name)
            return self._failed(delivery, error)
        # Kept until it is marked: a database that takes nothing must not have it told again.
        self._told = delivery
        self._mark_told(delivery)
        return True

    def _mark_told(self, delivery: Delivery) -> None:
        self._store.outbox.delivered(delivery, now=self._now())
        self._told = None
        self.counts.sent += 1
        self._in_row = 0
        if self._trouble is not None:
            _logger.warning("channel %s works again", self.name)
        self._trouble = None

    def _is_waiting(self, now: float) -> bool:
        """Whether it failed a moment ago; beyond the longest wait the clock was set."""
        return 0 < self._not_before - now <= 1.5 * _LONGEST_S

    def _failed(self, delivery: Delivery, error: Exception) -> bool:
        """Try it later, or give it up; return whether the next one may go."""
        now = self._now()
        known, self._trouble = self._trouble is not None, str(error)
        self.counts.failures += 1
        # What is refused for good says nothing of the channel.
        self._in_row += not isinstance(error, DeliveryRefused)
        # In memory, too: the database may not take it.
        self._not_before = now + _wait_s(delivery, error)
        if self._is_hopeless(delivery, error, now):
            self._store.outbox.gave_up(delivery, error=str(error), now=now)
            self._not_before = float("-inf")
            self.counts.given_up += 1
            _logger.error(
                "channel %s: given up: %s (%s)", self.name, delivery.alert.sentence, error
            )
            return True
        if not known:
            _logger.warning("channel %s: %s; it is tried again", self.name, error)
        self._store.outbox.postponed(delivery, error=str(error), now=now, next_try=self._not_before)
        return False

    def _is_hopeless(self, delivery: Delivery, error: Exception, now: float) -> bool:
        # Attempts too: a clock that jumps a day must not give up what was tried once. Those of the
        # ones before count: else each that waits behind them would take its own twenty.
        is_old = now - delivery.alert.time >= self._give_up_s
        attempts = max(delivery.attempts, self._in_row)
        return isinstance(error, DeliveryRefused) or (is_old and attempts >= _LEAST_ATTEMPTS)


def _wait_s(delivery: Delivery, error: Exception) -> float:
    """How long to wait after a failure; all channels must not come back in the same moment."""
    wait_s = min(_FIRST_S * 2.0 ** min(delivery.attempts, 20), _LONGEST_S)
    wait_s *= random.uniform(0.8, 1.2)
    if isinstance(error, RetryLater):
        wait_s = max(wait_s, min(error.retry_after_s, _LONGEST_S))
    return wait_s
