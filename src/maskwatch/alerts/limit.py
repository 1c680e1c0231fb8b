"""A limit on how long telling takes, whatever the libraries that do it allow themselves."""

import threading
from collections.abc import Callable

from maskwatch.errors import DeliveryError

_PATIENCE_S = 1.0


class TimeLimit:
    """Does one thing at a time and waits for it no longer than `timeout_s`.

    Libraries limit each step; a server that sends a byte a second passes all of these limits.

    Args:
        timeout_s: the limit.
        what: who is waited for, to begin a message with.
        cut: breaks off what is under way, from another thread.
    """

    def __init__(
        self, timeout_s: float, *, what: str, cut: Callable[[], None] = lambda: None
    ) -> None:
        self._timeout_s, self._what, self._cut = timeout_s, what, cut
        self._worker: threading.Thread | None = None

    def run(self, do: Callable[[], object]) -> None:
        """Do it.

        Raises:
            DeliveryError: it took too long, or an earlier one still hangs.
        """
        if self._worker is not None and self._worker.is_alive():
            raise DeliveryError(f"{self._what} has not come back from an earlier attempt")
        errors: list[BaseException] = []

        def work() -> None:
            try:
                do()
            except BaseException as error:  # noqa: BLE001 - handed to the caller whole.
                errors.append(error)

        worker = threading.Thread(target=work, name="maskwatch-alert", daemon=True)
        self._worker = worker
        worker.start()
        worker.join(self._timeout_s)
        if worker.is_alive():
            self._cut()
            worker.join(_PATIENCE_S)
            raise DeliveryError(f"{self._what} took longer than {self._timeout_s:g} s")
        if errors:
            raise errors[0]
