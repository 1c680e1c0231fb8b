"""Fitting a classifier on cut faces: one function, read from top to bottom."""

import copy
import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from maskwatch.data.crops import FaceCrops
from maskwatch.errors import UsageError
from maskwatch.training.augment import Augmentation, training_batch
from maskwatch.training.backbone import build, normalised

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what a training gives; it travels in the checkpoint."""

    backbone: str = "mobilenetv2_100"
    side: int = 112
    margin: float = 0.1
    steps: int = 1500
    batch: int = 64
    learning_rate: float = 4e-4
    weight_decay: float = 0.02
    warmup_steps: int = 100
    label_smoothing: float = 0.05
    average_decay: float = 0.995
    class_shares: tuple[float, float, float] = (0.36, 0.42, 0.22)
    source_weights: tuple[float, ...] = (1.0, 0.8, 0.4)
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 42


def fit(
    crops: FaceCrops,
    recipe: Recipe,
    folder: Path,
    *,
    weights: Path | None,
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
        checkpoint_every: steps between checkpoints.
    """
    torch.manual_seed(recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = build(recipe.backbone, weights).to(device).to(memory_format=torch.channels_last)
    smooth = get_ema_multi_avg_fn(recipe.average_decay)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=smooth, use_buffers=True)
    optimiser = torch.optim.AdamW(
        network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _warm_cosine(recipe))
    loss_of = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    parts = {"network": network, "average": average, "optimiser": optimiser, "schedule": schedule}
    first = _resume(folder / "checkpoint.pt", parts, recipe)

    fitting = crops[np.flatnonzero(~crops.held_out)]
    chances = sampling_chances(fitting, recipe)

    def batch_of(step: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        rng = np.random.default_rng((recipe.seed, step))
        rows = rng.choice(len(fitting), recipe.batch, p=chances).tolist()
        return training_batch(
            fitting, rows, side=recipe.side, margin=recipe.margin, how=recipe.augmentation, rng=rng
        )

    network.train()
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(batch_of, first)
        for step in range(first, recipe.steps):
            torch.manual_seed(recipe.seed * 1_000_003 + step)  # Of dropout: a resumed run needs it.
            pictures, labels = coming.result()
            coming = ahead.submit(batch_of, step + 1)
            loss: Tensor = loss_of(
                network(normalised(torch.from_numpy(pictures).to(device))),
                torch.from_numpy(labels).to(device),
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            average.update_parameters(network)
            done = step + 1
            if done % checkpoint_every == 0 or done == recipe.steps:
                _save(folder / "checkpoint.pt", parts, done, recipe)
                _logger.info("step %d of %d, loss %.3f", done, recipe.steps, float(loss.detach()))
    result: nn.Module = average.module
    return result.eval()


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


def sampling_chances(crops: FaceCrops, recipe: Recipe) -> NDArray[np.float64]:
    """The chance of each face to be drawn: classes by their shares, sources by their weights."""
    weights = np.array(recipe.source_weights, np.float64)
    by_source = weights[np.minimum(crops.sources, len(weights) - 1)]
    chances = np.zeros(len(crops))
    for label, share in enumerate(recipe.class_shares):
        rows = crops.labels == label
        if rows.any():
            chances[rows] = share * by_source[rows] / by_source[rows].sum()
    return np.asarray(chances / chances.sum())


def _warm_cosine(recipe: Recipe) -> Callable[[int], float]:
    def factor(step: int) -> float:
        if step < recipe.warmup_steps:
            return (step + 1) / recipe.warmup_steps
        done = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))

    return factor


def _save(path: Path, parts: dict[str, Any], step: int, recipe: Recipe) -> None:
    state = {name: part.state_dict() for name, part in parts.items()}
    part_file = path.with_suffix(".part")
    torch.save({**state, "step": step, "recipe": asdict(recipe)}, part_file)
    part_file.replace(path)


def _resume(path: Path, parts: dict[str, Any], recipe: Recipe) -> int:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return 0
    state = torch.load(path, weights_only=True)
    if state["recipe"] != asdict(recipe):
        raise UsageError(f"{path} is of another recipe; name another folder or delete it")
    for name, part in parts.items():
        part.load_state_dict(state[name])
    _logger.info("going on from step %d", state["step"])
    return int(state["step"])
