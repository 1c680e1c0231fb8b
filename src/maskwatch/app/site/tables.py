"""The site file as values, table by table.

Keys that are spans of time are written without their unit and read here in seconds: `timeout` is
`timeout_s`. Relative paths are meant from the folder of the file.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import platformdirs
from pydantic import BeforeValidator, Field, ValidationInfo

from maskwatch.alerts.open import AnyChannel
from maskwatch.alerts.options import ChannelOptions
from maskwatch.app.settings import Settings
from maskwatch.app.site.detect import DetectSettings
from maskwatch.app.site.hours import Hours
from maskwatch.app.site.rules import RuleTable
from maskwatch.app.site.table import Table, fields_of
from maskwatch.app.site.values import (
    CameraName,
    CameraSource,
    Database,
    Listen,
    Polygons,
    Seconds,
    SiteName,
    SitePath,
    WeekHours,
    Zone,
    in_folder,
)
from maskwatch.pipeline.tracking import TrackerOptions
from maskwatch.pipeline.zones import Zones
from maskwatch.sources.address import redacted

CHANNEL_TABLES: dict[str, type[ChannelOptions]] = {
    table.model_fields["type"].default: table for table in get_args(get_args(AnyChannel)[0])
}


class CameraTable(Table):
    """A camera, and what of its picture counts."""

    name: CameraName = Field(description="What the camera is called; no two share a name.")
    source: CameraSource = Field(
        repr=False,
        description="The index of a device (0), an address (rtsp://host/path), or a file, which "
        "is played as if live.",
    )
    rate: float = Field(default=5.0, ge=1, le=30, description="Frames a second that are looked at.")
    decode: Literal["all", "reference", "key"] = Field(
        default="all",
        description="Which frames of the video are decoded: all, those that others refer to, or "
        "key frames only; fewer cost less and come later.",
    )
    min_face: float = Field(
        default=0.0, ge=0, description="Faces with a shorter side below it do not count, in pixels."
    )
    timeout_s: Seconds = Field(
        default=10.0,
        alias="timeout",
        ge=0.1,
        description="Without a frame for so long, the camera counts as lost and is opened anew.",
    )
    patience_s: Seconds = Field(
        default=TrackerOptions().patience_s,
        alias="patience",
        ge=0.5,
        le=60,
        description="Who was not seen for so long has left; who comes back to the same place "
        "before is no new visit.",
    )
    hours: WeekHours = Field(
        default=Hours(),
        description="When it is watched: a text such as 'Mon-Fri 07:00-19:00' or '22:00-06:00', "
        "or a list of them; without it always.",
    )
    include: Polygons = Field(
        default=(),
        description="Polygons in parts of the picture's width and height; only faces whose centre "
        "lies in one count. Without any, all do.",
    )
    ignore: Polygons = Field(default=(), description="Polygons in which faces do not count.")
    loop: bool = Field(
        default=False, description="Whether a file begins again at its end; for trials."
    )

    @property
    def shown(self) -> str:
        """The source without passwords."""
        return redacted(self.source)

    @property
    def zones(self) -> Zones:
        """Where faces count."""
        return Zones(self.include, self.ignore)


class StorageTable(Table):
    """What is kept, where, and for how long."""

    events: Database = Field(
        default_factory=lambda: str(
            platformdirs.user_data_path("maskwatch", appauthor=False) / "events.db"
        ),
        repr=False,
        description="The database: sqlite:///events.db, or "
        "postgresql://user:password@host/name; without it a file in the user's data folder.",
    )
    keep_s: Seconds = Field(
        default=30 * 86400.0,
        alias="keep",
        ge=60,
        description="How long episodes and alerts are kept.",
    )
    keep_counts_s: Seconds = Field(
        default=400 * 86400.0,
        alias="keep_counts",
        ge=60,
        description="How long the counts of minutes are kept; they tell of nobody in particular.",
    )
    snapshots: bool = Field(
        default=False,
        description="Whether a picture of each alert is kept, with every face blurred.",
    )
    snapshot_folder: SitePath = Field(
        default=Path("snapshots"),
        validate_default=True,
        description="The folder of these pictures.",
    )


class MetricsTable(Table):
    """Figures for Prometheus."""

    listen: Listen | None = Field(
        default=None,
        description="Host and port such as 127.0.0.1:9100; without it there is no server.",
    )

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port to listen at."""
        if self.listen is None:
            return None
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


def _channel(value: Any, info: ValidationInfo) -> Any:
    """The table of a channel with its paths as they are meant."""
    table = CHANNEL_TABLES.get(str(value.get("type"))) if isinstance(value, dict) else None
    if table is None:
        return value
    paths = {key for key, field in fields_of(table).items() if "Path" in str(field.annotation)}
    return {
        key: in_folder(inner, info) if key in paths and isinstance(inner, str) else inner
        for key, inner in value.items()
    }


class Site(Table):
    """All that a site file says."""

    name: SiteName = Field(
        default="maskwatch", description="The site's name in messages and MQTT topics."
    )
    time_zone: Zone | None = Field(
        default=None,
        description="Of hours and reports, such as Europe/Berlin; without it the machine's.",
    )
    settings: DetectSettings = Field(
        default=Settings(), alias="detect", description="Settings of maskwatch detect."
    )
    cameras: tuple[CameraTable, ...] = Field(alias="camera", description="The cameras.")
    rules: tuple[RuleTable, ...] = Field(
        default=(), alias="rule", description="When somebody is told."
    )
    channels: tuple[Annotated[AnyChannel, BeforeValidator(_channel)], ...] = Field(
        default=(), alias="channel", description="Who is told, and how."
    )
    storage: StorageTable = Field(
        default_factory=lambda: StorageTable(), description="What is kept."
    )
    metrics: MetricsTable = Field(default=MetricsTable(), description="Figures for Prometheus.")

    def local(self, time: float) -> datetime:
        """A time as the wall clock of the site shows it; the machine's clock has no zone."""
        return datetime.fromtimestamp(time, self.time_zone)
