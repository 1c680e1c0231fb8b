"""Chat services and all else that apprise can reach behind one URL each."""

import logging
from typing import Any, Literal

from pydantic import Field, SecretStr

from maskwatch.alerts.limit import TimeLimit
from maskwatch.alerts.options import ChannelOptions
from maskwatch.errors import DeliveryError, MissingExtra
from maskwatch.events import Alert, Phase


class ChatOptions(ChannelOptions):
    """Chat services through apprise."""

    type: Literal["chat"] = Field(default="chat", description="Chat services, through apprise.")
    urls: tuple[SecretStr, ...] = Field(
        min_length=1, description="Apprise URLs; each holds a service and its secrets."
    )


class ChatChannel:
    """Tells services of apprise; one that has been told is not told again when another failed.

    Raises:
        MissingExtra: apprise is not installed.
    """

    def __init__(self, options: ChatOptions) -> None:
        try:
            import apprise
        except ImportError as error:
            raise MissingExtra(
                "chat channels need an extra: pip install 'maskwatch[chat]'"
            ) from error
        # They write whole URLs, and with them their secrets, into logs.
        for library in ("apprise", "urllib3"):
            logging.getLogger(library).setLevel(logging.CRITICAL + 1)
        self._apprise: Any = apprise
        self._urls = [url.get_secret_value() for url in options.urls]
        self._told: tuple[str, set[str]] = "", set()
        self._limit = TimeLimit(options.timeout_s, what="a chat service")

    def send(self, alert: Alert) -> None:
        """Tell every service.

        Raises:
            DeliveryError: not all of them took it.
        """
        # The first time, this loads all of apprise, which is not the services' fault.
        services = self._services()
        self._limit.run(lambda: self._tell(alert, services))

    def _tell(self, alert: Alert, services: dict[str, Any]) -> None:
        telling = f"{alert.id}-{alert.number}"
        if self._told[0] != telling:
            self._told = telling, set()
        told = self._told[1]
        for url, service in services.items():
            if url not in told and self._notify(service, alert):
                told.add(url)
        failed = [service[0].service_name for url, service in services.items() if url not in told]
        if failed:
            raise DeliveryError(f"{', '.join(map(str, failed))} did not take the alert")

    def _notify(self, service: Any, alert: Alert) -> bool:
        kinds = self._apprise.NotifyType
        return bool(
            service.notify(
                body=alert.sentence,
                title="maskwatch",
                notify_type=kinds.SUCCESS if alert.phase is Phase.END else kinds.WARNING,
                body_format=self._apprise.NotifyFormat.TEXT,
            )
        )

    def _services(self) -> dict[str, Any]:
        services: dict[str, Any] = {}
        for count, url in enumerate(self._urls, 1):
            services[url] = self._apprise.Apprise()
            if not services[url].add(url):
                raise DeliveryError(
                    f"URL {count} of {len(self._urls)} is none that apprise knows; "
                    "see its list of services, and mind that special letters are written as %XX"
                )
        return services

    def check(self) -> None:
        """Whether apprise understands the URLs; nobody is asked.

        Raises:
            DeliveryError: it does not.
        """
        self._services()

    def close(self) -> None:
        """Nothing is held."""
