"""maskwatch data check: what is wrong with a set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskwatch.cli.data.options import (
    Classes,
    Dataset,
    NearBits,
    Overwrite,
    Person,
    chosen,
    facts,
    listed,
    read,
)
from maskwatch.cli.guard import FAIL_ON_MET, guarded, say, set_up_log
from maskwatch.data.choices import NEAR_BITS, PERSON, TINY_PX, Fault

if TYPE_CHECKING:
    from maskwatch.data.problems import CheckReport

Out = Annotated[Path | None, typer.Option(help="Folder for the report: JSON, CSV and a chart.")]
Tiny = Annotated[float, typer.Option(min=0, help="Shorter sides below it are tiny, in pixels.")]
FailOn = Annotated[
    str,
    typer.Option(help=f"Exit with 3 if any of these is found, with commas: {', '.join(Fault)}."),
]
_SHOWN = 3


@guarded
def check(
    dataset: Dataset,
    out: Out = None,
    classes: Classes = None,
    near_bits: NearBits = NEAR_BITS,
    tiny: Tiny = TINY_PX,
    person: Person = None,
    fail_on: FailOn = "",
    overwrite: Overwrite = False,
) -> None:
    r"""Count classes, and find what spoils training: duplicates, conflicts, leaks, damage.

    \b
    Examples:
      maskwatch data check dataset/
      maskwatch data check dataset/ --out report/ --person '_([a-z]+)_'
      maskwatch data check split/ --fail-on conflict,unreadable,leaks
    """
    set_up_log()
    from maskwatch.data.check import check_set
    from maskwatch.data.checked import write_check
    from maskwatch.data.outputs import check_folder, start_folder

    faults = chosen(fail_on, Fault, "--fail-on")
    if out is not None:
        check_folder(out, "data check", [dataset], overwrite=overwrite)
    labelled = read(dataset, classes)
    report = check_set(
        labelled, facts(labelled), near_bits=near_bits, tiny_px=tiny, person=person or PERSON
    )
    _print(report)
    if out is not None:
        start_folder(out, "data check")
        write_check(report, out)
        say(f"the report is in {out}")
    if met := report.has(faults):
        say(f"found: {', '.join(met)}")
        raise typer.Exit(FAIL_ON_MET)


def _print(report: "CheckReport") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False)
    most = max((max(counts.values()) for counts in report.faces.values()), default=0)
    table = Table("part", "state", "faces", "")
    for part, counts in report.faces.items():
        for state, count in counts.items():
            table.add_row(part, state, f"{count:,}", "█" * round(30 * count / max(1, most)))
    console.print(table)
    for kind, count in report.found.items():
        console.print(f"{kind}: {count}", style="bold")
        shown = [problem for problem in report.problems if problem.kind == kind]
        for problem in shown[:_SHOWN]:
            alone = problem.kind == "unreadable"  # Its sentence names the file.
            paths = "" if alone or not problem.paths else f": {listed(problem.paths)}"
            console.print(f"  {problem.sentence}{paths}", soft_wrap=True)
        if count > _SHOWN:
            console.print(f"  and {count - _SHOWN} more; --out FOLDER lists all")
    if not report.problems:
        console.print("nothing wrong was found")
    for part, leak in report.leaks.items():
        copies = leak["exact"] + leak["near"]
        share = copies / max(1, leak["pictures"])
        console.print(f"{part}: {copies} of {leak['pictures']} ({share:.1%}) have a twin in train")
