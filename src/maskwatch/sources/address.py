"""Addresses of streams, and what of them may be shown."""

import os
import re
from pathlib import PurePath

_SECRET_VALUE = re.compile(
    r"((?:^|[/?&;_])[^/?&;_=]*(?:pass|pwd|pw|token|key|secret|auth|sig)[^/?&;_=]*=)[^/?&;#_]*", re.I
)
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://", re.I)
SCHEMES = frozenset(
    ["rtsp", "rtsps", "rtmp", "rtmps", "rtp", "srt", "udp", "tcp", "http", "https", "mms"]
)


def is_address(text: str) -> bool:
    """Whether a text is the address of a stream rather than a path."""
    return bool(_SCHEME.match(text))


def unknown_scheme(address: str) -> str | None:
    """The scheme of an address that nothing here can open, or None."""
    scheme = address.partition("://")[0].lower()
    return None if scheme in SCHEMES else scheme


def for_ffmpeg(location: str) -> str:
    """An address as it is, a file by its absolute path: FFmpeg takes `12:30.mp4` for a protocol."""
    return location if is_address(location) else os.path.abspath(location)


def redacted(address: str) -> str:
    """The address with passwords and tokens masked, fit for any output; paths stay as they are."""
    if not is_address(address):
        return address
    scheme, _, rest = address.partition("://")
    user, at, place = _split_user(rest)
    name, colon, _ = user.partition(":")
    masked = _SECRET_VALUE.sub(r"\1***", place)
    return f"{scheme}://{name}{colon and ':***'}{at}{masked}"


def _split_user(rest: str) -> tuple[str, str, str]:
    """User and password, `@`, and the place; a password may hold any character, even `/`."""
    user, at, place = rest.rpartition("@")
    host = rest.partition("/")[0]
    host_is_plain = re.fullmatch(r"[\w.-]+(:\d+)?|\[[0-9a-f:]+\](:\d+)?", host, re.I)
    if at and "@" not in host and host_is_plain:
        return "", "", rest  # The `@` belongs to the path.
    return user, at, place


def output_name(address: str) -> PurePath:
    """A relative file name for what comes from an address: its host and path."""
    place = _split_user(redacted(address).partition("://")[2])[2]
    words = re.sub(r"[^A-Za-z0-9.-]+", "_", place.partition("?")[0]).strip("_.")
    return PurePath(words or "stream")
