"""maskwatch doctor: is everything here, and does it work?"""

import json
from typing import Annotated

import typer

from maskwatch.cli.guard import FAILED, guarded, set_up_log


@guarded
def doctor(
    json_: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    cameras: Annotated[bool, typer.Option(help="Try to open cameras.")] = True,
) -> None:
    """Show what is here and whether it works.

    Versions, processor, models and their checksums, extras, cameras; and a self-test.
    """
    set_up_log(quiet=True)
    from dataclasses import asdict

    from maskwatch.app.inventory import examine

    findings = list(examine(cameras=cameras))
    if json_:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table("part", "what", "finding")
        for finding in findings:
            style = None if finding.good is None else ("green" if finding.good else "red")
            table.add_row(finding.part, finding.name, finding.text, style=style)
        Console(markup=False).print(table)
    if any(finding.good is False for finding in findings):
        raise typer.Exit(FAILED)
