"""Episodes and alerts as CSV."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskwatch.errors import SinkError, StoreError
from maskwatch.events import Episode, Evidence
from maskwatch.store import (
    ALERT_COLUMNS,
    EPISODE_COLUMNS,
    alert_rows,
    episode_rows,
    write_alerts,
    write_episodes,
)
from maskwatch.types import MaskState
from tests.store.conftest import alert, episode


def test_rows_have_the_columns() -> None:
    evidence = Evidence(faces=3, probabilities=(0.1, 0.7, 0.2), face_px=43.21)
    seen = episode(id="e1", start=0.25, last_seen=2.0, end=3.25, evidence=evidence, broken=True)
    (row,) = episode_rows([seen])
    assert dict(zip(EPISODE_COLUMNS, row, strict=True)) == {
        "id": "e1", "camera": "lobby", "person": "p1", "state": "no_mask",
        "start": "1970-01-01T00:00:00.250+00:00", "end": "1970-01-01T00:00:03.250+00:00",
        "last_seen": "1970-01-01T00:00:02.000+00:00", "duration_s": 3.0, "broken": "true",
        "faces": 3, "probability_mask": 0.1, "probability_no_mask": 0.7,
        "probability_incorrect": 0.2, "face_px": 43.2,
    }  # fmt: skip


def test_alerts_have_their_columns() -> None:
    told = alert(id="a1", time=3.25, since=0.25, state=MaskState.NO_MASK, episode="e1", rate=0.5)
    (row,) = alert_rows([told])
    assert dict(zip(ALERT_COLUMNS, row, strict=True)) == {
        "id": "a1", "number": 0, "phase": "new", "kind": "violation", "rule": "no-mask",
        "camera": "lobby", "time": "1970-01-01T00:00:03.250+00:00",
        "since": "1970-01-01T00:00:00.250+00:00", "sentence": "No mask in lobby.",
        "person": None, "episode": "e1", "state": "no_mask", "rate": 0.5, "people": None,
        "unknown": None, "snapshot": None,
    }  # fmt: skip


def test_alerts_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "alerts.csv"
    assert write_alerts(path, [alert(sentence="Tür, hinten"), alert(camera="yard")]) == 2
    with path.open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["sentence"], second["camera"], second["rate"]) == ("Tür, hinten", "yard", "")


def test_a_file_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.csv"
    seen = [episode(camera='Tür "2", hinten\nlinks'), episode(start=1.0)]
    assert write_episodes(path, seen) == 2
    with path.open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert first["camera"] == seen[0].camera
    assert (second["end"], second["duration_s"]) == ("", "5.0")
    assert write_episodes(path, []) == 0
    assert path.read_text() == ",".join(EPISODE_COLUMNS) + "\n"


def test_a_file_that_fails_midway_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")

    def episodes() -> Iterator[Episode]:
        yield episode()
        raise StoreError("gone")

    with pytest.raises(StoreError, match="gone"):
        write_episodes(path, episodes())
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
    assert path.read_text() == "old"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match=r"cannot write .*out\.csv"):
        write_episodes(tmp_path / "file" / "out.csv", [])
