"""maskwatch camera-check: is this camera fit for the work, and what to move."""

import json
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from maskwatch.cli.guard import FAILED, guarded, set_up_log
from maskwatch.cli.live.options import needs_live

if TYPE_CHECKING:
    from maskwatch.app.live.camera_check import Finding


@guarded
def camera_check(
    source: Annotated[str, typer.Argument(help="A camera's index, an address, or a video.")],
    seconds: Annotated[float, typer.Option(min=1, help="How long to look.")] = 60.0,
    json_: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look at a minute of a camera: are faces large, lit, sharp and frontal enough?

    Exit code 1 if something should be moved or changed.
    """
    set_up_log()
    needs_live()
    from maskwatch.app.site.footage import check_footage

    check_footage(source, expected="the index of a camera, an address (rtsp://...) or a video")
    found = _findings(source, seconds)
    if json_:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table("", "what", "seen", "what to do")
        for finding in found:
            mark, style = ("✓", "green") if finding.good else ("✗", "red")
            table.add_row(mark, finding.name, finding.text, finding.advice or "", style=style)
        Console(markup=False).print(table)
    if not all(finding.good for finding in found):
        raise typer.Exit(FAILED)


def _findings(source: str, seconds: float) -> "list[Finding]":
    from maskwatch.app.detector import MaskDetector
    from maskwatch.app.live.camera_check import FaceLooks, findings, looks_of
    from maskwatch.errors import SourceError
    from maskwatch.sources.cameras import LiveCamera
    from maskwatch.sources.opening import CameraSpec

    detector = MaskDetector()
    arrived = threading.Event()
    camera = LiveCamera(CameraSpec(name="camera", source=source), arrived)
    looks: list[FaceLooks] = []
    frames, begun_s = 0, time.monotonic()
    camera.start()
    try:
        while time.monotonic() - begun_s < seconds and not camera.ended:
            arrived.wait(0.2)
            arrived.clear()
            taken = camera.take()
            if taken is not None:
                frames += 1
                looks += looks_of(detector.analyse([taken[0]])[0])
            elif not camera.up:
                raise SourceError(camera.error or f"no picture from {camera.spec.shown}")
    finally:
        camera.stop()
        camera.join(2)
    if not frames:
        raise SourceError(camera.error or f"no picture from {camera.spec.shown}")
    return findings(looks, frames=frames, seconds=time.monotonic() - begun_s)
