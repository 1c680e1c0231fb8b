"""Which sinks a run has, and what earlier runs left in their files."""

import csv
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from maskwatch.app.settings import Settings
from maskwatch.errors import SinkError, UsageError
from maskwatch.images import output_name, video_name
from maskwatch.sources.inputs import Input, Inputs, Kind


def open_sinks(settings: Settings) -> Iterator[AbstractContextManager[Any]]:
    """The files that the settings name, one by one, so that each is entered before the next."""
    # Imported where they are used: a run that only prints a table must start at once.
    if settings.records is not None:
        from maskwatch.sinks.records import RecordSink

        yield RecordSink(settings.records)
    if settings.csv is not None:
        from maskwatch.sinks.records import CsvSink

        yield CsvSink(settings.csv)
    if settings.out is not None:
        from maskwatch.sinks.pictures import PictureSink
        from maskwatch.sinks.video import VideoSink

        yield PictureSink(settings.out)
        yield VideoSink(settings.out)
    if settings.crops is not None:
        from maskwatch.sinks.pictures import CropSink

        yield CropSink(settings.crops, settings.crop_margin)


def open_windows(settings: Settings) -> Iterator[AbstractContextManager[Any]]:
    """The window, if the settings ask for one."""
    if settings.show:
        from maskwatch.sinks.window import WindowSink

        yield WindowSink()


def target_of(item: Input, folder: Path) -> Path:
    """The annotated picture or video of an input."""
    name = str(item.name)
    return folder / (output_name(name) if item.kind is Kind.PICTURE else video_name(name))


def prepare(inputs: Inputs, settings: Settings) -> Inputs:
    """The inputs that are left to do; nothing is changed yet.

    Raises:
        UsageError: an output exists and neither resume nor overwrite was asked for, an output
            would replace its own input, or there is nothing to resume from.
    """
    if settings.out is not None:
        _protect_inputs(inputs, settings.out)
    if settings.resume:
        _refuse_blind_resume(inputs, settings)
        return replace(inputs, items=tuple(_left_to_do(inputs, settings)))
    if not settings.overwrite:
        _refuse_to_replace(inputs, settings)
    return inputs


def _refuse_blind_resume(inputs: Inputs, settings: Settings) -> None:
    """An interrupted video is a whole file too: only its records tell how far it came."""
    if settings.records is None and settings.out is None:
        raise UsageError("--resume needs --records or --out to see what is done")
    if settings.records is None and any(item.kind is Kind.VIDEO for item in inputs.items):
        raise UsageError("--resume needs --records where there are videos")
    for item in inputs.items:
        if settings.out is not None and item.is_live and target_of(item, settings.out).exists():
            raise UsageError(
                f"{target_of(item, settings.out)} exists and a camera cannot be resumed: "
                "name another --out"
            )


def _protect_inputs(inputs: Inputs, folder: Path) -> None:
    for item in inputs.items:
        target = target_of(item, folder)
        if (
            not item.is_live
            and target.exists()
            and target.resolve() == Path(item.location).resolve()
        ):
            raise UsageError(
                f"--out {folder} would replace the input {item.shown}; name another folder"
            )


def _refuse_to_replace(inputs: Inputs, settings: Settings) -> None:
    there = [file for file in (settings.records, settings.csv) if file and _holds_something(file)]
    if settings.out is not None:
        there += [t for t in (target_of(i, settings.out) for i in inputs.items) if t.exists()]
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(
            f"{there[0]}{more} exists already: go on with --resume, replace with --overwrite"
        )


def _holds_something(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def _left_to_do(inputs: Inputs, settings: Settings) -> Iterator[Input]:
    done = _done_in_records(settings.records) if settings.records is not None else None
    for item in inputs.items:
        recorded = done is None or item.shown in done
        written = settings.out is None or target_of(item, settings.out).exists()
        if item.is_live or not (recorded and written):
            yield item


def _done_in_records(file: Path) -> set[str]:
    """The paths whose records are complete: without error, and not the last one of the file.

    Records are written input by input, so only the last input can lack some of its frames.
    """
    last: str | None = None
    done: set[str] = set()
    failed: set[str] = set()
    for record in _records_of(file):
        last = str(record["path"])
        (failed if record["error"] else done).add(last)
    return done - failed - ({last} if last is not None else set())


def _records_of(file: Path) -> Iterator[dict[str, Any]]:
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


def forget(inputs: Inputs, work: Inputs, settings: Settings) -> None:
    """Take out of the records and the table what the run will write anew.

    Raises:
        SinkError: a file cannot be rewritten.
    """
    # What a camera showed before stays: a new run adds to it.
    redone = {item.shown for item in work.items if not item.is_live}
    keep_all_others = settings.resume
    try:
        if settings.records is not None and settings.records.is_file():
            from maskwatch.sinks.records import record_line

            lines = (
                record_line(record)
                for record in _records_of(settings.records)
                if keep_all_others and record["path"] not in redone
            )
            _rewrite(settings.records, lines)
        if settings.csv is not None and settings.csv.is_file():
            _rewrite(
                settings.csv, _csv_lines(settings.csv, redone) if keep_all_others else iter(())
            )
    except OSError as error:
        raise SinkError(f"cannot rewrite {error.filename}: {error.strerror}") from error


def _csv_lines(file: Path, redone: set[str]) -> Iterator[str]:
    from maskwatch.sinks.records import CSV_FIELDS, csv_line

    with file.open(encoding="utf-8", errors="backslashreplace", newline="") as text:
        for row in csv.reader(text):
            # A row of another length was torn when the run died.
            if len(row) == len(CSV_FIELDS) and row[0] not in redone:
                yield csv_line(row)


def _rewrite(file: Path, lines: Iterator[str]) -> None:
    part = file.with_name(f".{file.name}.part")
    with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as out:
        out.writelines(lines)
    part.replace(file)
