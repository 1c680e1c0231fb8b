"""The command as a user runs it: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def maskwatch(tmp_path: Path) -> Run:
    """Run `maskwatch` without any model file but the shipped ones."""

    def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {
            "MASKWATCH_MODELS": str(tmp_path / "no-models"),
            "XDG_DATA_HOME": str(tmp_path / "home"),
            "COLUMNS": "200",
            "PYTHONWARNINGS": "error",
        }
        return subprocess.run(
            [sys.executable, "-m", "maskwatch", *map(str, words)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, **own, **environment},
            timeout=120,
        )

    return run
