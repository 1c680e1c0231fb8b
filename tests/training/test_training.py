"""A tiny training, from photos to a bundle that the detector uses."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from maskwatch import MaskDetector  # noqa: E402
from maskwatch.data.crops import FaceCrops  # noqa: E402
from maskwatch.data.drawing import MaskStyle, Placement, draw_mask  # noqa: E402
from maskwatch.errors import ModelInvalid, UsageError  # noqa: E402
from maskwatch.training import __main__ as command  # noqa: E402
from maskwatch.training.augment import PLAIN, Augmentation, training_batch  # noqa: E402
from maskwatch.training.backbone import build, load_backbone  # noqa: E402
from maskwatch.training.export import export_onnx, fit_temperature, fit_threshold  # noqa: E402
from maskwatch.training.fit import (  # noqa: E402
    Recipe,
    averaged,
    fit,
    sampling_chances,
)
from maskwatch.types import CLASSES, Image  # noqa: E402
from tests.conftest import LANDMARKS, FixedDetector  # noqa: E402

TINY = Recipe(
    backbone="mobilenetv2_035", side=32, steps=6, batch=8, warmup_steps=2, augmentation=PLAIN
)


@pytest.fixture(scope="module")
def crops(astronaut: Image) -> FaceCrops:
    """The astronaut's face 60 times: bare, and with drawn masks in many colours."""
    rng = np.random.default_rng(0)
    corner, zoom = np.array([126, 23], np.float32), 1.0
    images, labels = [], []
    for i in range(60):
        placement = (None, *Placement)[i % 4]
        style = MaskStyle(tuple(int(v) for v in rng.integers(0, 255, 3)))  # type: ignore[arg-type]
        whole = (
            astronaut if placement is None else draw_mask(astronaut, LANDMARKS, placement, style)
        )
        images.append(whole[23 : 23 + 192, 126 : 126 + 192])
        labels.append(1 if placement is None else CLASSES.index(placement.state))
    box = (np.array([178, 63, 270, 175], np.float32).reshape(2, 2) - corner) * zoom
    return FaceCrops(
        images=np.stack(images),
        boxes=np.tile(box.reshape(1, 1, 4), (60, 2, 1)),
        landmarks=np.tile((LANDMARKS - corner)[None], (60, 1, 1)),
        labels=np.array(labels),
        sources=np.arange(60) % 3,
        held_out=np.arange(60) % 8 == 0,
        names=np.array([f"{i}.jpg" for i in range(60)]),
        places=np.tile(np.array([178, 63, 270, 175], np.float32), (60, 1)),
    )


def test_a_resumed_run_is_the_unbroken_one(
    crops: FaceCrops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(crops, TINY, tmp_path / "whole", weights=None)

    class Killed(Exception):
        pass

    from maskwatch.training import fit as module

    original = module._State.save

    def save_and_die(state: module._State, path: Path, step: int) -> None:
        original(state, path, step)
        if step == 2:
            raise Killed

    monkeypatch.setattr(module._State, "save", save_and_die)
    with pytest.raises(Killed):
        fit(crops, TINY, tmp_path / "broken", weights=None, checkpoint_every=2)
    monkeypatch.undo()
    resumed = fit(crops, TINY, tmp_path / "broken", weights=None, checkpoint_every=2)
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(tensor.float(), resumed.state_dict()[name].float(), atol=1e-5), name


def test_export_gives_a_bundle_that_the_detector_uses(
    crops: FaceCrops, tmp_path: Path, astronaut: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    crops.save(out / "faces.npz")
    monkeypatch.setattr(command, "RECIPES", (TINY, replace(TINY, seed=2)))
    monkeypatch.setattr(
        sys, "argv", ["training", "--data", str(tmp_path), "--out", str(out), "--name", "tiny"]
    )
    command.main()
    bundle = json.loads((out / "bundle.json").read_text())
    assert bundle["name"] == "tiny"
    assert bundle["input"]["width"] == 32
    assert sum(bundle["figures"]["held_out"]["support"]) == int(crops.held_out.sum())
    (face,) = MaskDetector(detector=FixedDetector(), classifier=str(out))(astronaut)
    assert face.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_a_checkpoint_of_another_recipe_is_refused(crops: FaceCrops, tmp_path: Path) -> None:
    fit(crops, replace(TINY, steps=1), tmp_path, weights=None)
    with pytest.raises(UsageError, match="of another recipe"):
        fit(crops, TINY, tmp_path, weights=None)


def test_the_average_of_networks() -> None:
    one, two = build("mobilenetv2_035", None), build("mobilenetv2_035", None)
    mean = averaged([one, two]).state_dict()["conv_stem.weight"]
    weights = [network.state_dict()["conv_stem.weight"] for network in (one, two)]
    assert torch.allclose(mean, (weights[0] + weights[1]) / 2)


def test_an_export_that_differs_is_refused(tmp_path: Path) -> None:
    class Restless(torch.nn.Module):
        """Trained and exported, it gives other answers: its noise is not in the graph."""

        def forward(self, pixels: "torch.Tensor") -> "torch.Tensor":
            return pixels.mean(dim=(2, 3)) + (0.0 if torch.compiler.is_exporting() else 1.0)

    with pytest.raises(ModelInvalid, match="differs from PyTorch by"):
        export_onnx(Restless(), tmp_path / "model.onnx", 32)


def test_backbone_weights_are_matched_by_order_and_shape() -> None:
    network = build("mobilenetv2_035", None)
    donor = build("mobilenetv2_035", None)
    theirs, counts = {}, 0
    for key, tensor in donor.state_dict().items():
        if key.startswith("classifier."):
            continue
        leaf = key.rsplit(".", 1)[1]
        counts += leaf == "weight"
        theirs[f"{counts}.{leaf}"] = tensor
    load_backbone(network, theirs, "donor")
    assert torch.equal(
        network.state_dict()["conv_stem.weight"], donor.state_dict()["conv_stem.weight"]
    )
    assert torch.equal(
        network.state_dict()["bn2.running_var"], donor.state_dict()["bn2.running_var"]
    )
    theirs.pop("1.weight")
    with pytest.raises(ModelInvalid, match="does not hold the layers"):
        load_backbone(network, theirs, "donor")


def test_the_head_starts_undecided() -> None:
    logits = build("mobilenetv2_035", None).eval()(torch.randn(2, 3, 32, 32))
    assert logits.softmax(1).max() < 0.6


def test_plain_batches_show_the_labelled_box(crops: FaceCrops) -> None:
    rng = np.random.default_rng(0)
    pictures, labels = training_batch(crops, range(4), side=64, margin=0.1, how=PLAIN, rng=rng)
    assert pictures.shape == (4, 64, 64, 3)
    assert labels.tolist() == crops.labels[:4].tolist()
    again, _ = training_batch(crops, range(4), side=64, margin=0.1, how=PLAIN, rng=rng)
    assert np.array_equal(pictures, again)


def test_drawn_masks_change_the_label_with_the_picture(crops: FaceCrops) -> None:
    how = Augmentation(0, 0, 0, 0, 0, drawn_mask=1.0, erase=0)
    bare = [int(row) for row in np.flatnonzero(crops.labels == 1)]
    _, labels = training_batch(
        crops, bare, side=64, margin=0.1, how=how, rng=np.random.default_rng(0)
    )
    assert set(labels.tolist()) == {0, 2}


def test_every_augmentation_gives_pictures(crops: FaceCrops) -> None:
    how = Augmentation(0.1, 0.3, 30, 1, 1, 1, 1)
    rng = np.random.default_rng(0)
    pictures, _ = training_batch(crops, [0, 1, 2] * 40, side=48, margin=0.1, how=how, rng=rng)
    assert pictures.shape == (120, 48, 48, 3)
    assert pictures.dtype == np.uint8


def test_classes_come_in_their_shares(crops: FaceCrops) -> None:
    chances = sampling_chances(crops, Recipe(class_shares=(0.2, 0.3, 0.5)))
    shares = [chances[crops.labels == label].sum() for label in range(3)]
    assert shares == pytest.approx([0.2, 0.3, 0.5])


def test_temperature_and_threshold() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 4000)
    honest = np.log(np.full((4000, 3), 0.1, np.float32))
    told = np.where(rng.random(4000) < 0.8, truth, rng.integers(0, 3, 4000))
    honest[np.arange(4000), told] = np.log(0.8)
    assert fit_temperature(honest * 3, truth) == pytest.approx(3, rel=0.2)
    table = np.exp(honest)
    assert fit_threshold(table, truth, most_wrong=1.0) == 0.34
    assert fit_threshold(table, truth, most_wrong=0.0) == 0.9
