"""The command line: words into settings, results into output."""

import sys


def main() -> None:
    """The entry point of the command `maskwatch`."""
    from maskwatch.cli.root import app

    # Names of files may hold bytes that are no text in the terminal's encoding.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    app(prog_name="maskwatch")
