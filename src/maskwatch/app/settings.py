"""Every option of the main job, once: its name, default, range and sentence of help.

This module imports nothing heavy, so that the command line can show its help at once.
"""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from maskwatch.errors import UsageError
from maskwatch.sources.stride import Stride

Device = Literal["auto", "cpu", "cuda"]
Mode = Literal["accurate", "fast"]
FailOn = Literal["violation", "unknown", "no-face"]
MAX_PIXELS = 178_956_970


def _option(default: Any, sentence: str, *flags: str, group: str, least: float | None = None,
            most: float | None = None) -> Any:  # fmt: skip
    return field(
        default=default,
        metadata={"help": sentence, "flags": flags, "group": group, "least": least, "most": most},
    )


GROUPS = _OUTPUT, _MODELS, _RUN = ("Outputs", "Models", "Run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All options; the command line, files and servers only translate theirs into these."""

    classifier: str = _option(
        "standard",
        "A shipped classifier (standard, small), or the folder of a bundle or training run.",
        group=_MODELS,
    )
    detector: str | None = _option(
        None,
        "The face detector: maskwatch, yunet, retinaface, ssd, haar or mtcnn, or the folder of a "
        "training run. (default: maskwatch, our own)",
        group=_MODELS,
    )
    mode: Mode = _option(
        "accurate",
        "Where states come from: the classifier (accurate), or the detector maskwatch's own pass "
        "(fast), without its second stage: the time does not grow with the number of faces, the "
        "false boxes do.",
        group=_MODELS,
    )
    detector_weights: Path | None = _option(
        None, "The detector's file; without it the model folders are searched.", group=_MODELS
    )
    device: Device = _option("auto", "Where the networks run.", group=_MODELS)
    threads: int = _option(
        0, "Threads of one network run; 0 takes all cores.", group=_MODELS, least=0, most=1024
    )
    long_side: int | None = _option(
        None,
        "Pictures are scaled to this longer side before faces are looked for, in pixels: larger "
        "finds smaller faces, slower. (default: 640; ssd 300)",
        group=_MODELS,
        least=32,
        most=8192,
    )
    score: float | None = _option(
        None,
        "Faces with a lower score are dropped, 0 to 1; each detector and mode has its own scale. "
        "(default: the detector's)",
        group=_MODELS,
        least=0,
        most=1,
    )
    nms: float | None = _option(
        None,
        "Of two boxes that overlap more, the weaker goes, 0 to 1. (default: the detector's)",
        group=_MODELS,
        least=0,
        most=1,
    )
    tiles: int = _option(
        1,
        "Look for far faces also in this many tiles a side of the picture (3: in 3x3); for large "
        "pictures, and slower.",
        group=_MODELS,
        least=1,
        most=16,
    )
    min_face: float = _option(
        0.0,
        "Faces with a shorter side below it are dropped, in pixels of the picture.",
        group=_MODELS,
        least=0,
    )
    unknown: float | None = _option(
        None,
        "Below this probability a state is unknown, 0 to 1; 0 never says unknown. "
        "(default: the classifier's)",
        group=_MODELS,
        least=0,
        most=1,
    )
    every: str | None = _option(
        None,
        "Of videos and cameras, every Nth frame (5) or one per time span (1s, 500ms).",
        group=_RUN,
    )
    max_seconds: float | None = _option(
        None, "Stop a video or camera after this many seconds.", group=_RUN, least=0
    )
    timeout_s: float = _option(
        10.0, "Seconds to wait for a camera or an address.", "--timeout", group=_RUN, least=0.1
    )
    max_pixels: int = _option(
        MAX_PIXELS, "Pictures with more pixels are refused unread.", group=_RUN, least=1
    )
    fail_on: FailOn | None = _option(
        None,
        "Exit with 3 if any face is a violation, if any is unknown, or if a picture has no face.",
        group=_RUN,
    )
    out: Path | None = _option(None, "Folder for annotated pictures and videos.", group=_OUTPUT)
    records: Path | None = _option(
        None, "File of JSON lines, one a picture or frame.", group=_OUTPUT
    )
    csv: Path | None = _option(
        None, "File of comma-separated values, one row a face.", group=_OUTPUT
    )
    crops: Path | None = _option(None, "Folder for every face, cut out.", group=_OUTPUT)
    crop_margin: float = _option(
        0.0,
        "How far cut faces reach beyond their box, in parts of its sides.",
        group=_OUTPUT,
        least=0,
        most=10,
    )
    blur: bool = _option(
        False, "Make faces unrecognisable in everything that is written or shown.", group=_OUTPUT
    )
    show: bool = _option(
        False, "Show results in a window: q or Esc quits, any other key goes on.", group=_OUTPUT
    )
    resume: bool = _option(
        False, "Go on where an earlier run with the same outputs stopped.", group=_OUTPUT
    )
    overwrite: bool = _option(False, "Replace outputs that are there.", group=_OUTPUT)

    def __post_init__(self) -> None:
        for name in ("detector_weights", "out", "records", "csv", "crops"):
            if isinstance(getattr(self, name), str):
                object.__setattr__(self, name, Path(getattr(self, name)))
        if isinstance(self.every, int):
            object.__setattr__(self, "every", str(self.every))
        if self.fail_on not in (None, *get_args(FailOn)):
            raise UsageError(
                f"fail_on must be {', '.join(get_args(FailOn))} or None, got {self.fail_on!r}"
            )
        for item in fields(self):
            _check_range(item.name, getattr(self, item.name), item.metadata)
        if self.resume and self.overwrite:
            raise UsageError("resume and overwrite exclude each other; choose one")
        if self.mode not in get_args(Mode):
            raise UsageError(f"mode must be {' or '.join(get_args(Mode))}, got {self.mode!r}")
        if self.device not in ("auto", "cpu", "cuda"):
            raise UsageError(f"device must be auto, cpu or cuda, got {self.device!r}")
        if self.every is not None:
            Stride.parse(self.every)

    def but(self, **changes: Any) -> "Settings":
        """These settings with some changed.

        Raises:
            UsageError: no such setting, or a value out of its range.
        """
        known = {item.name for item in fields(self)}
        for name in changes:
            if name not in known:
                raise UsageError(
                    f"there is no setting {name!r}; choose from {', '.join(sorted(known))}"
                )
        return replace(self, **changes)


def check_classifier(settings: Settings) -> None:
    """Make sure that a classifier which was chosen is asked.

    Raises:
        UsageError: states come from the detector.
    """
    if settings.mode == "fast" and settings.classifier != Settings().classifier:
        raise UsageError(
            f"the mode fast takes states from the detector and would not ask {settings.classifier}:"
            " leave the classifier out, or use the mode accurate"
        )


def _check_range(name: str, value: Any, metadata: Any) -> None:
    if value is None or isinstance(value, bool):
        return
    least, most = metadata["least"], metadata["most"]
    if (least is not None or most is not None) and not isinstance(value, int | float):
        raise UsageError(f"--{name.replace('_', '-')} must be a number, got {value!r}")
    low = least is not None and not value >= least
    high = most is not None and not value <= most
    if low or high:
        bounds = f"at least {least}" if most is None else f"between {least} and {most}"
        raise UsageError(f"--{name.replace('_', '-')} must be {bounds}, got {value}")
