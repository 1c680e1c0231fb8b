"""Train a classifier that ships: python -m maskwatch.training standard --data FOLDER --out RUN."""

import argparse
import logging
import sys
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path

import torch

from maskwatch.data.crops import FaceCrops
from maskwatch.errors import MaskwatchError, UsageError
from maskwatch.models import bundle as bundles
from maskwatch.training.bundling import bundle_of
from maskwatch.training.fit import Committee, Recipe, Teacher, averaged, fit, together, trained
from maskwatch.training.memory import keep_freed_memory
from maskwatch.training.plans import PLANS, Plan
from maskwatch.training.restore import restored
from maskwatch.training.sets import load_crops

_logger = logging.getLogger(__name__)


def main() -> None:
    """Read the arguments, train, write the bundle.

    Raises:
        UsageError: the plan needs corrections or a teacher that is not named, or a run folder
            holds another training.
        SourceError: a set or its corrections cannot be read.
        ModelInvalid: weights do not fit, a bundle to go on from is damaged, or the exported network
            differs from the trained one.
    """
    arguments = _parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("maskwatch").setLevel(logging.INFO)
    keep_freed_memory()
    plan, out = PLANS[arguments.plan], arguments.out
    if plan.corrected and arguments.corrections is None:
        raise UsageError("this plan corrects labels: name the corrections' folder")
    if (plan.teachers or plan.starts_as) and arguments.teachers is None:
        raise UsageError("this plan learns from other runs: name their folder with --teachers")
    corrections = arguments.corrections if plan.corrected else None

    @cache
    def crops() -> FaceCrops:
        # Late: cutting takes a minute, and most mistakes are found before it.
        return load_crops(out, arguments.data, corrections)

    names = dict.fromkeys(plan.teachers + plan.starts_as)
    runs = {name: _finished(name, arguments.teachers / name, crops) for name in names}
    taught_by = [network for name in plan.teachers for network in runs[name]]
    starts = _starts(plan, taught_by, runs)
    teacher = _teacher(plan, taught_by)

    def training(number: int, recipe: Recipe) -> torch.nn.Module:
        return fit(
            crops(),
            recipe,
            out / f"training-{number}",
            weights=arguments.weights,
            teacher=teacher if recipe.teacher_share else None,
            start=starts[number],
        ).cpu()

    network = _joined(plan, training)
    bundle = bundle_of(network, plan, crops(), out, arguments.name or arguments.plan)
    bundles.write(bundle)
    _logger.info("%s: held-out faces %s", out, bundle.figures["held_out"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m maskwatch.training", description=__doc__)
    parser.add_argument("plan", choices=PLANS)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled sets")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run, a bundle in the end"
    )
    parser.add_argument(
        "--weights", type=Path, help="safetensors of the backbone's ImageNet weights"
    )
    parser.add_argument(
        "--corrections", type=Path, help="folder of the corrections of the sets' labels"
    )
    parser.add_argument(
        "--teachers",
        type=Path,
        help="folder of finished runs, each under its plan's name, whose answers are learnt too",
    )
    parser.add_argument("--name", help="of the bundle, instead of the plan's")
    return parser


def _finished(name: str, run: Path, crops: Callable[[], FaceCrops]) -> list[torch.nn.Module]:
    """The members of a plan's run; of a bundle without its training, those in its file.

    Raises:
        UsageError: there is no such run, or it is not finished.
        ModelInvalid: the bundle is damaged or holds another network.
    """
    plan = PLANS[name]
    is_bundle_alone = (run / bundles.FILE).exists() and not (run / "training-0").exists()
    if is_bundle_alone:
        return restored(bundles.read(run).model_path, plan, crops())
    return _members(plan, lambda number, _: trained(run / f"training-{number}"))


def _starts(
    plan: Plan, taught_by: list[torch.nn.Module], runs: dict[str, list[torch.nn.Module]]
) -> list[torch.nn.Module | None]:
    """What each training of a plan begins with."""
    if plan.starts_as_their_mean:
        return [averaged(taught_by)] * len(plan.recipes)
    if not plan.starts_as:
        return [None] * len(plan.recipes)
    networks = [network for name in plan.starts_as for network in runs[name]]
    if len(networks) != len(plan.members):
        raise UsageError(
            f"{' and '.join(plan.starts_as)} give {len(networks)} networks: each of its "
            f"{len(plan.members)} members goes on from one"
        )
    return [network for network, m in zip(networks, plan.members, strict=True) for _ in m]


def _teacher(plan: Plan, networks: list[torch.nn.Module]) -> Teacher | None:
    """They answer together."""
    if not networks:
        return None
    plans = [PLANS[name] for name in plan.teachers]
    sides = [side for taught in plans for side in taught.sides]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    first = plans[0].first
    return Teacher(Committee(networks, sides).eval().to(device), first.side, first.margin)


def _joined(plan: Plan, training: Callable[[int, Recipe], torch.nn.Module]) -> torch.nn.Module:
    """The network of a plan, given that of each of its trainings."""
    return together(_members(plan, training), plan.sides)


def _members(
    plan: Plan, training: Callable[[int, Recipe], torch.nn.Module]
) -> list[torch.nn.Module]:
    numbers = count()
    return [averaged([training(next(numbers), r) for r in member]) for member in plan.members]


if __name__ == "__main__":
    try:
        main()
    except MaskwatchError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2 if isinstance(error, UsageError) else 1)
