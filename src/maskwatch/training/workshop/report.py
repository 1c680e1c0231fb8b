"""Pictures of a training, laid into its run folder: curves, the network, what it saw.

`maskwatch evaluate` puts them into its report.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from maskwatch.data.charts import write
from maskwatch.evaluation.training import COUNTS, CURVES, NETWORK, SEEN
from maskwatch.images import encode
from maskwatch.training.workshop.networks import Classifier
from maskwatch.training.workshop.parts import Parts
from maskwatch.training.workshop.samples import Samples, batches
from maskwatch.training.workshop.settings import TrainSettings
from maskwatch.types import CLASSES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROWS, _COLUMNS, _SIDE = 4, 8, 112
_COLOURS = {"train": "#0072b2", "val": "#d55e00"}


@dataclass(frozen=True, slots=True)
class Stage:
    """Part of a network: its name, what it gives (channels and side, or width), its parameters."""

    name: str
    shape: tuple[int, ...]
    parameters: int


def draw_training(
    network: Classifier,
    parts: Parts,
    settings: TrainSettings,
    history: list[dict[str, float]],
    folder: Path,
) -> None:
    """Write the pictures into a run folder.

    Raises:
        MissingExtra: matplotlib is not installed.
        SinkError: a file cannot be written.
    """
    write(folder / CURVES, lambda figure: _curves(figure, history))
    stages = stages_of(network, settings.input_size)
    write(folder / NETWORK, lambda figure: _network(figure, stages))
    write(folder / COUNTS, lambda figure: _counts(figure, parts))
    encode(seen(parts.train, settings), folder / SEEN)


def stages_of(network: Classifier, side: int) -> list[Stage]:
    """The network in a dozen parts at most: where the map's shape changes, and the head."""
    found: list[tuple[str, nn.Module, tuple[int, ...]]] = []
    hooks = []
    for name, module in network.named_modules():
        if not list(module.children()):

            def note(module: nn.Module, _: Any, output: Any, name: str = name) -> None:
                if isinstance(output, Tensor):
                    found.append((name, module, tuple(output.shape[1:])))

            hooks.append(module.register_forward_hook(note))
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 3, side, side))
    for hook in hooks:
        hook.remove()
    stages: list[Stage] = []
    for name, module, shape in found:
        if len(shape) == 3 and shape[1:] == (1, 1):  # Of squeeze-and-excitation.
            continue
        count = sum(p.numel() for p in module.parameters())
        size = shape[1:] if len(shape) == 3 else shape
        before = stages[-1].shape if stages else ()
        same = bool(stages) and size == (before[1:] if len(before) == 3 else before)
        if same:
            last = stages[-1]
            stages[-1] = Stage(last.name, shape, last.parameters + count)
        else:
            stages.append(Stage(_short(name), shape, count))
    return stages


def _short(name: str) -> str:
    part, *inner = name.split(".")
    return part if part == "head" else ".".join(inner[:2])


def seen(samples: Samples, settings: TrainSettings) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """A sheet of pictures as the training sees them, one face four times a column."""
    rng = np.random.default_rng(settings.seed)
    rows = rng.choice(len(samples), min(_COLUMNS, len(samples)), replace=False)
    small = settings.but(input_size=_SIDE)
    lines = [
        np.concatenate(list(batch.pictures), axis=1)
        for batch in batches(samples, [rows], small, change=settings.augment, draws=range(_ROWS))
        if len(batch.rows) == len(rows)
    ]
    return np.concatenate(lines, axis=0)


def _curves(figure: "Figure", history: list[dict[str, float]]) -> None:
    figure.set_size_inches(8, 3.2)
    epochs = [row["epoch"] + 1 for row in history]
    for axes, what in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        for part, colour in _COLOURS.items():
            values = [row.get(f"{part}_{what}", float("nan")) for row in history]
            axes.plot(epochs, values, color=colour, marker=".", label=part)
        axes.set(xlabel="epoch", ylabel=what)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False)


def _counts(figure: "Figure", parts: Parts) -> None:
    """Faces of each state, those learnt from beside those watched."""
    figure.set_size_inches(8, 2.4)
    axes = figure.subplots()
    states = [state.value for state in CLASSES[: parts.classes]]
    for place, (part, samples) in enumerate((("train", parts.train), ("val", parts.val))):
        counts = samples.counts(parts.classes)
        bars = axes.barh(
            np.arange(len(states)) + 0.4 * place, counts, 0.38, color=_COLOURS[part], label=part
        )
        axes.bar_label(bars, [f"{count:,}" for count in counts], padding=3)
    axes.set_yticks(np.arange(len(states)) + 0.2, states)
    axes.invert_yaxis()
    axes.set(xlabel="faces", xmargin=0.1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)


def _network(figure: "Figure", stages: list[Stage]) -> None:
    """Maps as squares as large as their side, vectors as lines; channels and parameters below."""
    figure.set_size_inches(max(6.0, 1.05 * len(stages)), 2.9)
    axes = figure.subplots()
    largest = max((stage.shape[-1] for stage in stages if len(stage.shape) == 3), default=1)
    for place, stage in enumerate(stages):
        is_map = len(stage.shape) == 3
        high = max(0.06, stage.shape[-1] / largest) if is_map else 0.5
        wide = 0.75 if is_map else 0.08
        face = "#9ecae1" if is_map else "#fdae6b"
        axes.bar(place, high, wide, bottom=-high / 2, color=face, edgecolor="#444444")
        size = f"{stage.shape[1]}x{stage.shape[2]}" if is_map else ""
        words = f"{stage.name}\n{size}\n{stage.shape[0]:,}\n{_count(stage.parameters)}"
        axes.text(place, -0.58, words.replace("\n\n", "\n"), ha="center", va="top", fontsize=7)
    axes.set(xlim=(-0.6, len(stages) - 0.4), ylim=(-1.15, 0.55))
    axes.set_title("Side, channels and parameters of each part", fontsize=9)
    axes.axis("off")


def _count(parameters: int) -> str:
    return f"{parameters / 1e6:.2f} M" if parameters >= 1e5 else f"{parameters:,}"
