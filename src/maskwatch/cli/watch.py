"""maskwatch watch: cameras, people, alerts."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskwatch.cli.guard import FAILED, INTERRUPTED, guarded, say, set_up_log
from maskwatch.cli.live import needs_live

if TYPE_CHECKING:
    from rich.console import Console

    from maskwatch.app.live.post import Outcome
    from maskwatch.app.live.watch import Watch, Watched
    from maskwatch.app.site.tables import Site
    from maskwatch.types import Result


@guarded
def watch(
    source: Annotated[
        str, typer.Argument(help="A site file (site.toml), a camera's index, an address, a video.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Only try the file, every camera and every channel.")
    ] = False,
    privacy_report: Annotated[
        bool, typer.Option("--privacy-report", help="Only say what is kept, where, how long.")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of a dashboard.")] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log as JSON lines.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
) -> None:
    r"""Watch cameras, judge each person once, tell somebody, remember what happened.

    \b
    Examples:
      maskwatch watch 0                     one webcam, sensible defaults
      maskwatch watch site.toml             cameras, zones, rules, channels, storage
      maskwatch watch site.toml --check     try everything, tell nobody
    """
    set_up_log(verbose=verbose, as_json=log_json)
    needs_live()
    from maskwatch.app.site.load import load_site, site_of_camera

    site = load_site(Path(source)) if source.endswith(".toml") else site_of_camera(source)
    if privacy_report:
        _print_privacy(site)
    elif check:
        if not _check(site):
            raise typer.Exit(FAILED)
    else:
        _watch(site, plain=plain or log_json or not sys.stderr.isatty(), as_json=log_json)


def _watch(site: "Site", *, plain: bool, as_json: bool) -> None:
    from rich.console import Console

    from maskwatch.app.live.build import watching
    from maskwatch.app.live.clock import SystemClock
    from maskwatch.app.live.housekeeping import housekeeping
    from maskwatch.app.live.metrics import serving
    from maskwatch.cli.dashboard import Dashboard
    from maskwatch.cli.memory import return_large_blocks

    return_large_blocks()
    console = Console(stderr=True)
    shown: list[Dashboard] = []

    def show(watched: "Watched", result: "Result | None", outcome: "Outcome") -> None:
        for board in shown:
            for alert in outcome.alerts:
                board.add(alert)

    write = partial(_write_line, console, as_json=as_json)
    with ExitStack() as stack:
        watch, store = stack.enter_context(
            watching(site, SystemClock(), write=write, on_outcome=show)
        )
        if site.metrics.address is not None:
            stack.enter_context(serving(watch, *site.metrics.address))
        stack.enter_context(housekeeping(store, site.storage, watch.clock))
        if not plain:
            shown.append(stack.enter_context(Dashboard(watch, console, site.name)))
        elif not as_json:
            cameras = ", ".join(camera.name for camera in site.cameras)
            say(f"watching {cameras}; events in {store.shown}; Ctrl-C stops")
        with _stopped_by_signals() as (stop, signals):
            stored = watch.run(stop)
    if not as_json:
        _say_what_was_seen(watch)
    all_well = _say_what_failed(watch, stored=stored)
    if signal.SIGINT in signals:
        raise typer.Exit(INTERRUPTED)
    if not all_well:
        raise typer.Exit(FAILED)


def _write_line(console: "Console", line: str, *, as_json: bool) -> None:
    """What a channel writes to the terminal, which the dashboard may own."""
    if "\a" in line:
        console.bell()
    text = line.replace("\a", "")
    if as_json:  # One kind of line for programs that collect logs.
        logging.getLogger("maskwatch.terminal").warning(text.strip())
    else:
        console.print(text, end="", markup=False, highlight=False, soft_wrap=True)


def _say_what_failed(watch: "Watch", *, stored: bool) -> bool:
    """Say which cameras never showed anything, and if events were lost; whether all is well."""
    if not stored:
        say("error: the database did not take all events; see the log")
    blind = [w for w in watch.watched if w.camera and w.camera.ended and not w.processed]
    for one in blind:
        say(f"error: camera {one.spec.name}: {one.camera.error if one.camera else ''}")
    return stored and not blind


def _say_what_was_seen(watch: "Watch") -> None:
    from maskwatch.types import MaskState

    people = {state: sum(w.passed[state] for w in watch.watched) for state in MaskState}
    alerts = sum(sum(w.told.values()) for w in watch.watched)
    counted = ", ".join(f"{count} {state}" for state, count in people.items() if count)
    say(f"{sum(people.values())} people ({counted or 'nobody'}), {alerts} alerts")


@contextmanager
def _stopped_by_signals() -> Iterator[tuple[threading.Event, list[int]]]:
    """An event that SIGTERM and Ctrl-C set, and which came; a second ends the program at once."""
    stop, came = threading.Event(), list[int]()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(number: int, frame: object) -> None:
        came.append(number)
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in before:
        signal.signal(number, ask)
    try:
        yield stop, came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_privacy(site: "Site") -> None:
    from rich.console import Console
    from rich.table import Table

    from maskwatch.app.live.privacy import privacy_report

    table = Table("what", "what it says", "where", "how long")
    table.columns[2].overflow = "fold"
    for kept in privacy_report(site):
        table.add_row(kept.what, kept.contents, kept.where, kept.how_long)
    Console(markup=False).print(table)


def _check(site: "Site") -> bool:
    """Try every camera and channel; return whether all work."""
    from rich.console import Console
    from rich.table import Table

    from maskwatch.app.live.trial import trials

    table = Table("part", "name", "finding")
    fine = True
    for trial in trials(site):
        fine &= trial.good
        style = "green" if trial.good else "red"
        table.add_row(trial.part, trial.name, trial.text, style=style)
    Console(markup=False).print(table)
    return fine
