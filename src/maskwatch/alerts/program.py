"""Running other programs, for a limited time and without a shell."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from maskwatch.alerts.text import one_line, why
from maskwatch.errors import DeliveryError

_TAIL_BYTES = 4096


def run_program(
    words: Sequence[str],
    *,
    timeout_s: float,
    stdin: bytes = b"",
    variables: Mapping[str, str] | None = None,
) -> None:
    """Run a program to its end; `variables` are added to the environment.

    Raises:
        DeliveryError: it cannot be started, takes too long, or ends with another code than 0.
    """
    shown = Path(words[0]).name
    # Files, not pipes: a child left behind may hold them open without holding us.
    with TemporaryFile() as given, TemporaryFile() as complaints:
        given.write(stdin)
        given.seek(0)
        try:
            process = subprocess.Popen(
                words,
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                env={**os.environ, **(variables or {})},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise DeliveryError(f"cannot start {shown}: {why(error)}") from error
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise DeliveryError(
                f"{shown} took longer than {timeout_s:g} s and was stopped"
            ) from error
        finally:
            _end(process)
        if code:
            raise DeliveryError(f"{shown} ended with code {code}: {_last_line(complaints)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program that still runs, and all that it started."""
    if process.poll() is not None:
        return
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(1)


def _last_line(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    lines = file.read().decode("utf-8", "replace").split("\n")
    return next((line for line in map(one_line, reversed(lines)) if line), "it gave no reason")
