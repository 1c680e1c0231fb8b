"""Train a classifier that ships: python -m maskwatch.training standard --data FOLDER --out RUN."""

import argparse
import logging
from pathlib import Path

import torch

from maskwatch.data.crops import FaceCrops
from maskwatch.errors import UsageError
from maskwatch.models import bundle as bundles
from maskwatch.training.bundling import bundle_of
from maskwatch.training.fit import Recipe, Teacher, fit, teacher_from, together
from maskwatch.training.memory import keep_freed_memory
from maskwatch.training.plans import PLANS, Plan
from maskwatch.training.sets import load_crops

_logger = logging.getLogger(__name__)


def main() -> None:
    """Read the arguments, train, write the bundle."""
    arguments = _parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("maskwatch").setLevel(logging.INFO)
    keep_freed_memory()
    plan, out = PLANS[arguments.plan], arguments.out
    if plan.corrected and arguments.corrections is None:
        raise UsageError("this plan corrects labels: name the corrections' folder")
    corrections = arguments.corrections if plan.corrected else None
    crops = load_crops(out, arguments.data, corrections)
    network = _trained(plan, crops, out, arguments.weights, _teacher(plan, arguments.teacher))
    bundle = bundle_of(network, plan, crops, out, arguments.name or arguments.plan)
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
        "--teacher",
        type=Path,
        help="folder of a finished run whose answers are learnt too",
    )
    parser.add_argument("--name", help="of the bundle, instead of the plan's")
    return parser


def _teacher(plan: Plan, run: Path | None) -> Teacher | None:
    if not plan.taught:
        return None
    if run is None:
        raise UsageError("this plan learns from another run: name it with --teacher")
    return teacher_from(run)


def _trained(
    plan: Plan, crops: FaceCrops, out: Path, weights: Path | None, teacher: Teacher | None
) -> torch.nn.Module:
    def one(number: int, recipe: Recipe) -> torch.nn.Module:
        folder = out / f"training-{number}"
        return fit(crops, recipe, folder, weights=weights, teacher=teacher)

    networks = [one(i, recipe) for i, recipe in enumerate(plan.recipes)]
    return together(networks, [recipe.side for recipe in plan.recipes])


if __name__ == "__main__":
    main()
