"""Put the figures of `benchmarks/results/*.csv` into the tables of the README and the docs.

A table stands between `<!-- table:NAME -->` and `<!-- end -->`; NAME is a CSV file and the columns
are chosen here. Run it after the benchmarks: scripts/bench tables
"""

import csv
import re
from pathlib import Path

from kit.report import RESULTS, ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
COLUMNS = {
    "throughput": ("side", "frames", "faces", "seconds", "fps", "ours_over_it"),
    "floor": ("run", "what", "ms_per_frame", "of_sum"),
    "startup": ("what", "seconds", "of_floor"),
    "memory": ("what", "faces", "peak_mib", "per_second"),
    "accuracy": (
        "set", "boxes", "accuracy", "low", "high", "F1 mask", "F1 no_mask", "F1 incorrect",
        "answered", "wrong of answered",
    ),
    "detectors": (
        "detector", "face AP", "recall 12-16 px", "recall 16-24 px", "recall 24-48 px",
        "recall 48-96 px", "recall 96- px",
    ),
}  # fmt: skip
_BLOCK = re.compile(r"(<!-- table:(\w+) -->\n).*?(<!-- end -->)", re.S)


def main() -> None:
    """Rewrite every table of every page."""
    for page in PAGES:
        before = page.read_text("utf-8")
        after = _BLOCK.sub(lambda match: f"{match[1]}{table(match[2])}{match[3]}", before)
        if after != before:
            page.write_text(after, "utf-8")
            print(f"wrote {page.relative_to(ROOT)}")


def table(name: str, folder: Path = RESULTS) -> str:
    """A Markdown table of the chosen columns of a CSV file."""
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [column for column in COLUMNS[name] if column in rows[0]]
    lines = [[column.replace("_", " ") for column in columns], ["---"] * len(columns)]
    lines += [[_rounded(row[column]) for column in columns] for row in rows]
    machine = f"{rows[0]['machine']}, {rows[0]['cores']} cores, {rows[0]['date']}"
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{body}\n\n`scripts/bench {name}`; {machine}\n"


def _rounded(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return text
    if number == int(number):
        return f"{int(number):,}"
    digits = 3 if abs(number) < 1 else 2 if abs(number) < 10 else 1
    return f"{number:.{digits}f}"


if __name__ == "__main__":
    main()
