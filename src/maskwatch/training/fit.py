"""Fitting a classifier on cut faces: one function, read from top to bottom."""

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel

from maskwatch.data.crops import FaceCrops
from maskwatch.data.drawing import MaskCutout
from maskwatch.errors import UsageError
from maskwatch.training.augment import Batch, FaceAugmentation, real_masks, training_batch
from maskwatch.training.backbone import build, normalised
from maskwatch.training.progress import Progress, finished
from maskwatch.training.styles import mixed_styles


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides, with the data and the code, what a training gives; it is in the checkpoint.

    `early_side` is the size of the first `early_steps` steps: most of what is to be learnt needs
    fewer pixels than the last of it. `teacher_share` is the part of the loss that follows the
    teacher's answers instead of the labels, where there is a teacher and nothing was drawn onto the
    face: what was drawn is known better than any teacher knows it. `mixed_styles` is the chance of
    a step to mix the styles of its pictures (`maskwatch.training.styles`).
    """

    backbone: str = "mobilenetv2_100"
    blocks: int | None = None
    side: int = 112
    margin: float = 0.1
    steps: int = 1500
    early_side: int = 0
    early_steps: int = 0
    batch: int = 64
    learning_rate: float = 4e-4
    weight_decay: float = 0.02
    warmup_steps: int = 100
    label_smoothing: float = 0.05
    average_decay: float = 0.995
    class_shares: tuple[float, float, float] = (0.36, 0.42, 0.22)
    source_weights: tuple[float, ...] = (1.0, 0.8, 0.4)
    augmentation: FaceAugmentation = field(default_factory=FaceAugmentation)
    teacher_share: float = 0.0
    mixed_styles: float = 0.0
    seed: int = 42

    def side_at(self, step: int) -> int:
        """The pictures' size at a step."""
        return self.early_side if step < self.early_steps else self.side


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """A trained network, and how it wants its pictures."""

    network: nn.Module
    side: int
    margin: float


def fit(
    crops: FaceCrops,
    recipe: Recipe,
    folder: Path,
    *,
    weights: Path | None,
    teacher: Teacher | None = None,
    start: nn.Module | None = None,
    checkpoint_every: int = 100,
) -> nn.Module:
    """Train on the faces that are not held out and return the averaged network.

    Goes on from `folder/checkpoint.pt` where there is one; batches depend on seed and step alone,
    so a resumed run sees what an unbroken one would have seen.

    Args:
        crops: faces of all sources, held-out ones among them (they are not used here).
        recipe: how to train.
        folder: where the checkpoint lives.
        weights: a file of backbone weights, or None.
        teacher: whose answers the network also learns (Hinton et al. 2015); it sees the same
            pictures, at its own size and with its own margin.
        start: a network of the recipe's shape, whose weights this one begins with.
        checkpoint_every: steps between checkpoints.

    Raises:
        UsageError: the folder holds a training of another recipe, or the teacher sees less.
    """
    if teacher is not None and recipe.margin > teacher.margin:
        raise UsageError(
            f"the teacher sees a margin of {teacher.margin}, less than the recipe's {recipe.margin}"
        )
    if teacher is not None and recipe.early_steps:
        raise UsageError("a taught training has one size: its pictures are cut for the teacher")
    torch.manual_seed(recipe.seed)
    network = build(recipe.backbone, weights, blocks=recipe.blocks)
    if start is not None:
        network.load_state_dict(start.state_dict())
    progress = Progress(
        network,
        asdict(recipe),
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        average_decay=recipe.average_decay,
        steps=recipe.steps,
        warmup_steps=recipe.warmup_steps,
    )
    return progress.run(
        folder / "checkpoint.pt",
        _Batches(crops, recipe, teacher).at,
        lambda step, batch: {"loss": _learn(progress, recipe, step, batch, teacher)},
        checkpoint_every=checkpoint_every,
    )


def trained(training: Path) -> nn.Module:
    """The averaged network of a finished training, from its checkpoint.

    Raises:
        UsageError: there is none, or it is not finished.
    """
    saved = finished(training / "checkpoint.pt")
    recipe = saved["recipe"]
    network = build(recipe["backbone"], None, blocks=recipe.get("blocks"))
    average = AveragedModel(network, use_buffers=True)
    average.load_state_dict(saved["average"])
    module: nn.Module = average.module
    return module.eval()


class _Batches:
    """What each step sees; it depends on the recipe and the step alone."""

    def __init__(self, crops: FaceCrops, recipe: Recipe, teacher: Teacher | None) -> None:
        self._crops, self._recipe, self._teacher = crops, recipe, teacher
        self._rows = np.flatnonzero(~crops.held_out)
        self._chances = sampling_chances(
            crops.labels[self._rows], crops.sources[self._rows], recipe
        )

    @cached_property
    def _cutouts(self) -> list[MaskCutout]:
        return real_masks(self._crops) if self._recipe.augmentation.real_mask else []

    def at(self, step: int) -> Batch:
        recipe, teacher = self._recipe, self._teacher
        rng = np.random.default_rng((recipe.seed, step))
        rows = self._rows[rng.choice(len(self._rows), recipe.batch, p=self._chances)].tolist()
        return training_batch(
            self._crops,
            rows,
            side=teacher.side if teacher else recipe.side_at(step),
            margin=teacher.margin if teacher else recipe.margin,
            how=recipe.augmentation,
            rng=rng,
            cutouts=self._cutouts,
        )


def _learn(
    progress: Progress,
    recipe: Recipe,
    step: int,
    batch: Batch,
    teacher: Teacher | None,
) -> float:
    """One step of gradient descent; returns its loss."""
    # Of dropout and styles: a resumed run needs it.
    torch.manual_seed(recipe.seed * 1_000_003 + step)
    pictures, labels, drawn = (torch.from_numpy(part).to(progress.device) for part in batch)
    pixels, soft = normalised(pictures), None
    if teacher is not None:
        with torch.no_grad():
            soft = teacher.network(pixels).softmax(dim=1)
        pixels = centre_view(pixels, teacher.margin, recipe)
    mixing = recipe.mixed_styles > 0 and float(torch.rand(())) < recipe.mixed_styles
    with mixed_styles(progress.network) if mixing else nullcontext():
        logits = progress.network(pixels)
    loss = cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing, reduction="none")
    if soft is not None:
        followed = cross_entropy(logits, soft, reduction="none")
        loss = torch.where(drawn, loss, loss.lerp(followed, recipe.teacher_share))
    loss = loss.mean()
    progress.descend(loss)
    return float(loss.detach())


def centre_view(pixels: Tensor, margin: float, recipe: Recipe) -> Tensor:
    """What a network with a smaller margin sees of pictures that were cut with a larger one.

    Args:
        pixels: shape (n, 3, side, side), cut with `margin`.
        margin: as in `Recipe`.
        recipe: of the network that sees less.
    """
    side = pixels.shape[2]
    start = round(side / 2 * (1 - (1 + 2 * recipe.margin) / (1 + 2 * margin)))
    kept = side - 2 * start
    view = pixels[:, :, start : start + kept, start : start + kept]
    return nn.functional.interpolate(
        view, (recipe.side, recipe.side), mode="bilinear", antialias=True, align_corners=False
    ).contiguous(memory_format=torch.channels_last)


class Committee(nn.Module):
    """Several networks that answer together: the mean of their log-probabilities.

    Each sees the middle of the picture, as large as its own side: one the face with what is
    around it, another the face alone.

    Args:
        networks: of the same outputs.
        sides: the side of each network's input; the first sees the whole picture.
    """

    def __init__(self, networks: Sequence[nn.Module], sides: Sequence[int]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.starts = [(sides[0] - side) // 2 for side in sides]
        self.sides = list(sides)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits of shape (n, classes) for pictures (n, 3, side, side)."""
        answers = [
            network(pixels[:, :, start : start + side, start : start + side]).log_softmax(dim=1)
            for network, start, side in zip(self.networks, self.starts, self.sides, strict=True)
        ]
        return torch.stack(answers).mean(dim=0)


def averaged(networks: Sequence[nn.Module]) -> nn.Module:
    """One network with the mean of the weights of several of one origin (Wortsman et al. 2022)."""
    states = [network.state_dict() for network in networks]
    mean = {
        key: sum(state[key] for state in states) / len(states)
        if tensor.is_floating_point()
        else tensor
        for key, tensor in states[0].items()
    }
    result = copy.deepcopy(networks[0])
    result.load_state_dict(mean)
    return result.eval()


def together(networks: Sequence[nn.Module], sides: Sequence[int]) -> nn.Module:
    """One network as it is, several as a committee; in evaluation mode."""
    return (networks[0] if len(networks) == 1 else Committee(networks, sides)).eval()


def sampling_chances(
    labels: NDArray[np.int64], sources: NDArray[np.int64], recipe: Recipe
) -> NDArray[np.float64]:
    """The chance of each face to be drawn: classes by their shares, sources by their weights."""
    weights = np.array(recipe.source_weights, np.float64)
    by_source = weights[np.minimum(sources, len(weights) - 1)]
    chances = np.zeros(len(labels))
    for label, share in enumerate(recipe.class_shares):
        rows = labels == label
        if rows.any():
            chances[rows] = share * by_source[rows] / by_source[rows].sum()
    return np.asarray(chances / chances.sum())
