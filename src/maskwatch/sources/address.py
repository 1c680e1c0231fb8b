"""Addresses of streams, and what of them may be shown."""

import re
from pathlib import PurePath
from urllib.parse import urlsplit

_SECRET_QUERY = re.compile(r"([?&][^=&]*(?:pass|pwd|token|key|secret|auth)[^=&]*=)[^&#]*", re.I)
_USER_INFO = re.compile(r"^([a-z][a-z0-9+.-]*://)([^/?#]*)@", re.I)
SCHEMES = frozenset(
    ["rtsp", "rtsps", "rtmp", "rtmps", "rtp", "srt", "udp", "tcp", "http", "https", "mms"]
)


def is_address(text: str) -> bool:
    """Whether a text is the address of a stream rather than a path."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.lower() in SCHEMES


def redacted(address: str) -> str:
    """The address with passwords and tokens masked, fit for any output."""

    def masked(match: re.Match[str]) -> str:
        user, colon, _ = match[2].partition(":")
        return f"{match[1]}{user}{colon and ':***'}@"

    return _SECRET_QUERY.sub(r"\1***", _USER_INFO.sub(masked, address))


def output_name(address: str) -> PurePath:
    """A relative file name for what comes from an address: its host and path."""
    parts = urlsplit(_USER_INFO.sub(r"\1", address))
    words = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{parts.netloc}{parts.path}").strip("_.")
    return PurePath(words or "stream")
