"""What every command does about errors, Ctrl-C and its log."""

import functools
import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ParamSpec

import typer

from maskwatch.errors import MaskwatchError, UsageError

FAILED, USAGE, FAIL_ON_MET, INTERRUPTED = 1, 2, 3, 130
P = ParamSpec("P")


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn our errors into one sentence on stderr and the right exit code."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            say("interrupted; what was written so far is valid")
            raise typer.Exit(INTERRUPTED) from None
        except MaskwatchError as error:
            if logging.getLogger().isEnabledFor(logging.DEBUG):
                logging.getLogger(__name__).debug("in full:", exc_info=True)
            say(f"error: {error}")
            raise typer.Exit(USAGE if isinstance(error, UsageError) else FAILED) from None

    # Docstrings write the mark of paragraphs that are not wrapped as plain text.
    wrapper.__doc__ = (command.__doc__ or "").replace("\\b", "\b")
    return wrapper


def say(sentence: str) -> None:
    """A sentence for the user, on stderr."""
    print(sentence, file=sys.stderr)


class JsonLines(logging.Formatter):
    """Each entry of the log as one JSON object, for programs that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        """The entry: time, level, logger, message, and the traceback if there is one."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def set_up_log(
    *, quiet: bool = False, verbose: bool = False, debug: bool = False, as_json: bool = False
) -> None:
    """Send the log to stderr: warnings, or more with -v, or everything with --debug."""
    level = logging.WARNING
    if debug:
        level = logging.DEBUG
    elif verbose:
        level = logging.INFO
    elif quiet:
        level = logging.ERROR
    form = "%(asctime)s %(name)s %(message)s" if debug else "%(levelname)s: %(message)s"
    logging.basicConfig(level=level, format=form, stream=sys.stderr, force=True)
    if as_json:
        logging.getLogger().handlers[0].setFormatter(JsonLines())
    for talkative in ("PIL", "alembic"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    for number, name in (
        (logging.WARNING, "warning"),
        (logging.INFO, "info"),
        (logging.ERROR, "error"),
    ):
        logging.addLevelName(number, name)
