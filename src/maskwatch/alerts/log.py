"""A file of JSON lines, one an alert."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import Field

from maskwatch.alerts.limit import TimeLimit
from maskwatch.alerts.options import ChannelOptions
from maskwatch.alerts.text import json_line, why
from maskwatch.errors import DeliveryError
from maskwatch.events import Alert


class LogOptions(ChannelOptions):
    """A file of JSON lines."""

    type: Literal["log"] = Field(default="log", description="A file of JSON lines.")
    path: Path = Field(description="The file; it is made where missing, its folder is not.")


class LogChannel:
    """Adds lines to a file that others may move away at any time."""

    def __init__(self, options: LogOptions) -> None:
        self._path = options.path
        self._limit = TimeLimit(options.timeout_s, what=f"the file {options.path}")

    def send(self, alert: Alert) -> None:
        """Add one line and wait until the disk has it.

        Raises:
            DeliveryError: it cannot be written; the file then ends as it did before.
        """
        line = json_line(alert).encode() + b"\n"
        self._limit.run(lambda: self._add(line))

    def _add(self, line: bytes) -> None:
        try:
            with self._path.open("ab", buffering=0) as file:
                size = file.tell()
                try:
                    if file.write(line) != len(line):
                        raise OSError("the disk took a part of the line only")
                    os.fsync(file.fileno())
                except OSError:
                    with suppress(OSError):
                        file.truncate(size)
                    raise
        except OSError as error:
            raise DeliveryError(f"cannot write to {self._path}: {why(error)}") from error

    def check(self) -> None:
        """Whether the file can be written to.

        Raises:
            DeliveryError: it cannot.
        """
        folder = self._path.absolute().parent
        if not folder.is_dir():
            raise DeliveryError(f"the folder {folder} of the alert log is missing; make it")
        if self._path.is_dir() or not os.access(
            self._path if self._path.exists() else folder, os.W_OK
        ):
            raise DeliveryError(f"{self._path} must be a file that may be written to")

    def close(self) -> None:
        """Nothing is held."""
