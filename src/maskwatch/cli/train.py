"""maskwatch train: a classifier of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskwatch.cli.data.options import Overwrite, facts, read
from maskwatch.cli.guard import FAILED, guarded, say, set_up_log
from maskwatch.cli.starting import Bar, check_training, tell_of
from maskwatch.cli.training import Chosen, with_training

if TYPE_CHECKING:
    from maskwatch.training.workshop.run import Trained

Data = Annotated[Path, typer.Option(help="The labelled set, with parts train and val or without.")]
Out = Annotated[Path, typer.Option(help="The run folder: a bundle in the end.")]
Devices = Annotated[
    int, typer.Option(help="GPUs that share each batch; without any, processes.", show_default=True)
]
Name = Annotated[str | None, typer.Option(help="Of the bundle; else the run folder's.")]


@guarded
@with_training
def train(
    data: Data,
    out: Out,
    name: Name = None,
    devices: Devices = 1,
    overwrite: Overwrite = False,
    *,
    chosen: Chosen,
) -> None:
    r"""Train a mask classifier. The run folder is a bundle: use it with detect --classifier.

    A killed run goes on where it was when the same command is run again.

    \b
    Examples:
      maskwatch train --data split/ --preset mobilenetv2-avgpool --out runs/a
      maskwatch train --data split/ --backbone efficientnet_b0 --fine-tune 5 --out runs/b
      maskwatch detect photo.jpg --classifier runs/a
    """
    set_up_log()
    settings = chosen.settings()
    check_training()
    from maskwatch.training.workshop.parts import parts_of
    from maskwatch.training.workshop.run import check_room
    from maskwatch.training.workshop.run import train as run

    check_room(out, data, overwrite=overwrite)
    labelled = read(data, chosen.names)
    parts = parts_of(labelled, facts(labelled), settings.classes, settings.seed)
    tell_of(parts)
    with Bar() as bar:
        done = run(
            parts, settings, out, data=str(data), name=name or out.resolve().name,
            names=chosen.names, overwrite=overwrite, devices=devices, tell=bar.tell,
            progress=bar.shown,
        )  # fmt: skip
    _print(done, out)
    lost = {**parts.train.unreadable, **parts.val.unreadable}
    for sentence in lost.values():
        say(f"error: {sentence}")
    if parts.unreadable or lost:
        raise typer.Exit(FAILED)


def _print(done: "Trained", out: Path) -> None:
    from maskwatch.evaluation.training import about_kept

    figures = done.bundle.figures
    say(
        f"{len(done.history)} epochs in {done.seconds:.0f} s; training accuracy "
        f"{figures['train_accuracy']:.1%}; of the faces it was watched on "
        f"{figures['validation']['accuracy']:.1%} are told right, too good a figure if settings "
        "were chosen by it"
    )
    for sentence in about_kept(figures):
        say(sentence)
    say(
        f"the run is {out}; measure it on faces that it has not seen: "
        f"maskwatch evaluate {out} --data TEST-SET"
    )
