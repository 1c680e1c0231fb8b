"""HTTP addresses taken apart, with what of them may be shown, and the way through a proxy."""

import base64
import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from urllib.parse import quote, unquote, urlsplit

from maskwatch.errors import DeliveryError

_PORTS = {"http": 80, "https": 443}
_AS_IS = "/?%:@!$&'()*+,;=~-._[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address; `target` and `credentials` may hold secrets, `place` does not."""

    scheme: str
    host: str
    port: int
    target: str
    user: str = ""
    password: str = ""

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Take a URL apart.

        Raises:
            ValueError: it is no HTTP address; the message shows nothing of it.
        """
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
            host = host.encode("idna").decode()
        except (KeyError, ValueError):
            host = ""
        if not host:
            raise ValueError(
                "expected an address such as https://host/path; "
                "in user and password, @ : / are written as %40 %3A %2F"
            )
        return cls(
            scheme=parts.scheme,
            host=host,
            port=port,
            target=quote((parts.path or "/") + (parts.query and f"?{parts.query}"), safe=_AS_IS),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken there."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def place(self) -> str:
        """Scheme, host, and the port where it is an unusual one."""
        return f"{self.scheme}://{self.authority.removesuffix(f':{_PORTS[self.scheme]}')}"

    @property
    def credentials(self) -> str | None:
        """User and password as HTTP's basic authentication sends them."""
        if not self.user and not self.password:
            return None
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    @property
    def secrets(self) -> list[str]:
        """What others must not see, should the other side repeat it."""
        path = self.target.partition("?")[0]
        told = (self.password, (self.credentials or "")[6:], self.target, path)
        return [text for text in (*told, unquote(self.target), unquote(path)) if len(text) > 1]


def tunnel(sock: socket.socket, address: Address, proxy: Address) -> None:
    """Ask a proxy for a connection to an address; from then on the socket leads there.

    Raises:
        DeliveryError: the proxy refuses.
    """
    lines = [f"CONNECT {address.authority} HTTP/1.1", f"Host: {address.authority}"]
    if proxy.credentials:
        lines.append(f"Proxy-Authorization: {proxy.credentials}")
    sock.sendall("\r\n".join([*lines, "\r\n"]).encode())
    response = HTTPResponse(sock, method="CONNECT")
    try:
        response.begin()
        if response.status != 200:
            raise DeliveryError(f"the proxy {proxy.place} answered {response.status}")
    finally:
        response.close()
