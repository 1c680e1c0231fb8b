"""JSON lines and CSV, a whole line at a time: both are valid whenever the process ends."""

import csv
import io
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from maskwatch.errors import SinkError
from maskwatch.types import CLASSES, Face, Result

SCHEMA = 1
CSV_FIELDS = (
    "path", "frame", "time", "width", "height", "face", "box_x1", "box_y1", "box_x2", "box_y2",
    "score", "state", *(f"probability_{state}" for state in CLASSES), "track",
)  # fmt: skip


def as_record(result: Result) -> dict[str, Any]:
    """A result as the record that JSON lines hold: see the schema in docs/records.md."""
    image = result.image
    return {
        "schema": SCHEMA,
        "path": result.path,
        "frame": result.frame,
        "time": round(result.time, 6),
        "width": None if image is None else image.shape[1],
        "height": None if image is None else image.shape[0],
        "faces": [_face_record(face) for face in result.faces],
        "error": result.error,
    }


def _face_record(face: Face) -> dict[str, Any]:
    return {
        "box": [round(float(value), 2) for value in face.box],
        "score": round(face.score, 5),
        "state": face.state.value,
        "probabilities": {
            state.value: round(float(p), 5)
            for state, p in zip(CLASSES, face.probabilities, strict=True)
        },
        "track": face.track,
    }


class LineFile:
    """A text file that grows by whole lines: each call is one write to the operating system."""

    def __init__(self, path: Path | str) -> None:
        self._path = path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise SinkError(f"cannot write {path}: {error.strerror}") from error
        self._size = os.fstat(self._file.fileno()).st_size

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written yet, by this run or an earlier one."""
        return self._size == 0

    def add(self, text: str) -> None:
        """Write some whole lines.

        Raises:
            SinkError: the disk is full, say; what was written partly is taken back.
        """
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:]) or 0
        except OSError as error:
            with suppress(OSError):  # A device such as /dev/full cannot shrink.
                self._file.truncate(self._size)
            raise SinkError(f"cannot write {self._path}: {error.strerror}") from error
        self._size += len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def record_line(record: dict[str, Any]) -> str:
    """A record as a line of JSON; bytes of a file name that are no text come as escapes."""
    try:
        line = json.dumps(record, ensure_ascii=False)
        line.encode("utf-8")
    except UnicodeEncodeError:
        line = json.dumps(record)
    return f"{line}\n"


class RecordSink(LineFile):
    """JSON lines, one a picture or frame."""

    def write(self, result: Result) -> None:
        """Add the record of a result."""
        self.add(record_line(as_record(result)))


class CsvSink(LineFile):
    """Comma-separated values, one row a face; the names are in the first line."""

    def write(self, result: Result) -> None:
        """Add a row for each face of a result."""
        record = as_record(result)
        rows = [_csv_row(record, number) for number in range(len(record["faces"]))]
        header = [CSV_FIELDS] if self.is_empty else []
        if header or rows:
            self.add("".join(csv_line(row) for row in [*header, *rows]))


def csv_line(row: Sequence[Any]) -> str:
    """A row as a line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()


def _csv_row(record: dict[str, Any], number: int) -> list[Any]:
    face = record["faces"][number]
    whole = [record[key] for key in ("path", "frame", "time", "width", "height")]
    return [
        *whole, number, *face["box"], face["score"], face["state"],
        *face["probabilities"].values(), face["track"],
    ]  # fmt: skip
