"""Does everything that a site file names work? Found out without telling anybody."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from maskwatch.alerts.open import AnyChannel, probe
from maskwatch.app.detector import MaskDetector
from maskwatch.app.live.build import spec_of
from maskwatch.app.site.tables import Site
from maskwatch.errors import MaskwatchError, SourceError
from maskwatch.sources.opening import CameraSpec, open_frames
from maskwatch.store.eventstore import EventStore

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Trial:
    """What trying one part came to."""

    part: str
    name: str
    good: bool
    text: str


def trials(site: Site) -> Iterator[Trial]:
    """Try the models, the database, each camera and each channel; many at once."""
    tries: list[tuple[str, str, Callable[[], str]]] = [
        ("models", site.settings.classifier, lambda: _models(site)),
        ("database", "events", lambda: _database(site)),
    ]
    tries += [("camera", c.name, lambda c=c: _camera(spec_of(c))) for c in site.cameras]  # type: ignore[misc]
    tries += [("channel", c.name, lambda c=c: _channel(c)) for c in site.channels]  # type: ignore[misc]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(lambda one: _tried(*one), tries)


def _tried(part: str, name: str, attempt: Callable[[], str]) -> Trial:
    try:
        return Trial(part, name, True, attempt())
    except MaskwatchError as error:
        return Trial(part, name, False, str(error))


def _models(site: Site) -> str:
    MaskDetector(site.settings)
    return "opened"


def _database(site: Site) -> str:
    with EventStore(site.storage.events) as store:
        return f"{store.shown}, {store.size_bytes() / 1e6:.1f} MB"


def _camera(spec: CameraSpec) -> str:
    frames = open_frames(spec)
    try:
        for _, pixels in frames:
            height, width = pixels().shape[:2]
            return f"{spec.shown} sends {width}x{height}"
        raise SourceError(f"{spec.shown} has no frame that can be decoded")
    finally:
        frames.close()


def _channel(options: AnyChannel) -> str:
    probe(options)
    return f"{options.type} can be reached"
