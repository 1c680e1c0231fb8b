"""maskwatch stats: how many comply, with the unknowns beside it."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from maskwatch.cli.guard import guarded, set_up_log
from maskwatch.cli.live.options import Camera, Database, Since
from maskwatch.cli.live.records import check_camera, clock_of, open_store, start_of, zone_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from maskwatch.store.values import Total

_BAR = 16


@guarded
def stats(
    by: Annotated[
        Literal["hour", "day", "camera"], typer.Option(help="What each line is about.")
    ] = "hour",
    since: Since = "7d",
    camera: Camera = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    database: Database = None,
) -> None:
    r"""Show how many people passed and which share wore a mask well.

    A person counts once for each visit, under the state that lasted longest. The rate is of those
    whose state is known; the unknown are shown beside it.
    """
    set_up_log()
    from rich.console import Console
    from rich.table import Table

    with open_store(database) as store:
        check_camera(store, camera)
        zone = zone_of(database)
        totals = store.totals(by=by, since=start_of(since), camera=camera, zone=zone)
    if json_:
        print(json.dumps([_record(total, zone) for total in totals]))
        return
    table = Table(by, "people", "mask", "none", "wrong", "unknown", "comply", "")
    table.columns[0].no_wrap = table.columns[-1].no_wrap = True
    for total in totals:
        table.add_row(
            _name(total, by, zone),
            *[str(n) for n in (total.people, total.mask, total.no_mask, total.incorrect)],
            str(total.unknown),
            "-" if total.rate is None else f"{total.rate:.0%}",
            _bar(total),
        )
    Console(markup=False).print(table)


def _record(total: "Total", zone: "ZoneInfo | None") -> dict[str, Any]:
    """A total as JSON: its start is ISO 8601 in the time of the site."""
    start = total.start
    begun = None if start is None else datetime.fromtimestamp(start, zone).astimezone(zone)
    more = {"rate": total.rate, "people": total.people}
    return asdict(total) | {"start": begun and begun.isoformat()} | more


def _name(total: "Total", by: str, zone: "ZoneInfo | None") -> str:
    if total.start is None:
        return total.camera or "-"
    form = "%a %d %b %H:00" if by == "hour" else "%a %d %b %Y"
    return clock_of(total.start, zone, form)


def _bar(total: "Total") -> str:
    """The people as a bar: masked, violating, unknown."""
    if not total.people:
        return ""
    masked = round(_BAR * total.mask / total.people)
    unknown = round(_BAR * total.unknown / total.people)
    return "█" * masked + "▒" * (_BAR - masked - unknown) + "·" * unknown
