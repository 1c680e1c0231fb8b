"""The tables. Columns bear the names of the fields of what they hold.

Times are seconds since 1970 in double precision, as everywhere in maskwatch: both databases keep,
sort and compare them exactly, and no time zone can come in between.
"""

from dataclasses import asdict, fields
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Dialect,
    Double,
    Enum,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

from maskwatch.events import AlertKind, Evidence, Phase
from maskwatch.store.values import DeliveryState
from maskwatch.types import MaskState

_Value = TypeVar("_Value")


class Words(TypeDecorator[str]):
    """Any text: what a database refuses in it, zeros and halves of characters, is replaced."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


class EvidenceJson(TypeDecorator[Evidence]):
    """Evidence as a JSON object."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Evidence | None, dialect: Dialect) -> dict[str, Any] | None:
        return None if value is None else asdict(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Evidence:
        return Evidence(**value | {"probabilities": tuple(value["probabilities"])})


def _one_of(kind: type[StrEnum]) -> Enum:
    # Plain text in the database, so that a new value needs no migration.
    return Enum(kind, native_enum=False, length=16, values_callable=list)


def _times(*names: str) -> list[Column[float]]:
    return [Column(name, Double, nullable=False) for name in names]


def _counts(*names: str) -> list[Column[int]]:
    return [Column(name, Integer, nullable=False) for name in names]


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

cameras = Table(
    "cameras",
    metadata,
    Column("name", Words, primary_key=True),
    Column("source", Words, nullable=False),
    Column("up", Boolean, nullable=False),
    *_times("since"),
    Column("error", Words),
)

episodes = Table(
    "episodes",
    metadata,
    Column("id", Words, primary_key=True),
    Column("camera", Words, nullable=False),
    Column("person", Words, nullable=False),
    Column("state", _one_of(MaskState), nullable=False),
    *_times("start", "last_seen"),
    Column("end", Double, index=True),
    Column("evidence", EvidenceJson, nullable=False),
    Column("broken", Boolean, nullable=False),
    Index(None, "start", "id"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Words, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("phase", _one_of(Phase), nullable=False),
    Column("kind", _one_of(AlertKind), nullable=False),
    Column("rule", Words, nullable=False),
    Column("camera", Words, nullable=False),
    *_times("time", "since"),
    Column("sentence", Words, nullable=False),
    Column("person", Words),
    Column("episode", Words),
    Column("state", _one_of(MaskState)),
    Column("rate", Double),
    Column("people", Integer),
    Column("unknown", Integer),
    Column("snapshot", Words),
    Index(None, "time", "id", "number"),
)

deliveries = Table(
    "deliveries",
    metadata,
    # Grows in the order of saving, and is never used again: the order in which channels tell.
    Column("id", Integer, primary_key=True),
    Column("alert", Words, nullable=False),
    *_counts("number"),
    Column("channel", Words, nullable=False),
    Column("state", _one_of(DeliveryState), nullable=False),
    *_counts("attempts"),
    Column("tried", Double),
    *_times("next_try"),
    Column("error", Words),
    ForeignKeyConstraint(["alert", "number"], ["alerts.id", "alerts.number"]),
    UniqueConstraint("alert", "number", "channel"),
    Index(None, "state", "channel", "id"),
    sqlite_autoincrement=True,
)

minutes = Table(
    "minutes",
    metadata,
    Column("camera", Words, primary_key=True),
    Column("start", Double, primary_key=True),
    Column("run", Words, primary_key=True),
    *_counts("frames", "faces", "mask", "no_mask", "incorrect", "unknown"),
    Index(None, "start", "camera", "run"),
)

receipts = Table(
    "receipts",
    metadata,
    Column("id", Integer, primary_key=True),
    *_times("time", "keep_s", "keep_minutes_s"),
    *_counts("episodes", "alerts", "deliveries", "minutes", "snapshots"),
    sqlite_autoincrement=True,
)


def row_of(item: Any) -> dict[str, Any]:
    """The row that holds a dataclass."""
    return {field.name: getattr(item, field.name) for field in fields(item)}


def item_of(kind: type[_Value], table: Table, row: Row[Any]) -> _Value:
    """The dataclass that a row holds; what the class does not know is left out."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{c.name: row._mapping[c] for c in table.c if c.name in names})
