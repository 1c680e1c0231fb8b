"""maskwatch data leaks: what two sets have in common."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskwatch.cli.data.options import NearBits, Overwrite, with_bar
from maskwatch.cli.guard import FAILED, guarded, say, set_up_log
from maskwatch.data.choices import NEAR_BITS
from maskwatch.errors import SourceError

if TYPE_CHECKING:
    from maskwatch.data.duplicates import Twins
    from maskwatch.data.facts import Facts

First = Annotated[Path, typer.Argument(help="A folder of pictures, such as what was trained on.")]
Second = Annotated[Path, typer.Argument(help="Another, such as what is tested on.")]
Listing = Annotated[
    Path | None, typer.Option("--csv", help="File that lists them, each with its nearest twin.")
]
_SHOWN = 5


@guarded
def leaks(
    first: First,
    second: Second,
    csv: Listing = None,
    near_bits: NearBits = NEAR_BITS,
    overwrite: Overwrite = False,
) -> None:
    r"""Say how many pictures of the second folder have a twin in the first.

    \b
    Examples:
      maskwatch data leaks split/train split/test
      maskwatch data leaks training/ benchmark/ --csv leaks.csv
    """
    set_up_log()
    from maskwatch.data.duplicates import twins_between
    from maskwatch.data.formats.files import write_text
    from maskwatch.data.outputs import check_file
    from maskwatch.sinks.records import csv_line

    if csv is not None:
        check_file(csv, overwrite=overwrite)
    one, first_damaged = _facts(first)
    other, second_damaged = _facts(second)
    twins = twins_between(one, other, near_bits)
    exact, share = int(twins.exact.sum()), len(twins) / max(1, len(other))
    print(f"{len(other)} pictures of {second}, {share:.1%} with a twin in {first}:")
    print(f"  {exact} equal, {len(twins) - exact} near duplicates (at most {near_bits} of 64 bits)")
    rows = _rows(twins, one, other)
    for trained, tested, bits in rows[:_SHOWN]:
        print(f"  {tested} and {trained}: {bits} bits")
    if csv is not None:
        lines = map(csv_line, [("first", "second", "bits"), *rows])
        write_text("".join(lines), csv)
    if first_damaged + second_damaged:
        raise typer.Exit(FAILED)


def _rows(
    twins: "Twins", first: "list[Facts]", second: "list[Facts]"
) -> list[tuple[str, str, int]]:
    """Both files of each pair and the bits in which they differ, the most alike first."""
    import numpy as np

    return [
        (
            str(first[twins.first[row]].path),
            str(second[twins.second[row]].path),
            int(twins.bits[row]),
        )
        for row in np.lexsort((twins.bits, ~twins.exact))
    ]


def _facts(folder: Path) -> "tuple[list[Facts], int]":
    """Of the pictures in a folder; those that cannot be read are named, left out and counted."""
    from maskwatch.data.facts import facts_of
    from maskwatch.data.formats.files import pictures_below

    paths = list(pictures_below(folder)) if folder.is_dir() else []
    if not paths:
        raise SourceError(f"{folder} is no folder with pictures")
    facts = list(with_bar(facts_of(paths), len(paths), f"reading {folder.name}"))
    for fact in facts:
        if fact.error:
            say(f"error: {fact.error}")
    good = [fact for fact in facts if not fact.error]
    return good, len(facts) - len(good)
