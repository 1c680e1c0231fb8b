"""The student's notebook, cell by cell, on a small set and a small network."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lightning")

from tests.training.workshop.conftest import faces, weights  # noqa: F401

NOTEBOOK = Path(__file__).parents[2] / "examples" / "student.ipynb"


def test_the_notebook_runs(
    faces: Path,  # noqa: F811
    weights: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    small = f"--backbone mobilenetv2_035 --input-size 32 --epochs 3 --weights {weights}"
    monkeypatch.setenv("DATASET", str(faces / "train"))
    monkeypatch.setenv("TRAINING", small)
    monkeypatch.chdir(tmp_path)
    values: dict[str, object] = {}
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code":
            continue
        if not source.startswith("!"):
            exec(compile(source, "cell", "exec"), values)
            continue
        command = (
            source[1:].format_map(values).replace("maskwatch", f"{sys.executable} -m maskwatch", 1)
        )
        done = subprocess.run(
            shlex.split(command),
            capture_output=True,
            text=True,
            env={**os.environ, "COLUMNS": "120"},
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    told = capsys.readouterr().out
    assert "95% interval" in told
    assert "faces" in told
