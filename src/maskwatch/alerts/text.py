"""Text on its way in and out: alerts as JSON, and words of others made fit for a message."""

import json
import socket
import ssl
from importlib.metadata import version

from maskwatch.events import Alert

VERSION = version("maskwatch")


def json_line(alert: Alert) -> str:
    """The alert as JSON in one line, without its end."""
    return json.dumps(alert.as_json(), ensure_ascii=False, separators=(",", ":"))


def one_line(text: str, *, longest: int = 200) -> str:
    """Text of unknown origin as one short line without control characters."""
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    return " ".join(words)[:longest]


def why(error: Exception) -> str:
    """The reason of a failure in few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({one_line(getattr(error, 'reason', None) or str(error))})"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return one_line(str(error)) or type(error).__name__
