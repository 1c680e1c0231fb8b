"""The one frame loop: frames from sources through the detector into sinks."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from maskwatch.app.detector import MaskDetector
from maskwatch.app.earlier import records_of
from maskwatch.app.interrupt import HeldStack, Interrupts
from maskwatch.app.outputs import forget, open_sinks, open_windows, prepare
from maskwatch.app.settings import Settings, check_classifier
from maskwatch.app.stream import stream
from maskwatch.sources.inputs import Inputs, spell_out
from maskwatch.types import Enough, MaskState, Result


@dataclass(slots=True)
class Summary:
    """What a run did; `seconds` on the clock, `states` counts of faces, `earlier` what the runs
    that it goes on from had found."""

    pictures: int = 0
    frames: int = 0
    faces: int = 0
    states: dict[str, int] = field(default_factory=lambda: {state.value: 0 for state in MaskState})
    without_face: int = 0
    errors: int = 0
    skipped: int = 0
    resumed: int = 0
    seconds: float = 0.0
    earlier: "Summary | None" = None

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

    def add_record(self, record: dict[str, Any]) -> None:
        """Count what an earlier run wrote of a picture or frame."""
        if record["error"] is None:
            faces = record.get("faces", [])
            self.faces += len(faces)
            self.without_face += not faces
            for face in faces:
                self.states[face["state"]] += 1

    @property
    def violations(self) -> int:
        """Faces known not to be properly masked."""
        return sum(self.states[state.value] for state in MaskState if state.is_violation)

    def meets(self, fail_on: str | None) -> bool:
        """Whether what `--fail-on` names has happened, in this run or in earlier ones."""
        here = {
            None: False,
            "violation": self.violations > 0,
            "unknown": self.states[MaskState.UNKNOWN.value] > 0,
            "no-face": self.without_face > 0,
        }[fail_on]
        return here or (self.earlier is not None and self.earlier.meets(fail_on))


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
    check_classifier(settings)
    begun = time.monotonic()
    summary = summary if summary is not None else Summary()
    folders = [folder for folder in (settings.out, settings.crops) if folder is not None]
    inputs = spell_out(texts, leave_out=folders)
    work = prepare(inputs, settings)
    detector = MaskDetector(settings)
    summary.skipped, summary.resumed = inputs.skipped, len(inputs.items) - len(work.items)
    started(work)
    try:
        forget(inputs, work, settings)
        if settings.resume and settings.fail_on and settings.records is not None:
            summary.earlier = Summary()
            for record in records_of(settings.records):
                summary.earlier.add_record(record)
        _write_all(detector, work, settings, summary, on_result)
    except Enough:
        pass
    finally:
        summary.seconds = time.monotonic() - begun
    return summary


def _write_all(
    detector: MaskDetector,
    work: Inputs,
    settings: Settings,
    summary: Summary,
    on_result: Callable[[Result], None],
) -> None:
    """Write each result into all outputs or into none, then finish the outputs.

    Ctrl-C waits for the last output of a result, and for files to be finished.
    """
    with Interrupts() as interrupts, HeldStack(interrupts) as files, ExitStack() as stack:
        sinks = [files.enter_context(sink) for sink in open_sinks(settings)]
        windows = [stack.enter_context(window) for window in open_windows(settings)]
        for result in stack.enter_context(closing(stream(detector.analyse, work, settings))):
            with interrupts.held():
                shown = _blurred(result) if settings.blur else result
                for sink in sinks:
                    sink.write(shown)
                summary.add(result)
                on_result(result)
            for window in windows:  # It may wait for a key, and Ctrl-C must end that.
                window.write(shown)


def _blurred(result: Result) -> Result:
    from maskwatch.draw import blur

    if result.image is None:
        return result
    boxes = np.concatenate([result.faces.boxes, result.dropped])
    source = replace(result.source, image=blur(result.image, boxes))
    return Result(source, result.faces)
