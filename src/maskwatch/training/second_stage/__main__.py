"""Train a detector's second stage: python -m maskwatch.training.second_stage --first BUNDLE ..."""

import argparse
import logging
import sys
from pathlib import Path

import cv2

from maskwatch.errors import MaskwatchError, UsageError
from maskwatch.models import bundle as bundles
from maskwatch.training.detector.conventions import aligned
from maskwatch.training.detector.labels import derive_labels
from maskwatch.training.memory import keep_freed_memory
from maskwatch.training.second_stage.bundling import check_held_out, with_second_stage
from maskwatch.training.second_stage.fit import Recipe, fit
from maskwatch.training.second_stage.places import gather

_logger = logging.getLogger("maskwatch.training")  # Run as a module, it is called __main__.


def main() -> None:
    """Read the arguments, gather places, train, write the bundle.

    Raises:
        UsageError: the run folder holds a training of another recipe, or held-out pictures lack
            faces or mistakes.
        SourceError: a set or its corrections cannot be read.
        ModelError: a model's file is missing or damaged, or the exported network differs.
    """
    arguments = _parser().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("maskwatch").setLevel(logging.INFO)
    keep_freed_memory()
    cv2.setNumThreads(1)
    data, out, recipe = arguments.data, arguments.out, Recipe()
    first = bundles.read(arguments.first)
    labels = aligned(derive_labels(data, arguments.corrections, arguments.classifier, out))
    places = gather(first, data, labels, threads=2)
    _logger.info("%d places, %d of them faces", len(places), (places.targets > 0.5).sum())
    check_held_out(places)
    network = fit(places, recipe, out / "training", weights=arguments.weights)
    bundle = with_second_stage(network, recipe, places, first, data, labels, out)
    _logger.info("%s: %s, held out %s", out, bundle.second_stage, bundle.figures)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m maskwatch.training.second_stage", description=__doc__
    )
    parser.add_argument("--first", type=Path, required=True, help="bundle of the first stage")
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled sets")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run, a bundle in the end"
    )
    parser.add_argument("--weights", type=Path, help="of the backbone, from ImageNet")
    parser.add_argument(
        "--corrections", type=Path, help="folder of the corrections of the sets' labels"
    )
    parser.add_argument(
        "--classifier", default="standard", help="whose answers soften the labels' states"
    )
    return parser


if __name__ == "__main__":
    try:
        main()
    except MaskwatchError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2 if isinstance(error, UsageError) else 1)
