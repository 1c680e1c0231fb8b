"""A report as a folder: index.html, which needs nothing else, metrics.json and PNGs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from maskwatch.data.formats.files import write_text
from maskwatch.data.outputs import write_note
from maskwatch.evaluation import html

METRICS = "metrics.json"


def write_pages(
    folder: Path, title: str, parts: Iterable[str], values: dict[str, Any], note: dict[str, Any]
) -> None:
    """Write page, values and, last, the note that the report is whole.

    Args:
        folder: where the pictures of the page lie already.
        title: of the page.
        parts: of the page, as HTML.
        values: what the page shows, for programs.
        note: what was run.

    Raises:
        SinkError: a file cannot be written.
    """
    text = json.dumps(values, indent=1, allow_nan=False)
    write_text(text + "\n", folder / METRICS)
    write_text(html.page(title, parts), folder / "index.html")
    write_note(folder, note)
