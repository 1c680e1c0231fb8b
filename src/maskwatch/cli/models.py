"""maskwatch models: what there is, and how to get it."""

import json
from typing import Annotated

import typer

from maskwatch.cli.guard import guarded, say, set_up_log

models_app = typer.Typer(help="List the models; get those that do not ship.")


@models_app.callback(invoke_without_command=True)
@guarded
def models(
    context: typer.Context,
    json_: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List classifiers and detectors: where each comes from, its licence, whether it is here."""
    if context.invoked_subcommand is not None:
        return
    from dataclasses import asdict

    from maskwatch.app.inventory import status_of
    from maskwatch.models.catalogue import CARDS

    rows = [{**asdict(card), "status": status_of(card)} for card in CARDS]
    if json_:
        print(json.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "kind", "what it is, where from, whether it is here", show_lines=True)
    for row in rows:
        text = f"{row['summary']}\n{row['origin']} ({row['licence']})\n{row['status']}"
        table.add_row(str(row["name"]), str(row["kind"]), text)
    Console(markup=False).print(table)


@models_app.command()
@guarded
def get(name: Annotated[str, typer.Argument(help="The detector's name, such as yunet.")]) -> None:
    """Download a detector's file into the model folder and check it."""
    set_up_log()
    from maskwatch.models.catalogue import card_of
    from maskwatch.models.files import fetch

    path = fetch(card_of(name, "detector"))
    say(f"{name} is at {path}")
