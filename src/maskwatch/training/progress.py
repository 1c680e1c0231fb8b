"""What changes while a network is trained, and its checkpoints."""

import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from maskwatch.errors import UsageError

_logger = logging.getLogger(__name__)
_SMOOTHING = 0.98

B = TypeVar("B")


class Progress:
    """A network, its running average, AdamW and a cosine schedule; saved and resumed together.

    Args:
        network: to train; moved to the GPU where there is one.
        recipe: what identifies the training, in plain values: a checkpoint of another is refused.
        learning_rate: at the top, after the warm-up.
        weight_decay: of AdamW.
        average_decay: of the running average of the weights.
        steps: of the whole training.
        warmup_steps: until the learning rate is at its top.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: dict[str, Any],
        *,
        learning_rate: float,
        weight_decay: float,
        average_decay: float,
        steps: int,
        warmup_steps: int,
    ) -> None:
        self.recipe, self.steps = recipe, steps
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device).to(memory_format=torch.channels_last).train()
        smooth = get_ema_multi_avg_fn(average_decay)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.network, multi_avg_fn=smooth, use_buffers=True)
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), learning_rate, weight_decay=weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimiser, _warm_cosine(warmup_steps, steps)
        )
        self._parts: dict[str, Any] = {
            "network": self.network,
            "average": self.average,
            "optimiser": self._optimiser,
            "schedule": self._schedule,
        }

    @property
    def result(self) -> nn.Module:
        """The averaged network, in evaluation mode."""
        module: nn.Module = self.average.module
        return module.eval()

    def run(
        self,
        checkpoint: Path,
        batch_at: Callable[[int], B],
        learn: Callable[[int, B], dict[str, float]],
        *,
        checkpoint_every: int,
    ) -> nn.Module:
        """All steps from the checkpoint on, if there is one; returns `result`.

        Args:
            checkpoint: the file.
            batch_at: makes what a step learns from, on a thread of its own, one step ahead. It
                should depend on the step alone, so that a resumed run sees the same.
            learn: takes the step and its batch, and returns its losses by name.
            checkpoint_every: steps between checkpoints.

        Raises:
            UsageError: the checkpoint is of another recipe.
        """
        first = self.resume(checkpoint)
        if first >= self.steps:
            return self.result
        means: dict[str, float] = {}
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(batch_at, first)
            for step in range(first, self.steps):
                batch = coming.result()
                coming = ahead.submit(batch_at, step + 1)
                for name, value in learn(step, batch).items():
                    before = means.get(name, value)
                    means[name] = _SMOOTHING * before + (1 - _SMOOTHING) * value
                done = step + 1
                if done % checkpoint_every == 0 or done == self.steps:
                    self.save(checkpoint, done)
                    words = ", ".join(f"{name} {value:.3f}" for name, value in means.items())
                    _logger.info("step %d of %d: %s", done, self.steps, words)
        return self.result

    def descend(self, loss: Tensor) -> None:
        """One step of gradient descent."""
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self._schedule.step()
        self.average.update_parameters(self.network)

    def save(self, path: Path, step: int) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {name: part.state_dict() for name, part in self._parts.items()}
        part_file = path.with_suffix(".part")
        torch.save({**state, "step": step, "recipe": self.recipe}, part_file)
        part_file.replace(path)

    def resume(self, path: Path) -> int:
        """Load a checkpoint if there is one; returns the step to go on from.

        Raises:
            UsageError: the checkpoint is of another recipe.
        """
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            return 0
        state = torch.load(path, weights_only=True, map_location=self.device)
        if state["recipe"] != self.recipe:
            raise UsageError(f"{path} is of another recipe; name another folder or delete it")
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        _logger.info("going on from step %d", state["step"])
        return int(state["step"])


def finished(path: Path) -> dict[str, Any]:
    """A checkpoint whose training is done: its `recipe`, and the `average` as a state.

    Raises:
        UsageError: there is none, or it is not finished.
    """
    if not path.exists():
        raise UsageError(f"{path.parent} holds no training")
    saved: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    if saved["step"] < saved["recipe"]["steps"]:
        raise UsageError(f"{path.parent} is not finished: {saved['step']} steps are done")
    return saved


def _warm_cosine(warmup_steps: int, steps: int) -> Callable[[int], float]:
    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        done = (step - warmup_steps) / max(1, steps - warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))

    return factor
