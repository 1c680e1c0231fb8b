"""maskwatch data: make and look after labelled sets, one file a command."""

import typer

from maskwatch.cli.data.check import check
from maskwatch.cli.data.convert import convert
from maskwatch.cli.data.crop import crop
from maskwatch.cli.data.leaks import leaks
from maskwatch.cli.data.show import show
from maskwatch.cli.data.split import split
from maskwatch.cli.data.synthesize import synthesize
from maskwatch.cli.options import GroupedHelp

data_app = typer.Typer(help="Make and look after labelled sets.", no_args_is_help=True)
for command in (check, split, leaks, crop, show, convert, synthesize):
    data_app.command(cls=GroupedHelp)(command)
