"""The sets' own tool for average precision."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.processes import PYTHON
from kit.report import ROOT, Row

TOOL = ROOT.parent / "shared" / "tools" / "score_detections.py"


def score_records(annotations: Path, lines: Sequence[str]) -> Row:
    """Average precisions and recalls by size of records, one JSON line a picture."""
    with TemporaryDirectory() as temporary:
        records = Path(temporary) / "records.jsonl"
        records.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [PYTHON, str(TOOL), str(annotations), str(records), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} said: {done.stderr}")
    figures: Row = json.loads(done.stdout)
    return figures
