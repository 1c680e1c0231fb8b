"""maskwatch replay: what a site's rules would have told for some footage."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskwatch.cli.guard import guarded, say, set_up_log
from maskwatch.cli.live.options import Camera, needs_live
from maskwatch.errors import SourceError

if TYPE_CHECKING:
    from maskwatch.app.site.tables import CameraTable, Site
    from maskwatch.events import Alert


@guarded
def replay(
    site_file: Annotated[Path, typer.Argument(help="The site file.")],
    footage: Annotated[Path, typer.Argument(help="A video.")],
    camera: Camera = None,
    json_: Annotated[bool, typer.Option("--json", help="Print alerts as JSON lines.")] = False,
) -> None:
    """Play footage through a camera's zones and rules; nobody is told, nothing is kept."""
    set_up_log()
    needs_live()
    from maskwatch.app.detector import MaskDetector
    from maskwatch.app.live.build import post_of
    from maskwatch.app.live.replay import FootageClock
    from maskwatch.app.live.replay import replay as played
    from maskwatch.app.site.footage import check_footage
    from maskwatch.app.site.load import load_site

    site = load_site(site_file)
    table = _camera_of(site, camera)
    check_footage(str(footage), expected="a video")
    clock = FootageClock()
    post = post_of(site, table, clock, run="replay")
    people: Counter[str] = Counter()
    alerts = 0
    detector = MaskDetector(site.settings)
    try:
        for _, outcome in played(post, clock, str(footage), detector, rate=table.rate):
            for alert, channels in outcome.batch.alerts:
                alerts += 1
                print(_as_json(alert, channels) if json_ else _in_words(alert, channels))
            people.update(visit.state.value for visit in outcome.visits)
    except SourceError:
        if clock.now_s:  # It breaks off.
            _sum_up(clock.now_s, people, alerts)
        raise
    _sum_up(clock.now_s, people, alerts)


def _sum_up(seconds: float, people: Counter[str], alerts: int) -> None:
    told = ", ".join(f"{count} {state}" for state, count in people.most_common()) or "nobody"
    say(f"{seconds:.1f} s watched: {people.total()} people ({told}), {alerts} alerts")


def _in_words(alert: "Alert", channels: Sequence[str]) -> str:
    told = ", ".join(channels) or "nobody"
    return f"{alert.time:7.1f} s  {alert.phase.value:6}  {alert.sentence}  -> {told}"


def _as_json(alert: "Alert", channels: Sequence[str]) -> str:
    # The footage knows no date: seconds from its start.
    times = {"time": round(alert.time, 3), "since": round(alert.since, 3)}
    return json.dumps(alert.as_json() | {"channels": channels} | times)


def _camera_of(site: "Site", name: str | None) -> "CameraTable":
    from maskwatch.errors import UsageError

    names = [camera.name for camera in site.cameras]
    if name is None and len(names) > 1:
        raise UsageError(f"the site has several cameras: --camera {' or '.join(names)}")
    if name is not None and name not in names:
        raise UsageError(f"there is no camera {name!r}; the site has {', '.join(names)}")
    return next(camera for camera in site.cameras if name in (None, camera.name))
