"""Connections that another thread can cut, in the clear or with TLS."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from maskwatch.alerts.text import why
from maskwatch.errors import DeliveryError


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """TLS that trusts what the system trusts, or only the certificates of a file.

    Raises:
        DeliveryError: the file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise DeliveryError(
            f"{ca_file} must hold certificates in PEM format, but: {why(error)}"
        ) from error


def secured(sock: socket.socket, host: str, context: ssl.SSLContext | None) -> socket.socket:
    """The connection within TLS, where that is wanted."""
    return sock if context is None else context.wrap_socket(sock, server_hostname=host)


class Line:
    """At most one connection at a time."""

    def __init__(self) -> None:
        self._twin: socket.socket | None = None

    @contextmanager
    def opened(self, host: str, port: int, timeout_s: float) -> Iterator[socket.socket]:
        """A TCP connection, closed at the end.

        Raises:
            OSError: there is none.
        """
        # TLS takes the socket over and hides it; its twin leads to the same connection.
        with socket.create_connection((host, port), timeout_s) as sock, sock.dup() as self._twin:
            yield sock

    def cut(self) -> None:
        """End the connection now: who reads or writes there gets an error."""
        if self._twin is not None:
            with suppress(OSError):
                self._twin.shutdown(socket.SHUT_RDWR)
