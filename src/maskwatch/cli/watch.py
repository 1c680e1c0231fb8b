"""maskwatch watch: cameras, people, alerts."""

import sys
from typing import Annotated

import typer

from maskwatch.cli.guard import FAILED, guarded, set_up_log
from maskwatch.cli.live.options import needs_live


@guarded
def watch(
    source: Annotated[
        str, typer.Argument(help="A site file (site.toml), a camera's index, an address, a video.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Only try the file, every camera and every channel.")
    ] = False,
    privacy_report: Annotated[
        bool, typer.Option("--privacy-report", help="Only say what is kept, where, how long.")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Lines instead of a dashboard.")] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log as JSON lines.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
) -> None:
    r"""Watch cameras, judge each person once, tell somebody, remember what happened.

    \b
    Examples:
      maskwatch watch 0                     one webcam, sensible defaults
      maskwatch watch site.toml             cameras, zones, rules, channels, storage
      maskwatch watch site.toml --check     try everything, tell nobody
    """
    set_up_log(verbose=verbose, as_json=log_json)
    needs_live()
    from maskwatch.app.site.load import site_of
    from maskwatch.cli.live.beforehand import show_privacy, show_trials
    from maskwatch.cli.live.running import run_watch

    site = site_of(source)
    if privacy_report:
        show_privacy(site)
        return
    if check:
        code = 0 if show_trials(site) else FAILED
    else:
        lines = plain or log_json or not sys.stderr.isatty()
        code = run_watch(site, plain=lines, as_json=log_json)
    if code:
        raise typer.Exit(code)
