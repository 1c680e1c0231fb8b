"""The commands, put together."""

from typing import Annotated

import typer

from maskwatch import __version__
from maskwatch.cli.bench import bench
from maskwatch.cli.bundle import bundle_app
from maskwatch.cli.camera_check import camera_check
from maskwatch.cli.compare import compare
from maskwatch.cli.data import data_app
from maskwatch.cli.detect import detect
from maskwatch.cli.doctor import doctor
from maskwatch.cli.evaluate import evaluate
from maskwatch.cli.events import events
from maskwatch.cli.export import export
from maskwatch.cli.models import models_app
from maskwatch.cli.options import GroupedHelp
from maskwatch.cli.replay import replay
from maskwatch.cli.stats import stats
from maskwatch.cli.train import train
from maskwatch.cli.tune import tune
from maskwatch.cli.watch import watch

app = typer.Typer(
    name="maskwatch",
    help="Finds faces and says for each whether a mask is worn well, worn wrong or missing.",
    no_args_is_help=True,
    # Help drawn by rich would take as long again to start: it loads a Markdown parser.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=GroupedHelp)(detect)
app.command()(watch)
app.command()(replay)
app.command("camera-check")(camera_check)
app.command()(events)
app.command()(stats)
app.command(cls=GroupedHelp)(train)
app.command(cls=GroupedHelp)(tune)
app.command(cls=GroupedHelp)(evaluate)
app.command(cls=GroupedHelp)(compare)
app.command()(export)
app.add_typer(models_app, name="models")
app.add_typer(data_app, name="data")
app.add_typer(bundle_app, name="bundle")
app.command()(doctor)
app.command(cls=GroupedHelp)(bench)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"maskwatch {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass
