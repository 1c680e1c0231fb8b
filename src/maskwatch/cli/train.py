"""maskwatch train: a classifier of one's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskwatch.cli.data.options import Overwrite, facts, read
from maskwatch.cli.guard import FAILED, guarded, say, set_up_log
from maskwatch.cli.training import Chosen, with_training

if TYPE_CHECKING:
    from maskwatch.training.workshop.parts import Parts
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


def check_training() -> None:
    """Say what is missing before anything is read.

    Raises:
        MissingExtra: the extra train is not installed.
    """
    from importlib.util import find_spec

    from maskwatch.errors import MissingExtra

    missing = [name for name in ("torch", "timm", "lightning") if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"training needs an extra ({', '.join(missing)} missing): "
            "pip install 'maskwatch[train]'"
        )


def tell_of(parts: "Parts") -> None:
    for sentence in parts.unreadable:
        say(f"error: {sentence}")
    for sentence in parts.notes:
        say(f"note: {sentence}")
    copies = parts.leaks["exact"] + parts.leaks["near"]
    if copies:
        share = copies / parts.leaks["pictures"]
        say(
            f"warning: {copies} of {parts.leaks['pictures']} validation pictures ({share:.1%}) "
            "have a twin in training: their figures are too good; maskwatch data split keeps "
            "twins together"
        )


class Bar:
    """A bar on stderr for what comes before the training itself, where that is a terminal."""

    def __enter__(self) -> "Bar":
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self.shown = console.is_terminal
        self._progress = Progress(console=console, transient=True, disable=not self.shown)
        self._tasks: dict[str, Any] = {}
        self._progress.start()
        return self

    def tell(self, what: str, count: int, total: int) -> None:
        """So many more pictures of `total` are done; the last one closes the bar."""
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.advance(self._tasks[what], count)
        if self._progress.finished:
            self._progress.stop()

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _print(done: "Trained", out: Path) -> None:
    bundle, last = done.bundle, done.history[-1]
    figures = bundle.figures["validation"]
    say(
        f"{len(done.history)} epochs in {done.seconds:.0f} s; training accuracy "
        f"{last['train_accuracy']:.1%}; of the faces it was watched on {figures['accuracy']:.1%} "
        "are told right, too good a figure if settings were chosen by it"
    )
    say(f"the run is {out}; measure it on faces that it has not seen: maskwatch evaluate {out}")
