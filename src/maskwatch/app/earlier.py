"""What earlier runs left in their outputs."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from maskwatch.sources.inputs import Input, Kind


def records_of(file: Path) -> Iterator[dict[str, Any]]:
    """The whole records of a file, if it is there."""
    if not file.is_file():
        return
    with file.open(encoding="utf-8", errors="backslashreplace") as lines:
        for line in lines:
            try:
                record = json.loads(line)
                record["path"], record["error"]
            except (ValueError, KeyError, TypeError):
                continue  # A torn last line, of a machine that lost power, say.
            yield record


def done_in(records: Path) -> set[str]:
    """The paths whose records are complete: without error, and not the last one of the file.

    Records are written input by input, so only the last input can lack some of its frames.
    """
    last: str | None = None
    done: set[str] = set()
    failed: set[str] = set()
    for record in records_of(records):
        last = str(record["path"])
        (failed if record["error"] else done).add(last)
    return done - failed - ({last} if last is not None else set())


def crops_of(items: Iterable[Input], folder: Path) -> Iterator[Path]:
    """The faces that were cut out of some inputs."""
    from maskwatch.sinks import crops

    listed = list(items)
    photos = [item.name for item in listed if item.kind is Kind.PICTURE]
    yield from crops.crops_of(folder, photos, [item.name for item in listed if item.is_moving])
