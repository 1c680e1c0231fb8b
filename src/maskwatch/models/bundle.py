"""A bundle: a model as a folder with `bundle.json` and the files that it names."""

import json
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Literal, get_args

from maskwatch.errors import ModelInvalid, ModelNotFound
from maskwatch.images import Resampling
from maskwatch.models.files import check, sha256_of

SCHEMA = 1
FILE = "bundle.json"
TRAINING = "training.json"
"""What a run folder has from the beginning of its training."""
Crop = Literal["square", "box", "none"]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How a face, or for a detector a picture (`crop` is "none"), becomes the network's input.

    A square around the box, its side the box's longer side times (1 + 2 `margin`), is warped to
    `width` x `height` pixels; with the crop "box" it is the box itself that is squashed to them, by
    `resize`, as the classic projects do. Then (pixel - `mean`) / `std` per channel, pixels in
    0..255. A picture is scaled to a longer side of `width`, unless the user names another.
    """

    width: int = 112
    height: int = 112
    layout: Literal["nchw"] = "nchw"
    colour: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    crop: Crop = "square"
    margin: float = 0.1
    resize: Resampling = "area"


@dataclass(frozen=True, slots=True)
class UnknownRule:
    """When the state of a face is unknown: short side under `min_side` pixels, or the best
    probability under `threshold`."""

    min_side: float = 0.0
    threshold: float = 0.0


@dataclass(frozen=True, slots=True)
class SecondStage:
    """A detector's second look at its own boxes, by a network that sees each of them cut out.

    Its logit and that of the first score s, ln(s^2 / (1 - s^2)), are added with `weights` (first,
    second, constant); the root of the logistic function of the sum is the score that counts, and a
    box below `least_score` is no face. Boxes of a first score under `from_score` are left out,
    unless a lower score is asked for.
    """

    model: str
    input: InputSpec
    weights: tuple[float, float, float]
    from_score: float
    least_score: float


@dataclass(frozen=True, slots=True)
class Bundle:
    """The contents of `bundle.json`; `folder` says where it lies.

    A detector's boxes below `least_score` are no faces, unless a `second_stage` judges them.
    """

    folder: Path
    name: str
    version: str
    kind: Literal["classifier", "detector", "both"]
    input: InputSpec
    labels: tuple[str, ...]
    sha256: dict[str, str]
    model: str = "model.onnx"
    temperature: float = 1.0
    unknown: UnknownRule = field(default_factory=UnknownRule)
    least_score: float = 0.0
    second_stage: SecondStage | None = None
    licence: str = "Apache-2.0"
    data: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def model_path(self) -> Path:
        """The network's file."""
        return self.folder / self.model


def read(folder: Path) -> Bundle:
    """Read a bundle and check its files against their checksums.

    Raises:
        ModelNotFound: no bundle there.
        ModelInvalid: it is of another schema, lacks fields, or a file was changed.
    """
    path = folder / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _no_bundle(folder) from error
    except (OSError, ValueError) as error:
        raise ModelInvalid(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict) or content.pop("schema", None) != SCHEMA:
        raise ModelInvalid(f"{path} is not a bundle of schema {SCHEMA}")
    try:
        bundle = _from_json(folder, content)
        _check_fields(bundle)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ModelInvalid(f"{path} is not a bundle of schema {SCHEMA}: {error}") from error
    for name, sha256 in bundle.sha256.items():
        check(folder / name, sha256)
    return bundle


def _no_bundle(folder: Path) -> ModelNotFound:
    if (folder / TRAINING).exists():
        return ModelNotFound(
            f"the training in {folder} is unfinished, so it is no bundle yet: run the command that "
            f"began it again, with the same options (they are in {TRAINING}), and it goes on"
        )
    return ModelNotFound(f"{folder} is not a bundle: it has no {FILE}")


def _from_json(folder: Path, content: dict[str, Any]) -> Bundle:
    spec = _input_of(content.pop("input"))
    labels = tuple(content.pop("labels"))
    unknown = UnknownRule(**content.pop("unknown"))
    second = content.pop("second_stage", None)
    return Bundle(
        folder=folder,
        input=spec,
        labels=labels,
        unknown=unknown,
        second_stage=None if second is None else _second_stage_of(second),
        **content,
    )


def _input_of(spec: dict[str, Any]) -> InputSpec:
    return InputSpec(**spec | {key: tuple(spec[key]) for key in ("mean", "std")})


def _second_stage_of(content: dict[str, Any]) -> SecondStage:
    first, second, constant = content["weights"]
    changed = {"input": _input_of(content["input"]), "weights": (first, second, constant)}
    return SecondStage(**content | changed)


def _check_fields(bundle: Bundle) -> None:
    allowed = (("mask", "no_mask"), ("mask", "no_mask", "incorrect"))
    if bundle.labels not in allowed:
        raise ModelInvalid(
            f"{bundle.folder}: expected labels mask, no_mask and perhaps incorrect, in that order, "
            f"got {', '.join(bundle.labels)}"
        )
    second = bundle.second_stage
    for name in (bundle.model, *([] if second is None else [second.model])):
        if name not in bundle.sha256:
            raise ModelInvalid(f"{bundle.folder}: sha256 does not name {name}")
    _check_input(bundle.folder, bundle.input)
    if second is not None:
        _check_input(bundle.folder, second.input)
        _check_second_stage(bundle, second)
    if not bundle.temperature > 0:
        raise ModelInvalid(
            f"{bundle.folder}: temperature must be above 0, got {bundle.temperature}"
        )


def _check_second_stage(bundle: Bundle, second: SecondStage) -> None:
    if bundle.kind == "classifier" or second.input.crop != "square":
        raise ModelInvalid(
            f"{bundle.folder}: a second stage belongs to a detector and cuts squares, got "
            f"{bundle.kind} and {second.input.crop}"
        )
    numbers = (*second.weights, second.from_score, second.least_score)
    if not all(isfinite(number) for number in numbers):
        raise ModelInvalid(f"{bundle.folder}: the numbers of its second stage must be finite")


def _check_input(folder: Path, spec: InputSpec) -> None:
    if spec.width != spec.height or spec.layout != "nchw":
        raise ModelInvalid(f"{folder}: only square inputs in the layout nchw are known")
    if spec.crop not in get_args(Crop) or spec.resize not in get_args(Resampling):
        raise ModelInvalid(
            f"{folder}: crops {', '.join(get_args(Crop))} and resizes "
            f"{', '.join(get_args(Resampling))} are known, got {spec.crop} and {spec.resize}"
        )
    if len(spec.mean) != 3 or len(spec.std) != 3 or not all(spec.std):
        raise ModelInvalid(f"{folder}: mean and std must have three numbers each")


def write(bundle: Bundle) -> None:
    """Write `bundle.json` beside the files that it names, with their checksums of now."""
    content = {"schema": SCHEMA, **asdict(bundle)}
    del content["folder"]
    second = [] if bundle.second_stage is None else [bundle.second_stage.model]
    content["sha256"] = {
        name: sha256_of(bundle.folder / name)
        for name in sorted({bundle.model, *second, *bundle.sha256})
    }
    text = json.dumps(content, indent=2) + "\n"
    part = bundle.folder / f".{FILE}.part"
    part.write_text(text, encoding="utf-8")
    part.replace(bundle.folder / FILE)
