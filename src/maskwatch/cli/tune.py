"""maskwatch tune: better settings for a training."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskwatch.cli.data.options import facts, read
from maskwatch.cli.guard import guarded, say, set_up_log
from maskwatch.cli.starting import Bar, check_training, tell_of
from maskwatch.cli.train import Data
from maskwatch.cli.training import Chosen, with_training

if TYPE_CHECKING:
    from maskwatch.training.workshop.tuning import Tuned

Trials = Annotated[int, typer.Option(min=1, help="Trials in all.")]
Out = Annotated[Path, typer.Option(help="Folder for the study, a table and a chart.")]


@guarded
@with_training
def tune(data: Data, out: Out = Path("tuning"), trials: Trials = 20, *, chosen: Chosen) -> None:
    r"""Search for better settings, by the validation part alone; run again to go on.

    \b
    Examples:
      maskwatch tune --data split/ --preset mobilenetv2-avgpool --trials 20
    """
    set_up_log()
    check_training()
    settings = chosen.settings()
    from maskwatch.training.workshop.parts import parts_of
    from maskwatch.training.workshop.tuning import tune as search

    labelled = read(data, chosen.names)
    parts = parts_of(labelled, facts(labelled), settings.classes, settings.seed)
    tell_of(parts)

    def report(number: int, loss: float | None, choices: dict[str, Any]) -> None:
        words = ", ".join(f"{key} {_short(value)}" for key, value in choices.items())
        say(f"trial {number}: {'pruned' if loss is None else f'loss {loss:.4f}'} ({words})")

    with Bar() as bar:
        found = search(parts, settings, out, trials=trials, tell=bar.tell, report=report)
    _print(found, data, chosen, out)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _print(found: "Tuned", data: Path, chosen: Chosen, out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("choice", "best", "mattered")
    for key, value in found.choices.items():
        share = found.mattered.get(key)
        table.add_row(key, _short(value), "-" if share is None else f"{share:.0%}")
    console = Console(markup=False)
    console.print(table)
    console.print(
        f"{found.finished} trials finished, {found.pruned} pruned; the best has a validation loss "
        f"of {found.loss:.4f} and tells {found.accuracy:.1%} right there, too good a figure since "
        f"it was chosen by it. Table and chart: {out}",
        soft_wrap=True,
    )
    console.print(f"train with it: {_command(found, data, chosen)}", soft_wrap=True)


def _command(found: "Tuned", data: Path, chosen: Chosen) -> str:
    settings, words = found.settings, ["maskwatch", "train", "--data", str(data)]
    words += ["--preset", chosen.preset] if chosen.preset else []
    words += ["--classes", chosen.names] if chosen.names else []
    searched = ("lr", "batch", "dropout", "label_smoothing")
    kept = {
        key: value
        for key, value in chosen.values.items()
        if key not in (*searched, "optimizer", "head", "augment", "decay")
    }
    kept |= {key: getattr(settings, key) for key in (*searched, "optimizer")}
    kept |= {"head": ",".join([settings.pool, *map(str, settings.units)]), "decay": 0}
    if found.choices.get("augment") == "none":
        kept["augment"] = "none"
    elif "augment" in chosen.values:
        kept["augment"] = chosen.values["augment"]
    for key, value in kept.items():
        words += [f"--{key.replace('_', '-')}", str(value)]
    return shlex.join([*words, "--out", "runs/tuned"])
