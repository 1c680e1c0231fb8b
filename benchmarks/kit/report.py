"""Tables: shown on the terminal, and kept as CSV with the machine and the versions."""

import csv
import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from statistics import median

from rich.console import Console
from rich.table import Table

Value = str | int | float
Row = dict[str, Value]
ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
_PACKAGES = ("maskwatch", "onnxruntime", "opencv-python-headless", "numpy", "av", "pillow")


def cpu_model() -> str:
    """The processor's name, as Linux tells it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def versions() -> str:
    """Ours and those of the libraries that do the work; the commit, `+` where files differ."""
    commit = _git("rev-parse", "--short", "HEAD") or "none"
    changed = "+" if _git("status", "--porcelain", "--", "src") else ""
    listed = "; ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return f"commit {commit}{changed}; python {python_version()}; {listed}"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def show(title: str, rows: Sequence[Row]) -> None:
    """Print rows as a table; the first row's keys are the heading."""
    table = Table(*rows[0], title=title)
    for row in rows:
        table.add_row(*(_short(value) for value in row.values()))
    Console(width=max(Console().width, 110)).print(table)


def _short(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return f"{value:,}" if isinstance(value, int) else value


def save(name: str, rows: Sequence[Row]) -> None:
    """Keep rows as `benchmarks/results/NAME.csv`, each with machine, cores, versions and date."""
    about: Row = {
        "machine": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    file = RESULTS / f"{name}.csv"
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, list(rows[0] | about), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
            writer.writerow(about | rounded)
    print(f"kept in {file.relative_to(ROOT)}")


def spread(values: Sequence[float]) -> Row:
    """Median, least and most of the rounds."""
    return {"seconds": median(values), "least": min(values), "most": max(values)}
