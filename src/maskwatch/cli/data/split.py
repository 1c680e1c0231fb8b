"""maskwatch data split: training, validation and test parts without leaks."""

from pathlib import Path
from typing import Annotated, Any

import typer

from maskwatch.cli.data.options import (
    Classes,
    Dataset,
    NearBits,
    Overwrite,
    Person,
    Seed,
    chosen,
    facts,
    read,
)
from maskwatch.cli.guard import FAILED, guarded, say, set_up_log
from maskwatch.data.choices import NEAR_BITS, PERSON, Balance, Group
from maskwatch.errors import UsageError

Out = Annotated[Path, typer.Option(help="Folder for the parts.")]
Share = Annotated[float, typer.Option(min=0, max=1, help="Share of the pictures.")]
Groups = Annotated[
    str,
    typer.Option(help="What never crosses a part, with commas: near-duplicates, person; or none."),
]
Folds = Annotated[int | None, typer.Option(min=2, help="So many folds instead, each tested once.")]
Balanced = Annotated[
    Balance | None, typer.Option(help="Even out the training part by leaving out or repeating.")
]
Anew = Annotated[bool, typer.Option("--anew", help="Mix the parts that the set has already.")]


@guarded
def split(
    dataset: Dataset,
    out: Out,
    test: Share = 0.2,
    val: Share = 0.1,
    group: Groups = "near-duplicates",
    person: Person = None,
    folds: Folds = None,
    balance: Balanced = None,
    seed: Seed = 42,
    near_bits: NearBits = NEAR_BITS,
    classes: Classes = None,
    anew: Anew = False,
    overwrite: Overwrite = False,
) -> None:
    r"""Split a set so that states stay in proportion and what belongs together stays together.

    Pictures are not copied where the disk lets a file have two names.

    \b
    Examples:
      maskwatch data split dataset/ --test 0.2 --val 0.1 --group near-duplicates,person --out split/
      maskwatch data split dataset/ --person '_([a-z]+)_' --out split/
      maskwatch data split dataset/ --folds 5 --out folds/
    """
    set_up_log()
    from maskwatch.data.outputs import check_folder
    from maskwatch.data.parting import Parting, part_set
    from maskwatch.data.split import Shares

    if group == "none" and person is not None:
        raise UsageError("--person keeps pictures together, --group none keeps none: choose one")
    kinds = [] if group == "none" else chosen(group, Group, "--group")
    kinds += [] if person is None else [Group.PERSON]
    how = Parting(
        shares=Shares(val, test), folds=folds, kinds=frozenset(kinds), person=person or PERSON,
        near_bits=near_bits, balance=balance, seed=seed, anew=anew,
    )  # fmt: skip
    check_folder(out, "data split", [dataset], overwrite=overwrite)
    labelled = read(dataset, classes)
    note = part_set(labelled, facts(labelled), how, out)
    for sentence in note["unreadable"]:
        say(f"error: {sentence}")
    _print(note, out)
    for sentence in note["warnings"]:
        say(f"warning: {sentence}")
    if note["unreadable"]:
        raise typer.Exit(FAILED)


def _print(note: dict[str, Any], out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    rows: list[dict[str, object]] = note["parts"]
    table = Table(*(name.replace("_", " ") for name in rows[0]), title=str(out))
    for row in rows:
        table.add_row(*map(str, row.values()))
    console = Console(markup=False)
    console.print(table)
    pictures = note["readable"]
    console.print(f"{pictures} pictures in {note['groups']} groups that stay together")
