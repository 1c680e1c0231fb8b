"""Fitting the face detector: one function, read from top to bottom."""

import copy
import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from maskwatch.training.detector.losses import Truth, loss_of
from maskwatch.training.detector.network import FaceNet, cells_of, flat
from maskwatch.training.detector.scenes import Mixture, Scene, SceneMaker
from maskwatch.training.progress import Progress


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides, with the data and the code, what a training gives; it is in the checkpoint.

    Every `large_every`th batch has pictures of `large_side` pixels instead of `side`, and as many
    fewer of them.
    """

    steps: int = 9000
    side: int = 320
    batch: int = 24
    large_side: int = 640
    large_every: int = 4
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 300
    average_decay: float = 0.998
    mixture: Mixture = field(default_factory=Mixture)
    seed: int = 42

    def shape_at(self, step: int) -> tuple[int, int]:
        """Pictures a batch, and their side in pixels."""
        if step % self.large_every != self.large_every - 1:
            return self.batch, self.side
        return max(1, self.batch * self.side**2 // self.large_side**2), self.large_side


STAGES = {
    "training": Recipe(),
    "finish": Recipe(
        steps=1700,
        learning_rate=8e-4,
        warmup_steps=100,
        average_decay=0.995,
        mixture=Mixture(without_aim=0.2, empty=0.3),
        seed=7,
    ),
    "more": Recipe(
        steps=13_000,
        learning_rate=1.5e-3,
        mixture=Mixture(source_weights=(0.55, 0.3, 0.15), without_aim=0.2, empty=0.15),
        seed=11,
    ),
    "mistakes": Recipe(
        steps=1600,
        learning_rate=6e-4,
        warmup_steps=50,
        average_decay=0.995,
        mixture=Mixture(source_weights=(0.55, 0.3, 0.15), without_aim=0.2, empty=0.3, mistaken=0.6),
        seed=13,
    ),
}
"""One after the other, each from the network before, with the folders that they live in. Without
tiles where nobody is, every picture on a plain ground has a face, and the network learns that the
edge of a picture is a sign of one; 9,000 steps are few; and hands are too rare in such tiles to be
told from faces."""


def fit(
    scenes: SceneMaker,
    recipe: Recipe,
    folder: Path,
    *,
    start: nn.Module | None = None,
    learnt_from: str = "",
    checkpoint_every: int = 250,
) -> nn.Module:
    """Train the detector's network and return its average.

    Goes on from `folder/checkpoint.pt` where there is one; scenes depend on seed and step alone.

    Args:
        scenes: what it learns from.
        recipe: how.
        folder: where the checkpoint lives.
        start: a network to go on with, or None for a fresh one.
        learnt_from: what tells this training's labels from others: a checkpoint of other labels, or
            of another start, is refused.
        checkpoint_every: steps between checkpoints.

    Raises:
        UsageError: the folder holds a training of another recipe.
    """
    torch.manual_seed(recipe.seed)
    progress = Progress(
        FaceNet() if start is None else copy.deepcopy(start),
        asdict(recipe) | {"origin": _origin(learnt_from, start)},
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        average_decay=recipe.average_decay,
        steps=recipe.steps,
        warmup_steps=recipe.warmup_steps,
    )

    def scenes_at(step: int) -> list[Scene]:
        count, side = recipe.shape_at(step)
        rng = np.random.default_rng((recipe.seed, step))
        return [scenes.scene(side, rng) for _ in range(count)]

    return progress.run(
        folder / "checkpoint.pt",
        scenes_at,
        lambda _, batch: _learn(progress, batch),
        checkpoint_every=checkpoint_every,
    )


def _origin(learnt_from: str, start: nn.Module | None) -> str:
    """Short, and another for other labels or another start."""
    told = hashlib.sha256(learnt_from.encode())
    for name, tensor in (start.state_dict() if start is not None else {}).items():
        told.update(name.encode() + tensor.cpu().numpy().tobytes())
    return told.hexdigest()[:12]


def _learn(progress: Progress, scenes: list[Scene]) -> dict[str, float]:
    """One step of gradient descent; the parts of its loss."""
    images = torch.from_numpy(np.stack([scene.image for scene in scenes])).to(progress.device)
    truths = [
        Truth(*(torch.from_numpy(part).to(progress.device) for part in parts))
        for parts in ((s.boxes, s.states, s.landmarks, s.ignored) for s in scenes)
    ]
    maps = progress.network(pixels_of(images))
    corners, strides = cells_of(maps)
    loss, parts = loss_of(flat(maps), corners, strides, truths)
    progress.descend(loss)
    return parts


def pixels_of(images: Tensor) -> Tensor:
    """Pictures (n, h, w, 3) of uint8 as the network's input, shape (n, 3, h, w), in 0..1."""
    return (images.float() / 255).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
