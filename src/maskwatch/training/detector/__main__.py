"""Train the face detector: python -m maskwatch.training.detector --data FOLDER --out RUN."""

import argparse
import logging
import sys
from pathlib import Path

import cv2
import torch
from torch import nn

from maskwatch.errors import MaskwatchError, UsageError
from maskwatch.training.detector.bundling import bundle_of
from maskwatch.training.detector.conventions import aligned
from maskwatch.training.detector.fit import STAGES, fit
from maskwatch.training.detector.labels import derive_labels, labels_digest
from maskwatch.training.detector.mining import mistaken_places
from maskwatch.training.detector.network import FaceNet
from maskwatch.training.detector.scenes import SceneMaker
from maskwatch.training.fit import averaged
from maskwatch.training.memory import keep_freed_memory

_logger = logging.getLogger("maskwatch.training")  # Run as a module, it is called __main__.


def main() -> None:
    """Read the arguments, derive labels, train, write the bundle.

    Raises:
        UsageError: the run folder holds a training of another recipe, or the sets have no held-out
            picture.
        SourceError: a set or its corrections cannot be read.
        ModelError: a teacher's file is missing, or the exported network differs.
    """
    arguments = _parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("maskwatch").setLevel(logging.INFO)
    keep_freed_memory()
    # Scenes are made on a thread of their own beside the network, which takes all cores.
    cv2.setNumThreads(1)
    data, out = arguments.data, arguments.out
    labels = aligned(derive_labels(data, arguments.corrections, arguments.classifier, out))
    learnt = [one for one in labels if not one.held_out]
    torch.manual_seed(STAGES["training"].seed)
    networks: list[nn.Module] = [FaceNet()]
    learnt_from = labels_digest(learnt)
    for stage, recipe in STAGES.items():
        _logger.info("%s: %d steps", stage, recipe.steps)
        mistaken = mistaken_places(networks[-1], data, learnt) if recipe.mixture.mistaken else {}
        scenes = SceneMaker(data, learnt, recipe.mixture, mistaken)
        networks.append(
            fit(scenes, recipe, out / stage, start=networks[-1], learnt_from=learnt_from)
        )
    # The last stage forgets some of what the one before knew of small faces.
    network = averaged(networks[-2:])
    bundle = bundle_of(network, tuple(STAGES.values()), data, labels, out, arguments.name)
    _logger.info(
        "%s: score %s, held-out scenes %s", out, bundle.least_score, bundle.figures["held_out"]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m maskwatch.training.detector", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled sets")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run, a bundle in the end"
    )
    parser.add_argument(
        "--corrections", type=Path, help="folder of the corrections of the sets' labels"
    )
    parser.add_argument(
        "--classifier",
        default="standard",
        help="whose answers soften the states: a shipped classifier or a run",
    )
    parser.add_argument("--name", default="maskwatch", help="of the bundle")
    return parser


if __name__ == "__main__":
    try:
        main()
    except MaskwatchError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2 if isinstance(error, UsageError) else 1)
