"""From options to channels."""

from collections.abc import Callable
from typing import Annotated, Protocol

from pydantic import Field

from maskwatch.alerts.chat import ChatChannel, ChatOptions
from maskwatch.alerts.command import CommandChannel, CommandOptions
from maskwatch.alerts.desktop import DesktopOptions, desktop_channel
from maskwatch.alerts.log import LogChannel, LogOptions
from maskwatch.alerts.mail import EmailChannel, EmailOptions
from maskwatch.alerts.mqtt import MqttChannel, MqttOptions
from maskwatch.alerts.sound import SoundChannel, SoundOptions
from maskwatch.alerts.terminal import TerminalChannel, TerminalOptions, write_stderr
from maskwatch.alerts.topics import KindsOf
from maskwatch.alerts.webhook import WebhookChannel, WebhookOptions
from maskwatch.events import Channel

AnyChannel = Annotated[
    TerminalOptions
    | LogOptions
    | SoundOptions
    | DesktopOptions
    | CommandOptions
    | WebhookOptions
    | MqttOptions
    | EmailOptions
    | ChatOptions,
    Field(discriminator="type"),
]


class CheckedChannel(Channel, Protocol):
    """A channel that can say beforehand whether it would work."""

    def check(self) -> None:
        """Find out without telling anybody.

        Raises:
            DeliveryError: it would not work now.
        """


def open_channel(
    options: AnyChannel,
    *,
    kinds_of: KindsOf | None = None,
    write: Callable[[str], None] = write_stderr,
) -> Channel:
    """The channel that some options describe, ready to send.

    Args:
        options: one of the kinds of options.
        kinds_of: of each camera the kinds of alerts that reach the channel, for one that tells of
            cameras without alerts too.
        write: writes to the terminal; for when a dashboard owns it.

    Raises:
        MissingExtra: a library that the channel needs is not installed.
        UsageError: two cameras cannot be told apart there.
        DeliveryError: a file that it needs cannot be read.
    """
    channel = _made(options, kinds_of or {}, write)
    if isinstance(channel, MqttChannel):
        channel.start()
    return channel


def probe(options: AnyChannel) -> None:
    """Whether a channel would work, found out without telling anybody.

    Raises:
        MissingExtra: a library that it needs is not installed.
        DeliveryError: it would not work now; the message says why.
    """
    channel = _made(options, {}, write_stderr)
    try:
        channel.check()
    finally:
        channel.close()


def _made(options: AnyChannel, kinds_of: KindsOf, write: Callable[[str], None]) -> CheckedChannel:
    match options:
        case TerminalOptions():
            return TerminalChannel(options, write=write)
        case LogOptions():
            return LogChannel(options)
        case SoundOptions():
            return SoundChannel(options)
        case DesktopOptions():
            return desktop_channel(options)
        case CommandOptions():
            return CommandChannel(options)
        case WebhookOptions():
            return WebhookChannel(options)
        case MqttOptions():
            return MqttChannel(options, kinds_of=kinds_of)
        case EmailOptions():
            return EmailChannel(options)
        case ChatOptions():
            return ChatChannel(options)
