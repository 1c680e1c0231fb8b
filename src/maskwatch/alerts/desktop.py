"""A pop-up on the desktop, by the means of each system."""

import html
import platform
import shutil
from typing import Literal

from pydantic import Field, SecretStr

from maskwatch.alerts.chat import ChatChannel, ChatOptions
from maskwatch.alerts.options import ChannelOptions
from maskwatch.alerts.program import run_program
from maskwatch.alerts.text import one_line
from maskwatch.errors import DeliveryError
from maskwatch.events import Alert

_TITLE = "maskwatch"
# The words come as arguments, so that no text can become a part of the script.
_APPLESCRIPT = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)


class DesktopOptions(ChannelOptions):
    """A pop-up on this machine's desktop."""

    type: Literal["desktop"] = Field(default="desktop", description="A pop-up on the desktop.")


def desktop_channel(options: DesktopOptions) -> "DesktopChannel | ChatChannel":
    """The channel that fits this system.

    Raises:
        MissingExtra: on Windows, where apprise shows pop-ups, it is not installed.
    """
    if platform.system() == "Windows":
        urls = (SecretStr("windows://"),)
        return ChatChannel(ChatOptions(name=options.name, urls=urls, timeout=options.timeout_s))
    return DesktopChannel(options)


class DesktopChannel:
    """Shows pop-ups through notify-send on Linux and osascript on macOS."""

    def __init__(self, options: DesktopOptions, *, system: str | None = None) -> None:
        self._words = _mac_words if (system or platform.system()) == "Darwin" else _linux_words
        self._timeout_s = options.timeout_s

    def send(self, alert: Alert) -> None:
        """Show the sentence.

        Raises:
            DeliveryError: there is no program for pop-ups, or it found no desktop.
        """
        words = self._words(one_line(alert.sentence, longest=500))
        run_program(words, timeout_s=self._timeout_s)

    def check(self) -> None:
        """Whether the program for pop-ups is there.

        Raises:
            DeliveryError: it is not.
        """
        program = self._words("")[0]
        if shutil.which(program) is None:
            raise DeliveryError(f"pop-ups need the program {program}; install it")

    def close(self) -> None:
        """Nothing is held."""


def _linux_words(sentence: str) -> list[str]:
    # The body may hold markup, so that < and & of the sentence must be spelt out.
    body = html.escape(sentence, quote=False)
    return ["notify-send", f"--app-name={_TITLE}", "--", _TITLE, body]


def _mac_words(sentence: str) -> list[str]:
    script = [word for line in _APPLESCRIPT for word in ("-e", line)]
    return ["osascript", *script, _TITLE, sentence]
