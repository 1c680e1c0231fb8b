"""Put the figures of `benchmarks/results/*.csv` into the tables of the README and the docs.

A table stands between `<!-- table:NAME -->` and `<!-- end -->`; NAME is a CSV file and the columns
are chosen here. Run it after the benchmarks: scripts/bench tables
"""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

from kit.report import RESULTS, ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of a CSV file, and the values, or the one filled column, that a row must have."""

    csv: str
    columns: tuple[str, ...]
    where: tuple[tuple[str, str], ...] = ()
    needs: str = ""


_GROUPS = ("set", "group", "value", "faces", "accuracy", "low", "high", "masks told", "false masks")
_RECALLS = tuple(f"recall {size} px" for size in ("12-16", "16-24", "24-48", "48-96", "96-"))
_COVERAGE = ("set", "answered", "wrong of answered", "threshold")
TABLES = {
    "classic": Table(
        "classic", ("preset", "published", "measured", "leak-free", "cross-source", "note")
    ),
    "keras_parity": Table("keras_parity", ("part", "largest", "mean", "largest value", "unit")),
    "train_speed": Table(
        "train_speed", ("side", "seconds", "published / this", "validation accuracy", "epochs run")
    ),
    "train_memory": Table(
        "train_memory",
        ("training", "pictures", "peak MiB", "framework MiB", "above it MiB", "seconds"),
    ),
    "int8_recipes": Table(
        "int8_recipes",
        ("recipe", "equal labels", "mean difference", "largest difference", "accuracy",
         "of floats", "MB"),
    ),
    "exports": Table(
        "exports",
        ("classifier", "form", "largest difference", "equal labels", "accuracy", "MB",
         "ms one face"),
    ),
    "ablations": Table(
        "ablations", ("changed", "accuracy", "low", "high", "training accuracy", "seconds")
    ),
    "live_truth": Table(
        "live_truth",
        ("clip", "frames/s", "people", "also small", "counted", "changes", "seen in 2 s",
         "false verdicts", "of them unknown", "alerts due", "missed", "false alerts"),
        (("frames/s", "5.0"),),
    ),
    "live_cameras": Table(
        "live_cameras",
        ("cameras", "decode", "carried", "watched", "frames/s of the slowest", "cores used",
         "floor", "of the floor"),
    ),
    "live_steady": Table(
        "live_steady",
        ("clip", "frames/s", "seconds", "faces", "people", "counted", "verdict changes"),
    ),
    "soak_hours": Table(
        "soak_hours",
        ("simulated h", "frames", "episodes", "stored", "alerts", "told", "people",
         "people stored", "MiB after 1 h", "MiB at the end", "database MB"),
    ),
    "soak_kills": Table(
        "soak_kills",
        ("kills", "events lost", "alerts stored", "never told", "told twice", "still waiting",
         "episodes left open", "SIGTERM took s"),
    ),
    "soak_real": Table(
        "soak_real",
        ("minutes", "cameras", "frames/s of each", "alerts stored", "never told by mqtt",
         "told twice by mqtt", "never told by webhook", "told twice by webhook", "still waiting",
         "episodes left open", "MiB early", "MiB at the end", "growth"),
    ),
    "soak_services": Table(
        "soak_services",
        ("service", "kills", "alerts seen", "alerts stored", "all told after s",
         "never told by log", "told twice by log", "never told by mqtt", "told twice by mqtt",
         "still waiting", "episodes left open"),
    ),
    "live_latency": Table("live_latency", ("alerts", "median s", "90% s", "most s", "goal s")),
    "leaks": Table("leaks", ("split", "seed", "pictures", "exact", "near", "share with a twin")),
    "throughput": Table(
        "throughput", ("side", "frames", "faces", "seconds", "fps", "ours_over_it")
    ),
    "floor": Table("floor", ("run", "what", "ms_per_frame", "of_sum")),
    "startup": Table("startup", ("what", "seconds", "of_floor")),
    "memory": Table("memory", ("what", "faces", "peak_mib", "per_second")),
    "accuracy": Table(
        "accuracy",
        ("set", "classifier", "boxes", "accuracy", "low", "high", "corrected", "F1 mask",
         "F1 no_mask", "F1 incorrect", "balanced compliance", "ECE"),
    ),
    "above": Table(
        "accuracy",
        ("set", "classifier", "accuracy above plain, low", "accuracy above plain, high",
         "F1 incorrect above plain, low", "F1 incorrect above plain, high"),
    ),
    "answers": Table(
        "accuracy",
        ("set", "classifier", "answered", "wrong of answered", "answered of 48 px",
         "answered of incorrect"),
        needs="answered",
    ),
    "coverage_standard": Table("accuracy_coverage", _COVERAGE, (("classifier", "standard"),)),
    "coverage_small": Table("accuracy_coverage", _COVERAGE, (("classifier", "small"),)),
    "groups_standard": Table("accuracy_groups", _GROUPS, (("classifier", "standard"),)),
    "groups_small": Table("accuracy_groups", _GROUPS, (("classifier", "small"),)),
    "classifiers": Table(
        "classifiers", ("classifier", "pixels", "file MB", "ms a face", "of plain")
    ),
    "leave_one_out": Table(
        "leave_one_out",
        ("left out", "faces", "accuracy", "low", "high", "F1 mask", "F1 no_mask",
         "F1 incorrect", "balanced compliance"),
    ),
    "peers": Table(
        "peers",
        ("system", "face AP", "mask AP", "no_mask AP", "incorrect AP", "recall", "state right",
         "compliance right", "right of all"),
    ),
    "detectors": Table("detectors", ("detector", "long side", "face AP", "low", "high", *_RECALLS)),
    "detector_states": Table(
        "detectors",
        ("detector", "mask AP", "mask low", "mask high", "no_mask AP", "no_mask low",
         "no_mask high", "incorrect AP", "incorrect low", "incorrect high"),
        (("long side", "640"),),
    ),
    "detectors_ends": Table(
        "detectors_ends",
        ("detector", "score", "false boxes a megapixel", "in unseen pictures", "recall",
         "right of all", "score as strict as yunet", "recall there", "right of all there"),
    ),
    "detector_speed": Table(
        "detector_speed",
        ("detector", "picture", "milliseconds", "of OpenCV's YuNet", "file MB", "peak MiB"),
    ),
    "detector_int8": Table(
        "detector_int8",
        ("network", "file MB", "milliseconds", "face AP", "IoU with the floats",
         "score difference"),
    ),
    "detector_conditions": Table(
        "detector_conditions",
        ("group", "value", "faces", "maskwatch", "yunet", "retinaface"),
    ),
}  # fmt: skip
_COMMANDS = {
    "live_steady": "live_truth",
    "soak_hours": "soak",
    "soak_kills": "soak",
    "soak_services": "soak",
    "soak_real": "soak",
    "accuracy_coverage": "accuracy",
    "accuracy_groups": "accuracy",
    "detectors_ends": "detectors",
}
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
    """A Markdown table of the chosen columns and rows of a CSV file."""
    shown = TABLES[name]
    with (folder / f"{shown.csv}.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if _is_shown(row, shown)]
    missing = [column for column in shown.columns if not rows or column not in rows[0]]
    if missing:
        raise SystemExit(f"{shown.csv}.csv has no row or column for {name}: {', '.join(missing)}")
    columns = shown.columns
    lines = [[column.replace("_", " ") for column in columns], ["---"] * len(columns)]
    lines += [[_rounded(row[column]) for column in columns] for row in rows]
    machine = f"{rows[0]['machine']}, {rows[0]['cores']} cores, {rows[0]['date']}"
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{body}\n\n`scripts/bench {_COMMANDS.get(shown.csv, shown.csv)}`; {machine}\n"


def _is_shown(row: dict[str, str], shown: Table) -> bool:
    filled = not shown.needs or bool(row[shown.needs])
    return filled and all(row[key] == value for key, value in shown.where)


def _rounded(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return ""
    if number == int(number):
        return f"{int(number):,}"
    if abs(number) < 0.0005:
        return f"{number:.0e}"
    digits = 3 if abs(number) < 1 else 2 if abs(number) < 10 else 1
    return f"{number:.{digits}f}"


if __name__ == "__main__":
    main()
