"""Folders that the commands of a set write: one run's alone, with a note of what it was."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maskwatch.data.formats.files import write_text
from maskwatch.errors import SinkError, UsageError

NOTE = "maskwatch.json"


def check_folder(
    out: Path, command: str, reads: Sequence[Path | None], *, overwrite: bool, inside: bool = False
) -> None:
    """Make sure that a folder may be written, before any work is done; nothing is changed.

    Args:
        out: the folder: new, empty, or with `overwrite` what an earlier run of the command wrote.
        command: what is run.
        reads: what the run reads; a folder that holds it cannot be replaced.
        overwrite: whether it may be replaced, with all that lies in it.
        inside: whether it may lie in what is read.

    Raises:
        UsageError: it may not be written.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: name a folder")
    known = [path.resolve() for path in reads if path is not None]
    if not inside and any(out.resolve().is_relative_to(path) for path in known):
        raise UsageError(f"{out} lies in what is read: name a folder elsewhere")
    if not out.exists() or not any(out.iterdir()):
        return
    if not overwrite:
        raise UsageError(f"{out} is there already: replace it with --overwrite or name another")
    if _writer_of(out) != command:
        raise UsageError(f"{out} was not written by maskwatch {command}: empty it yourself")
    if any(path.is_relative_to(out.resolve()) for path in known):
        raise UsageError(f"{out} holds what is read: name another folder")


def check_file(out: Path, *, overwrite: bool) -> None:
    """Make sure that a file may be written.

    Raises:
        UsageError: it is there, and may not be replaced.
    """
    if out.exists() and not overwrite:
        raise UsageError(f"{out} is there already: replace it with --overwrite or name another")


def _writer_of(out: Path) -> str | None:
    """The command that wrote a folder, None if none of ours did."""
    try:
        return str(json.loads((out / NOTE).read_text(encoding="utf-8"))["command"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def start_folder(out: Path, command: str) -> None:
    """Empty a folder that `check_folder` allowed, and note what is being written there.

    Called once everything was read: what an earlier run wrote goes only when there is something
    to take its place. The note says that the run is not finished until `write_note` is called.

    Raises:
        SinkError: it cannot be emptied or written.
    """
    try:
        if out.exists():
            shutil.rmtree(out)
    except OSError as error:
        raise SinkError(f"cannot delete {out}: {error.strerror}") from error
    _write(out, {"command": command, "finished": False})


def write_note(out: Path, values: dict[str, Any]) -> None:
    """Write what a finished run did into its folder.

    Raises:
        SinkError: it cannot be written.
    """
    _write(out, {**values, "finished": True})


def _write(out: Path, values: dict[str, Any]) -> None:
    write_text(json.dumps(values, indent=1, default=str) + "\n", out / NOTE)
