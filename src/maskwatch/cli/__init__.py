"""The command line: words into settings, results into output."""

import os
import sys


def main() -> None:
    """The entry point of the command `maskwatch`."""
    from maskwatch.cli.root import app

    # Names of files may hold bytes that are no text in the terminal's encoding.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    try:
        app(prog_name="maskwatch")
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else int(end.code is not None))


def _leave(code: int) -> None:
    """End the process at once: files are closed, and taking the networks apart takes 50 ms."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # The reader of a pipe has gone.
        code = code or 1
    os._exit(code)
