"""A small set whose states a network of any weights can tell apart: each of one colour."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

from maskwatch.data.facts import facts_of
from maskwatch.data.formats import read_set
from maskwatch.images import encode
from maskwatch.training.workshop.parts import Parts, parts_of
from maskwatch.training.workshop.settings import TrainSettings


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders in parts: 24 and 8 pictures of each of three states."""
    root = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    colours = {"mask": (40, 60, 220), "no_mask": (220, 170, 140), "incorrect": (30, 200, 40)}
    for part, count in (("train", 24), ("val", 8)):
        for state, colour in colours.items():
            for number in range(count):
                noise = rng.integers(-60, 60, (48, 40, 3))
                image = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
                encode(image, root / part / state / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a tiny backbone, in a file as timm would give it."""
    import timm
    import torch

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mobilenetv2_035.pth"
    torch.save(timm.create_model("mobilenetv2_035", num_classes=0).state_dict(), path)
    return path


@pytest.fixture(scope="session")
def tiny(weights: Path) -> TrainSettings:
    return TrainSettings(
        backbone="mobilenetv2_035", weights=str(weights), input_size=32, batch=8, epochs=4,
        lr=1e-2, dropout=0.1, views=2, units=(16,),
    )  # fmt: skip


@pytest.fixture
def parts(faces: Path) -> Parts:
    labelled = read_set(faces)
    return parts_of(labelled, list(facts_of([p.path for p in labelled.pictures])), 0, 42)
