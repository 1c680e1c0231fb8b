"""Episodes and alerts as tables of comma-separated values; times are ISO 8601 in UTC."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from maskwatch.errors import SinkError
from maskwatch.events import Alert, Episode
from maskwatch.types import CLASSES

EPISODE_COLUMNS = (
    "id", "camera", "person", "state", "start", "end", "last_seen", "duration_s", "broken",
    "faces", *(f"probability_{state}" for state in CLASSES), "face_px",
)  # fmt: skip
ALERT_COLUMNS = (
    "id", "number", "phase", "kind", "rule", "camera", "time", "since", "sentence", "person",
    "episode", "state", "rate", "people", "unknown", "snapshot",
)  # fmt: skip


def episode_rows(episodes: Iterable[Episode]) -> Iterator[list[Any]]:
    """A row for each episode, in the order of `EPISODE_COLUMNS`."""
    for episode in episodes:
        evidence = episode.evidence
        yield [
            episode.id,
            episode.camera,
            episode.person,
            episode.state.value,
            _iso(episode.start),
            None if episode.end is None else _iso(episode.end),
            _iso(episode.last_seen),
            round(episode.duration_s, 3),
            str(episode.broken).lower(),
            evidence.faces,
            *(round(p, 5) for p in evidence.probabilities),
            round(evidence.face_px, 1),
        ]


def _iso(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")


def alert_rows(alerts: Iterable[Alert]) -> Iterator[list[Any]]:
    """A row for each phase of an alert, in the order of `ALERT_COLUMNS`."""
    for alert in alerts:
        values = alert.as_json() | {"episode": alert.episode}
        yield [values[name] for name in ALERT_COLUMNS]


def write_episodes(path: Path, episodes: Iterable[Episode]) -> int:
    """Write a CSV file, whole or not at all, and say how many rows it has.

    Raises:
        SinkError: the file cannot be written.
        StoreError: the episodes come from a store that cannot be read.
    """
    return _write(path, EPISODE_COLUMNS, episode_rows(episodes))


def write_alerts(path: Path, alerts: Iterable[Alert]) -> int:
    """Write a CSV file of phases of alerts as `write_episodes` does of episodes.

    Raises:
        SinkError: the file cannot be written.
        StoreError: the alerts come from a store that cannot be read.
    """
    return _write(path, ALERT_COLUMNS, alert_rows(alerts))


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="") as file:
            count = _write_rows(file, columns, rows)
        part.replace(path)
    except OSError as error:
        raise SinkError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return count


def _write_rows(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    count = 0
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(row)
        count += 1
    file.flush()
    os.fsync(file.fileno())
    return count
