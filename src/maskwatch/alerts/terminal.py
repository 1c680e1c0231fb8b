"""A line on the terminal, with the bell."""

import sys
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from pydantic import Field

from maskwatch.alerts.limit import TimeLimit
from maskwatch.alerts.options import ChannelOptions
from maskwatch.alerts.text import one_line, why
from maskwatch.errors import DeliveryError
from maskwatch.events import Alert


class TerminalOptions(ChannelOptions):
    """A line on the terminal."""

    type: Literal["terminal"] = Field(default="terminal", description="A line on the terminal.")
    bell: bool = Field(default=True, description="Whether the terminal rings.")


def write_stderr(text: str) -> None:
    """Write to what is the standard error output now."""
    sys.stderr.write(text)
    sys.stderr.flush()


class TerminalChannel:
    """Writes one line for each alert; `write` is for whoever owns the terminal."""

    def __init__(
        self, options: TerminalOptions, *, write: Callable[[str], None] = write_stderr
    ) -> None:
        self._bell, self._write = "\a" * options.bell, write
        # A terminal that was halted with Ctrl-S takes nothing.
        self._limit = TimeLimit(options.timeout_s, what="the terminal")

    def send(self, alert: Alert) -> None:
        """Write the time of day and the sentence.

        Raises:
            DeliveryError: the terminal is gone, or halted.
        """
        clock = datetime.fromtimestamp(alert.time).strftime("%H:%M:%S")
        line = f"{self._bell}{clock} {one_line(alert.sentence, longest=500)}\n"
        self._limit.run(lambda: self._put(line))

    def _put(self, line: str) -> None:
        try:
            self._write(line)
        except (OSError, ValueError) as error:
            raise DeliveryError(f"cannot write to the terminal: {why(error)}") from error

    def check(self) -> None:
        """There is nothing to find out without writing."""

    def close(self) -> None:
        """Nothing is held."""
