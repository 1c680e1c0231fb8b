"""maskwatch events: what happened."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskwatch.cli.guard import guarded, set_up_log
from maskwatch.cli.live.options import Camera, Database, Since
from maskwatch.cli.live.records import check_camera, open_store, start_of, zone_of
from maskwatch.errors import UsageError

if TYPE_CHECKING:
    from maskwatch.types import MaskState


@guarded
def events(
    since: Since = None,
    camera: Camera = None,
    state: Annotated[
        str | None, typer.Option(help="Of this state only: mask, no_mask, incorrect, unknown.")
    ] = None,
    alerts: Annotated[
        bool, typer.Option("--alerts", help="Alerts, and what waits to be told, not episodes.")
    ] = False,
    receipts: Annotated[
        bool, typer.Option("--receipts", help="What was deleted for its age, not episodes.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="Write all of them to this file.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many, the newest.")] = 50,
    database: Database = None,
) -> None:
    r"""Show who came, in which state, from when to when; or the alerts.

    Of a span of time, all who were seen in it are shown, also those who came before.

    \b
    Examples:
      maskwatch events --since 24h --camera lobby
      maskwatch events --since 7d --state no_mask --csv out.csv
      maskwatch events --alerts --csv alerts.csv
      maskwatch events --receipts
    """
    set_up_log()
    wanted = _checked(state, alerts=alerts, receipts=receipts, csv=csv)
    begun, zone = start_of(since), zone_of(database)
    with open_store(database) as store:
        from maskwatch.cli.live import answers

        check_camera(store, camera)
        asked = answers.Question(
            since=begun, camera=camera, state=wanted, csv=csv, limit=limit, zone=zone
        )
        if receipts:
            answers.answer_receipts(store, asked)
        elif alerts:
            answers.answer_alerts(store, asked)
        else:
            answers.answer_episodes(store, asked)


def _checked(
    state: str | None, *, alerts: bool, receipts: bool, csv: Path | None
) -> "MaskState | None":
    """The state that is asked for.

    Raises:
        UsageError: there is no such state, or the options do not go together.
    """
    from maskwatch.types import MaskState

    if alerts and receipts:
        raise UsageError("--alerts and --receipts are two questions: ask one of them")
    if state is not None and (alerts or receipts):
        raise UsageError("--state is about episodes: leave --alerts, --receipts out")
    if csv is not None and receipts:
        raise UsageError("--csv is about episodes or alerts: leave --receipts out")
    if state is not None and state not in list(MaskState):
        raise UsageError(f"--state must be one of {', '.join(MaskState)}, got {state!r}")
    return None if state is None else MaskState(state)
