"""maskwatch detect: the main job."""

import json
from typing import Annotated

import typer

from maskwatch.app.settings import Settings
from maskwatch.cli.guard import FAIL_ON_MET, FAILED, guarded, set_up_log
from maskwatch.cli.options import with_settings

Inputs = Annotated[
    list[str], typer.Argument(help="Pictures, videos, folders, globs, a camera's index, a URL.")
]


@guarded
@with_settings()
def detect(
    inputs: Inputs,
    json_: Annotated[bool, typer.Option("--json", help="Print one summary as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Say everything, with tracebacks.")
    ] = False,
    *,
    settings: Settings,
) -> None:
    r"""Find faces and say how each wears its mask.

    \b
    Examples:
      maskwatch detect photo.jpg
      maskwatch detect holiday/ --out out/ --records out.jsonl --csv out.csv
      maskwatch detect street.mp4 --out out/ --every 5
      maskwatch detect 0 --show
      maskwatch detect rtsp://user:pw@host/stream --max-seconds 60 --records out.jsonl
      maskwatch detect photos/ --crops faces/ --crop-margin 0.2
      maskwatch detect ward/ --fail-on violation

    \b
    Exit codes: 0 all done, 1 something failed, 2 wrong usage, 3 --fail-on met,
    130 interrupted.
    """
    set_up_log(quiet=quiet, verbose=verbose, debug=debug)
    from maskwatch.app.loop import Summary, run
    from maskwatch.cli.memory import return_large_blocks
    from maskwatch.cli.report import Report
    from maskwatch.cli.tables import as_json, print_faces, print_summary

    return_large_blocks()
    summary = Summary()
    report = Report(quiet=quiet, show_bar=not debug)
    try:
        with report:
            run(
                inputs,
                settings,
                started=report.started,
                on_result=report.on_result,
                summary=summary,
            )
    finally:
        if json_:
            print(json.dumps(as_json(summary)))
        elif not quiet and report.last is not None:
            if report.results == 1 and report.last.error is None and report.last.source.still:
                print_faces(report.last)
            print_summary(summary)
    if summary.errors:
        raise typer.Exit(FAILED)
    if summary.meets(settings.fail_on):
        raise typer.Exit(FAIL_ON_MET)
