"""The alert as JSON, posted to an address and signed."""

import hashlib
import hmac
import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, FilePath, SecretStr

from maskwatch.alerts.address import Address, tunnel
from maskwatch.alerts.limit import TimeLimit
from maskwatch.alerts.line import Line, secured, trusting
from maskwatch.alerts.options import ChannelOptions, RetryLater
from maskwatch.alerts.text import VERSION, json_line, one_line, why
from maskwatch.errors import DeliveryError, DeliveryRefused
from maskwatch.events import Alert

_READ_BYTES = 4096
_LONGEST_WAIT_S = 3600.0
# Of the errors that are ours (4xx), these are not about the message: time-out, too early, too many;
# and who we are, or where we knock, which somebody may put right while the messages wait.
_PASSING = (401, 403, 404, 407, 408, 425, 429)
_OUR_HEADERS = re.compile(r"content-(type|length)|host|transfer-encoding|x-maskwatch-.*", re.I)


def _http_address(url: SecretStr) -> SecretStr:
    Address.parse(url.get_secret_value())
    return url


def _header_lines(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or _OUR_HEADERS.fullmatch(name):
            raise ValueError(f"{name!r} cannot be used as a header of its own")
        if not re.fullmatch(r"[\t\x20-\x7e\xa0-\xff]*", value.get_secret_value()):
            raise ValueError(f"the header {name} must be one line of Latin letters")
    return headers


HttpAddress = Annotated[SecretStr, AfterValidator(_http_address)]


class WebhookOptions(ChannelOptions):
    """JSON that is posted to an address."""

    type: Literal["webhook"] = Field(default="webhook", description="JSON, posted to an address.")
    url: HttpAddress = Field(
        description="The address, http or https; user and password may stand before the host."
    )
    secret: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="The key of the signature; without it there is none.",
    )
    headers: Annotated[dict[str, SecretStr], AfterValidator(_header_lines)] = Field(
        default={}, description="More headers, such as Authorization."
    )
    ca_file: FilePath | None = Field(
        default=None, description="Certificates in PEM format to trust instead of the system's."
    )
    proxy: HttpAddress | None = Field(
        default=None,
        description="An HTTP proxy; those named in environment variables are not used.",
    )


class WebhookChannel:
    """Posts alerts; a 2xx answer means that the other side has it."""

    def __init__(self, options: WebhookOptions) -> None:
        self._options = options
        self._address = Address.parse(options.url.get_secret_value())
        self._proxy = options.proxy and Address.parse(options.proxy.get_secret_value())
        self._line = Line()
        self._limit = TimeLimit(options.timeout_s, what=self._address.place, cut=self._line.cut)

    def send(self, alert: Alert) -> None:
        """Post one phase.

        Raises:
            DeliveryRefused: the other side says that the fault is ours.
            RetryLater: it named a time to come back after.
            DeliveryError: it cannot be reached, or did not answer with success.
        """
        self._limit.run(lambda: self._post(alert))

    def check(self) -> None:
        """Whether a connection can be made; nothing is asked there.

        Raises:
            DeliveryError: it cannot.
        """
        self._limit.run(self._connect)

    def close(self) -> None:
        """Nothing is held."""

    def _connect(self) -> None:
        with self._connected():
            pass

    def _post(self, alert: Alert) -> None:
        body = json_line(alert).encode()
        with self._connected() as connection:
            connection.request("POST", self._target, body, self._headers(alert, body))
            with connection.getresponse() as response:
                self._judge(response)

    @contextmanager
    def _connected(self) -> Iterator[HTTPConnection]:
        address, proxy, timeout_s = self._address, self._proxy, self._options.timeout_s
        first = proxy or address
        context = trusting(self._options.ca_file) if address.secure else None
        try:
            with self._line.opened(first.host, first.port, timeout_s) as sock:
                if proxy and address.secure:
                    tunnel(sock, address, proxy)
                connection = HTTPConnection(address.host, address.port, timeout_s)
                connection.default_port = 443 if address.secure else 80
                connection.sock = secured(sock, address.host, context)
                with closing(connection):
                    yield connection
        except (OSError, HTTPException) as error:
            raise DeliveryError(f"cannot post to {address.place}: {why(error)}") from error

    @property
    def _target(self) -> str:
        # Proxies are told the whole address, unless a tunnel leads through them.
        direct = self._proxy is None or self._address.secure
        return self._address.target if direct else self._address.place + self._address.target

    def _headers(self, alert: Alert, body: bytes) -> dict[str, str]:
        options, stamp = self._options, str(int(time.time()))
        headers = {"User-Agent": f"maskwatch/{VERSION}", "Connection": "close"}
        if self._address.credentials:
            headers["Authorization"] = self._address.credentials
        if self._proxy and self._proxy.credentials and not self._address.secure:
            headers["Proxy-Authorization"] = self._proxy.credentials
        headers |= {name: value.get_secret_value() for name, value in options.headers.items()}
        headers["Content-Type"] = "application/json"
        headers["X-Maskwatch-Id"] = f"{alert.id}-{alert.number}"
        headers["X-Maskwatch-Timestamp"] = stamp
        if options.secret:
            key = options.secret.get_secret_value().encode()
            signature = hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
            headers["X-Maskwatch-Signature"] = f"sha256={signature}"
        return headers

    def _judge(self, response: HTTPResponse) -> None:
        if 200 <= response.status < 300:
            return
        message = f"{self._address.place} answered {response.status}"
        if 300 <= response.status < 400:
            raise DeliveryError(
                f"{message}, a redirect, which is not followed; set the address that it leads to"
            )
        told = one_line(self._masked(response.read(_READ_BYTES).decode("utf-8", "replace")))
        message += told and f": {told}"
        if 400 <= response.status < 500 and response.status not in _PASSING:
            raise DeliveryRefused(message)
        wait_s = _wait_s(response.getheader("Retry-After"))
        if wait_s is None:
            raise DeliveryError(message)
        raise RetryLater(message, retry_after_s=wait_s)

    def _masked(self, text: str) -> str:
        """Servers repeat what they were sent, in pages for their developers."""
        options = self._options
        hidden = [value.get_secret_value() for value in options.headers.values()]
        hidden += self._address.secrets + (self._proxy.secrets if self._proxy else [])
        hidden += [options.secret.get_secret_value()] if options.secret else []
        for secret in sorted(filter(None, hidden), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def _wait_s(value: str | None) -> float | None:
    """The seconds of a Retry-After header, which holds a number or a date."""
    if value is None:
        return None
    try:
        wait_s = float(value) if value.strip().isdecimal() else _until_s(value)
    except ValueError:
        return None
    return min(max(wait_s, 0.0), _LONGEST_WAIT_S)


def _until_s(date: str) -> float:
    time = parsedate_to_datetime(date)
    return (time.replace(tzinfo=time.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
