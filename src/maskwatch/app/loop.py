"""The one frame loop: frames from sources through the detector into sinks."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from maskwatch.app.detector import MaskDetector
from maskwatch.app.outputs import forget, open_sinks, prepare
from maskwatch.app.settings import Settings
from maskwatch.draw import blur
from maskwatch.pipeline.ahead import ahead
from maskwatch.pipeline.groups import groups
from maskwatch.sinks.window import WindowClosed
from maskwatch.sources.inputs import Inputs, spell_out
from maskwatch.sources.read import ReadOptions, read_frames
from maskwatch.sources.stride import Stride
from maskwatch.types import MaskState, Result

_GROUP = 4
"""Frames whose faces share a batch: more gains nothing on CPUs and takes memory."""


@dataclass(slots=True)
class Summary:
    """What a run did; `seconds` on the clock, `states` counts of faces."""

    pictures: int = 0
    frames: int = 0
    faces: int = 0
    states: dict[str, int] = field(default_factory=lambda: {state.value: 0 for state in MaskState})
    without_face: int = 0
    errors: int = 0
    skipped: int = 0
    resumed: int = 0
    seconds: float = 0.0

    def add(self, result: Result) -> None:
        """Count one result."""
        if result.error is not None:
            self.errors += 1
            return
        self.pictures += result.source.still
        self.frames += not result.source.still
        self.without_face += not len(result.faces)
        self.faces += len(result.faces)
        for state in MaskState:
            self.states[state.value] += result.faces.count(state)

    @property
    def violations(self) -> int:
        """Faces known not to be properly masked."""
        return sum(self.states[state.value] for state in MaskState if state.is_violation)

    def meets(self, fail_on: str | None) -> bool:
        """Whether what `--fail-on` names has happened."""
        return {
            None: False,
            "violation": self.violations > 0,
            "unknown": self.states[MaskState.UNKNOWN.value] > 0,
            "no-face": self.without_face > 0,
        }[fail_on]


def results(
    detector: MaskDetector, texts: Sequence[str], *, leave_out: Collection[Path] = ()
) -> Iterator[Result]:
    """The results of all inputs, in their order, as they come."""
    yield from _results(detector, spell_out(texts, leave_out=leave_out))


def _results(detector: MaskDetector, inputs: Inputs) -> Iterator[Result]:
    live = any(item.is_live for item in inputs.items)
    frames = read_frames(inputs.items, _read_options(detector.settings))
    if not live:  # A camera's frames must not wait in line: it keeps the newest itself.
        frames = ahead(frames, size_of=lambda frame: frame.nbytes)

    def analysed() -> Iterator[Result]:
        with closing(frames):  # type: ignore[type-var]
            for group in groups(frames, _GROUP):
                yield from detector.analyse(group)

    yield from ahead(analysed(), size_of=lambda result: result.nbytes, most_items=1 if live else 8)


def run(
    texts: Sequence[str],
    settings: Settings,
    *,
    started: Callable[[Inputs], None] = lambda inputs: None,
    on_result: Callable[[Result], None] = lambda result: None,
    summary: Summary | None = None,
) -> Summary:
    """Do the main job: read the inputs, judge the faces, write the outputs.

    Args:
        texts: files, folders, globs, camera indices, addresses.
        settings: all options.
        started: called with the inputs once they are known.
        on_result: called after each result was written.
        summary: counted into, so that an interrupted caller still has the figures.

    Raises:
        UsageError: options that do not fit, or outputs that exist and would be replaced.
        ModelError: a model is missing or damaged.
        SinkError: an output cannot be written; what was written before stays valid.
    """
    begun = time.monotonic()
    summary = summary if summary is not None else Summary()
    folders = [folder for folder in (settings.out, settings.crops) if folder is not None]
    inputs = spell_out(texts, leave_out=folders)
    work = prepare(inputs, settings)
    detector = MaskDetector(settings)
    summary.skipped, summary.resumed = inputs.skipped, len(inputs.items) - len(work.items)
    started(work)
    try:
        with ExitStack() as stack:
            forget(inputs, work, settings)
            sinks = [stack.enter_context(sink) for sink in open_sinks(settings)]
            coming = stack.enter_context(closing(_results(detector, work)))  # type: ignore[type-var]
            for result in coming:
                shown = _blurred(result) if settings.blur else result
                for sink in sinks:
                    sink.write(shown)
                summary.add(result)
                on_result(result)
    except WindowClosed:
        pass
    finally:
        summary.seconds = time.monotonic() - begun
    return summary


def _blurred(result: Result) -> Result:
    if result.image is None:
        return result
    source = replace(result.source, image=blur(result.image, result.faces.boxes))
    return Result(source, result.faces)


def _read_options(settings: Settings) -> ReadOptions:
    return ReadOptions(
        stride=Stride.parse(settings.every),
        max_seconds=settings.max_seconds,
        timeout_s=settings.timeout_s,
        max_pixels=settings.max_pixels,
    )
