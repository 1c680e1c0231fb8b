"""A program of the user's own."""

import shlex
import shutil
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from maskwatch.alerts.options import ChannelOptions
from maskwatch.alerts.program import run_program
from maskwatch.alerts.text import json_line
from maskwatch.errors import DeliveryError
from maskwatch.events import Alert


def _words(command: Any) -> Any:
    return shlex.split(command) if isinstance(command, str) else command


class CommandOptions(ChannelOptions):
    """A program that is run."""

    type: Literal["command"] = Field(default="command", description="A program that is run.")
    command: Annotated[tuple[str, ...], BeforeValidator(_words), Field(min_length=1)] = Field(
        description="The program and its arguments, as a list or as one text; no shell reads it."
    )


class CommandChannel:
    """Runs a program with the alert as JSON on stdin and in variables MASKWATCH_..."""

    def __init__(self, options: CommandOptions) -> None:
        self._words, self._timeout_s = options.command, options.timeout_s

    def send(self, alert: Alert) -> None:
        """Run the program and wait for its end.

        Raises:
            DeliveryError: it cannot be started, failed, or took too long and was stopped.
        """
        run_program(
            self._words,
            timeout_s=self._timeout_s,
            stdin=json_line(alert).encode() + b"\n",
            variables=_variables(alert),
        )

    def check(self) -> None:
        """Whether the program is there.

        Raises:
            DeliveryError: it is not.
        """
        if shutil.which(self._words[0]) is None:
            raise DeliveryError(
                f"there is no program {self._words[0]}; give its whole path, and make it executable"
            )

    def close(self) -> None:
        """Nothing is held."""


def _variables(alert: Alert) -> dict[str, str]:
    """All that the JSON holds; what is not known is empty."""
    return {
        f"MASKWATCH_{name.upper()}": "" if value is None else str(value).replace("\0", "")
        for name, value in alert.as_json().items()
    }
