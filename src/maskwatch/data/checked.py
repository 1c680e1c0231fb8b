"""The folder that a check of a set leaves: what was found as JSON, CSV and a chart."""

from pathlib import Path

from maskwatch.data.charts import draw_counts
from maskwatch.data.formats.files import write_text
from maskwatch.data.outputs import write_note
from maskwatch.data.problems import CheckReport
from maskwatch.sinks.records import csv_line


def write_check(report: CheckReport, out: Path) -> None:
    """Write `counts.png`, `problems.csv` and `maskwatch.json`.

    Raises:
        MissingExtra: matplotlib is not installed.
        SinkError: a file cannot be written.
    """
    draw_counts(report, out / "counts.png")
    rows = [
        (number, problem.kind, problem.sentence, path)
        for number, problem in enumerate(report.problems)
        for path in problem.paths or ("",)
    ]
    lines = map(csv_line, [("number", "kind", "problem", "file"), *rows])
    write_text("".join(lines), out / "problems.csv")
    write_note(out, {"command": "data check", **report.as_json()})
