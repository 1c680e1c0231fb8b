"""A watch from its start to its end, as a terminal or a service shows it."""

import logging
import signal
from contextlib import ExitStack
from functools import partial

from rich.console import Console

from maskwatch.app.live.build import watching
from maskwatch.app.live.clock import SystemClock
from maskwatch.app.live.housekeeping import housekeeping
from maskwatch.app.live.metrics import serving
from maskwatch.app.live.post import Outcome
from maskwatch.app.live.watch import Watch, Watched
from maskwatch.app.site.tables import Site
from maskwatch.cli.guard import FAILED, INTERRUPTED, say
from maskwatch.cli.live.dashboard import Dashboard
from maskwatch.cli.live.signals import stopped_by_signals
from maskwatch.cli.memory import return_large_blocks
from maskwatch.types import MaskState, Result


def run_watch(site: Site, *, plain: bool, as_json: bool) -> int:
    """Watch until all cameras have ended or a signal comes; return the exit code."""
    return_large_blocks()
    console = Console(stderr=True)
    shown: list[Dashboard] = []

    def show(watched: Watched, result: Result | None, outcome: Outcome) -> None:
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
        with stopped_by_signals() as (stop, signals):
            stored = watch.run(stop)
    if not as_json:
        _say_what_was_seen(watch)
    all_well = _say_what_failed(watch, stored=stored)
    if signal.SIGINT in signals:
        return INTERRUPTED
    return 0 if all_well else FAILED


def _write_line(console: Console, line: str, *, as_json: bool) -> None:
    """What a channel writes to the terminal, which the dashboard may own."""
    if "\a" in line:
        console.bell()
    text = line.replace("\a", "")
    if as_json:  # One kind of line for programs that collect logs.
        logging.getLogger("maskwatch.terminal").warning(text.strip())
    else:
        console.print(text, end="", markup=False, highlight=False, soft_wrap=True)


def _say_what_failed(watch: Watch, *, stored: bool) -> bool:
    """Say which cameras never showed anything, and if events were lost; whether all is well."""
    if not stored:
        say("error: the database did not take all events; see the log")
    blind = [w for w in watch.watched if w.camera and w.camera.ended and not w.processed]
    for one in blind:
        say(f"error: camera {one.spec.name}: {one.camera.error if one.camera else ''}")
    return stored and not blind


def _say_what_was_seen(watch: Watch) -> None:
    people = {state: sum(w.passed[state] for w in watch.watched) for state in MaskState}
    alerts = sum(sum(w.told.values()) for w in watch.watched)
    counted = ", ".join(f"{count} {state}" for state, count in people.items() if count)
    say(f"{sum(people.values())} people ({counted or 'nobody'}), {alerts} alerts")
