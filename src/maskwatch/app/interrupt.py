"""Ctrl-C that waits while something is written that must not be torn apart."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType, TracebackType
from typing import Self


class Interrupts:
    """While entered, SIGINT raises KeyboardInterrupt at once, except in `held` parts.

    There the first one is kept until the part ends; a second one does not wait. Outside of the
    main thread, which alone gets signals, it changes nothing.
    """

    def __init__(self) -> None:
        self._holding = self._pending = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """A part that the first Ctrl-C does not break.

        Raises:
            KeyboardInterrupt: at its end, if one came meanwhile; an error of the part is its cause.
        """
        self._holding = True
        try:
            yield
        except BaseException as error:
            if self._taken():
                raise KeyboardInterrupt from error
            raise
        finally:
            self._holding = False
        if self._taken():
            raise KeyboardInterrupt

    def _taken(self) -> bool:
        """Whether one came meanwhile; asked once, it is forgotten."""
        was, self._pending = self._pending, False
        return was

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._holding and not self._pending:
            self._pending = True
            return
        raise KeyboardInterrupt

    def __enter__(self) -> Self:
        self._before = None
        is_main = threading.current_thread() is threading.main_thread()
        # A process started with Ctrl-C ignored (nohup, a shell's background job) keeps that.
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


class HeldStack(ExitStack):
    """An `ExitStack` whose exit is a held part."""

    def __init__(self, interrupts: Interrupts) -> None:
        super().__init__()
        self._interrupts = interrupts

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        with self._interrupts.held():
            return bool(super().__exit__(kind, error, trace))
