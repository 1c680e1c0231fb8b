"""Folders that the commands of a set write: one run's alone, with a note of what it was."""

import json
import shutil
from pathlib import Path
from typing import Any

from maskwatch.data.formats.files import write_text
from maskwatch.errors import SinkError, UsageError

NOTE = "maskwatch.json"


def fresh_folder(out: Path, *, overwrite: bool) -> None:
    """Make sure that a folder is empty; one that an earlier run wrote may be replaced.

    Raises:
        UsageError: it holds something, and may not be replaced or was not written by us.
        SinkError: it cannot be deleted.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not overwrite:
        raise UsageError(f"{out} is there already: replace it with --overwrite or name another")
    if not (out / NOTE).is_file():
        raise UsageError(f"{out} was not written by maskwatch data: empty it yourself")
    try:
        shutil.rmtree(out)
    except OSError as error:
        raise SinkError(f"cannot delete {out}: {error.strerror}") from error


def write_note(out: Path, values: dict[str, Any]) -> None:
    """Write what a run did into its folder.

    Raises:
        SinkError: it cannot be written.
    """
    write_text(json.dumps(values, indent=1, default=str) + "\n", out / NOTE)
