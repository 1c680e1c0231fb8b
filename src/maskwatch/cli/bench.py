"""maskwatch bench: how fast is this machine?"""

import json
from typing import Annotated

import typer

from maskwatch.cli.guard import guarded, set_up_log


@guarded
def bench(
    picture: Annotated[
        str | None, typer.Argument(help="A picture or video; a drawn scene where left out.")
    ] = None,
    detector: Annotated[str | None, typer.Option(help="The face detector.")] = None,
    threads: Annotated[
        int, typer.Option(min=0, help="Threads of one network run; 0: all cores.")
    ] = 0,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds for each part.")] = 2.0,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure how fast this machine is, part by part.

    Decoding, face search, classification, drawing, encoding; each alone.
    """
    set_up_log()
    from dataclasses import asdict

    from maskwatch.app.settings import Settings
    from maskwatch.app.speed import measure

    rows = measure(Settings(detector=detector, threads=threads), picture, seconds)
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
