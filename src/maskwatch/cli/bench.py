"""maskwatch bench: how fast is this machine?"""

import json
from typing import Annotated

import typer

from maskwatch.app.settings import Settings
from maskwatch.cli.guard import guarded, set_up_log
from maskwatch.cli.options import with_settings

_USED = ("classifier", "detector", "detector_weights", "device", "threads", "long_side")


@guarded
@with_settings(*_USED)
def bench(
    picture: Annotated[
        str | None, typer.Argument(help="A picture or video; a drawn scene where left out.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds for each part.")] = 2.0,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    *,
    settings: Settings,
) -> None:
    """Measure how fast this machine is, part by part.

    Decoding, face search, classification, drawing, encoding; each alone.
    """
    set_up_log()
    from dataclasses import asdict

    from maskwatch.app.speed import measure

    rows = measure(settings, picture, seconds)
    if json_:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("part", "milliseconds", "per second", "of")
    for row in rows:
        table.add_row(
            row.part, f"{row.milliseconds:.2f}", f"{1000 / row.milliseconds:.1f}", row.unit
        )
    Console(markup=False).print(table)
