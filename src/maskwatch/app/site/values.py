"""The kinds of values that a site file holds, each with its check."""

import os.path
import re
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, PlainValidator, ValidationInfo

from maskwatch.app.site.hours import Hours
from maskwatch.app.site.polygons import polygon_of
from maskwatch.app.site.words import choice, meant
from maskwatch.durations import seconds_of
from maskwatch.errors import StoreError
from maskwatch.pipeline.zones import Polygon
from maskwatch.sources.address import SCHEMES, is_address, unknown_scheme
from maskwatch.types import MaskState


def in_folder(text: str | Path, info: ValidationInfo) -> Path:
    """A path as it is meant: relative ones from the site file's folder, `~` from the user's."""
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / os.path.expanduser(text)


def _camera_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9 _-]{1,64}", text) or not text.strip():
        raise ValueError(
            "expected 1 to 64 of the letters a to z, digits, spaces, - and _ (the name becomes a "
            f"part of topics and file names), got {text!r}"
        )
    return text


def _label(text: str) -> str:
    if not (text.strip() and text.isprintable() and len(text) <= 64):
        raise ValueError(f"expected 1 to 64 letters in one line, got {text[:65]!r}")
    return text


def _site_name(text: str) -> str:
    if any(letter in "+#/$" for letter in text):
        raise ValueError(
            f"expected a name without + # / $, as it becomes a part of MQTT topics, got {text!r}"
        )
    return text


def _source(value: Any, info: ValidationInfo) -> str:
    expected = (
        "expected the index of a device (0), an address (rtsp://host/path), or the name of a file"
    )
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(expected)
    if not is_address(value):
        return value if value.isdecimal() else str(in_folder(value, info))
    if scheme := unknown_scheme(value):
        known = ", ".join(sorted(SCHEMES))
        raise ValueError(
            f"expected an address that begins with one of {known}, got one with {scheme}"
        )
    return value


def _database(text: str, info: ValidationInfo) -> str:
    # Imported here: the database is not needed to read the rest.
    from maskwatch.store.address import parse_address

    try:
        address = parse_address(text)
    except StoreError as error:
        raise ValueError(str(error)) from None
    return text if address.path is None else str(in_folder(address.shown, info))


def _zone(value: Any) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (TypeError, ValueError, KeyError, OSError):
        # The cause of a broken name differs by system and says nothing to a user.
        near = meant(str(value), available_timezones())
        raise ValueError(
            f"expected a time zone such as Europe/Berlin or UTC, got {value!r}{near}"
        ) from None


def _polygons(value: Any) -> Any:
    if isinstance(value, list) and value and _is_bare_polygon(value):
        raise ValueError("expected a list of polygons, got one: put it in brackets once more")
    return value


def _is_bare_polygon(value: list[Any]) -> bool:
    return all(
        isinstance(part, list) and part and isinstance(part[0], int | float) for part in value
    )


def _hours(value: Any) -> Hours:
    if isinstance(value, Hours):
        return value
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(
            "expected hours as a text such as 'Mon-Fri 07:00-19:00', or a list of them"
        )
    return Hours.parse(texts)


def _violation(value: Any) -> MaskState:
    known = [state.value for state in MaskState if state.is_violation]
    if value not in known:
        near = meant(str(value), known)
        raise ValueError(f"expected {choice(known)}, got {value!r}{near}")
    return MaskState(value)


def _listen(text: str) -> str:
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})", text)
    if not match or int(match[2]) > 65535:
        raise ValueError(
            "expected a host and a port such as 127.0.0.1:9100 (0.0.0.0:9100 listens to all), "
            f"got {text!r}"
        )
    return text


Seconds = Annotated[float, BeforeValidator(seconds_of)]
Label = Annotated[str, AfterValidator(_label)]
SiteName = Annotated[Label, AfterValidator(_site_name)]
CameraName = Annotated[str, AfterValidator(_camera_name)]
CameraSource = Annotated[str, PlainValidator(_source)]
Database = Annotated[str, AfterValidator(_database)]
Zone = Annotated[ZoneInfo, PlainValidator(_zone)]
WeekHours = Annotated[Hours, PlainValidator(_hours)]
Polygons = Annotated[
    tuple[Annotated[Polygon, PlainValidator(polygon_of)], ...], BeforeValidator(_polygons)
]
Violation = Annotated[MaskState, PlainValidator(_violation)]
Listen = Annotated[str, AfterValidator(_listen)]
SitePath = Annotated[Path, AfterValidator(in_folder)]
