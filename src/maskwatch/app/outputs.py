"""Which sinks a run has, and what earlier runs left in their files."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG
from typing import Any

from maskwatch.app.earlier import crops_of, done_in, records_of
from maskwatch.app.settings import Settings
from maskwatch.errors import SinkError, UsageError
from maskwatch.images import part_of
from maskwatch.sources.inputs import Input, Inputs, Kind


def open_sinks(settings: Settings) -> Iterator[AbstractContextManager[Any]]:
    """What the settings name, one by one, so that each is entered before the next."""
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
        from maskwatch.sinks.crops import CropSink

        yield CropSink(settings.crops, settings.crop_margin)


def open_windows(settings: Settings) -> Iterator[AbstractContextManager[Any]]:
    """The window, if the settings ask for one."""
    if settings.show:
        from maskwatch.sinks.window import WindowSink

        yield WindowSink()


def target_of(item: Input, folder: Path) -> Path:
    """The annotated picture or video of an input."""
    return folder / item.target


def prepare(inputs: Inputs, settings: Settings) -> Inputs:
    """The inputs that are left to do; nothing is changed yet.

    Raises:
        UsageError: an output exists and neither resume nor overwrite was asked for, an output
            would replace its own input, or there is nothing to resume from.
    """
    _refuse_what_meets(inputs, settings)
    _protect_inputs(inputs, settings)
    if settings.resume:
        _refuse_blind_resume(inputs, settings)
        _refuse_other_files(settings)
        return replace(inputs, items=tuple(_left_to_do(inputs, settings)))
    if not settings.overwrite:
        _refuse_to_replace(inputs, settings)
    return inputs


def _refuse_blind_resume(inputs: Inputs, settings: Settings) -> None:
    """An interrupted video is a whole file too: only its records tell how far it came."""
    if settings.records is None and settings.out is None:
        raise UsageError("--resume needs --records or --out to see what is done")
    if settings.records is None and settings.fail_on is not None:
        raise UsageError("--fail-on with --resume needs --records: what is done counts, too")
    if settings.records is None and any(item.kind is Kind.VIDEO for item in inputs.items):
        raise UsageError("--resume needs --records where there are videos")
    live = [item for item in inputs.items if item.is_live]
    if there := next(_existing(live, settings), None):
        raise UsageError(f"{there} exists and a camera cannot be resumed: name another folder")


def _refuse_what_meets(inputs: Inputs, settings: Settings) -> None:
    """Two outputs of one name."""
    if settings.records is not None and settings.records == settings.csv:
        raise UsageError(f"--records and --csv are both {settings.csv}: name two files")
    moving = any(item.is_moving for item in inputs.items)
    if settings.out is not None and settings.out == settings.crops and moving:
        raise UsageError(
            f"--out and --crops are both {settings.out}, where a video and the folder of its faces "
            "would have one name: name two folders"
        )


def _protect_inputs(inputs: Inputs, settings: Settings) -> None:
    """No output is an input, its own or another's."""
    outputs = [file for file in (settings.records, settings.csv) if file is not None]
    if settings.out is not None:
        outputs += [target_of(item, settings.out) for item in inputs.items]
    # Files, not paths: links and spellings differ. Mostly nothing is there yet, which is quick.
    there = {key: output for output in outputs if (key := _file_key(output)) is not None}
    for item in inputs.items if there else ():
        key = None if item.is_live else _file_key(Path(item.location))
        if key in there:
            raise UsageError(
                f"{there[key]} would replace the input {item.shown}; let outputs go elsewhere"
            )


def _file_key(path: Path) -> tuple[int, int] | None:
    """What tells a regular file from all others; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if S_ISREG(found.st_mode) else None


def _refuse_other_files(settings: Settings) -> None:
    """What goes on takes out what it does not know: that must not be somebody's photo."""
    for file, start, kind in (
        (settings.records, b"{", "records"),
        (settings.csv, b"path,", "table of faces"),
    ):
        if file is not None and _holds_something(file):
            with file.open("rb") as data:
                is_ours = data.read(len(start)) == start
            if not is_ours:
                raise UsageError(f"--resume: {file} is no {kind} of an earlier run")


def _refuse_to_replace(inputs: Inputs, settings: Settings) -> None:
    there = [file for file in (settings.records, settings.csv) if file and _holds_something(file)]
    there += _existing(inputs.items, settings)
    if there:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(
            f"{there[0]}{more} exists already: go on with --resume, replace with --overwrite"
        )


def _existing(items: Sequence[Input], settings: Settings) -> Iterator[Path]:
    """The pictures, videos and cut faces of some inputs that are there."""
    if settings.out is not None:
        targets = (target_of(item, settings.out) for item in items)
        yield from (target for target in targets if target.exists())
    if settings.crops is not None:
        yield from crops_of(items, settings.crops)


def _holds_something(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def _left_to_do(inputs: Inputs, settings: Settings) -> Iterator[Input]:
    done = done_in(settings.records) if settings.records is not None else None
    for item in inputs.items:
        recorded = done is None or item.shown in done
        written = settings.out is None or target_of(item, settings.out).exists()
        if item.is_live or not (recorded and written):
            yield item


def forget(inputs: Inputs, work: Inputs, settings: Settings) -> None:
    """Take out of the records and the table what the run will write anew, and delete cut faces:
    states are part of their names.

    Raises:
        SinkError: a file cannot be rewritten.
    """
    # What a camera showed before stays: a new run adds to it.
    redone = {item.shown for item in work.items if not item.is_live}
    keep_all_others = settings.resume
    try:
        if settings.records is not None and _holds_something(settings.records):
            from maskwatch.sinks.records import record_line

            lines = (
                record_line(record)
                for record in records_of(settings.records)
                if keep_all_others and record["path"] not in redone
            )
            _rewrite(settings.records, lines)
        if settings.csv is not None and _holds_something(settings.csv):
            _rewrite(
                settings.csv, _csv_lines(settings.csv, redone) if keep_all_others else iter(())
            )
        if settings.crops is not None:
            for crop in list(crops_of(work.items, settings.crops)):
                crop.unlink()
    except OSError as error:
        raise SinkError(f"cannot rewrite {error.filename}: {error.strerror}") from error


def _csv_lines(file: Path, redone: set[str]) -> Iterator[str]:
    from maskwatch.sinks.records import CSV_FIELDS, csv_line

    # As they stand in the file, where bytes of a name that are no text are escapes.
    written = {path.encode("utf-8", "backslashreplace").decode() for path in redone}
    with file.open(encoding="utf-8", errors="backslashreplace", newline="") as text:
        for row in csv.reader(text):
            # A row of another length was torn when the run died.
            if len(row) == len(CSV_FIELDS) and row[0] not in written:
                yield csv_line(row)


def _rewrite(file: Path, lines: Iterator[str]) -> None:
    file = file.resolve()  # What a link leads to.
    part = part_of(file)
    with part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as out:
        out.writelines(lines)
    part.replace(file)
