"""A tiny training, from photos to a bundle that the detector uses."""

import json
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from maskwatch import MaskDetector  # noqa: E402
from maskwatch.boxes import squares  # noqa: E402
from maskwatch.data.crops import FaceCrops  # noqa: E402
from maskwatch.data.drawing import MaskStyle, Placement, draw_mask  # noqa: E402
from maskwatch.errors import ModelInvalid, UsageError  # noqa: E402
from maskwatch.images import warp_crops  # noqa: E402
from maskwatch.training import __main__ as command  # noqa: E402
from maskwatch.training.augment import (  # noqa: E402
    PLAIN,
    FaceAugmentation,
    real_masks,
    training_batch,
)
from maskwatch.training.backbone import build, load_backbone, normalised  # noqa: E402
from maskwatch.training.bundling import logits_of  # noqa: E402
from maskwatch.training.export import export_onnx, fit_temperature, fit_threshold  # noqa: E402
from maskwatch.training.fit import (  # noqa: E402
    Recipe,
    Teacher,
    averaged,
    centre_view,
    fit,
    sampling_chances,
    together,
    trained,
)
from maskwatch.training.plans import Plan  # noqa: E402
from maskwatch.training.progress import Progress  # noqa: E402
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
    recipe = replace(TINY, mixed_styles=0.5)
    whole = fit(crops, recipe, tmp_path / "whole", weights=None)

    class Killed(Exception):
        pass

    original = Progress.save

    def save_and_die(progress: Progress, path: Path, step: int) -> None:
        original(progress, path, step)
        if step == 2:
            raise Killed

    monkeypatch.setattr(Progress, "save", save_and_die)
    with pytest.raises(Killed):
        fit(crops, recipe, tmp_path / "broken", weights=None, checkpoint_every=2)
    monkeypatch.undo()
    resumed = fit(crops, recipe, tmp_path / "broken", weights=None, checkpoint_every=2)
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(tensor.float(), resumed.state_dict()[name].float(), atol=1e-5), name


def train(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["training", *map(str, words)])
    command.main()


def test_a_plan_gives_a_bundle_that_the_detector_uses(
    crops: FaceCrops, tmp_path: Path, astronaut: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = {
        "teacher": Plan(((TINY,), (replace(TINY, seed=2), replace(TINY, seed=3))), corrected=False),
        "small": Plan(
            ((replace(TINY, side=24, margin=0.0, teacher_share=0.5),),),
            teachers=("teacher",),
            corrected=False,
        ),
        "standard": Plan(
            ((replace(TINY, teacher_share=0.5),),),
            teachers=("teacher", "small"),
            starts_as_their_mean=True,
            corrected=False,
        ),
    }
    monkeypatch.setattr(command, "PLANS", plans)
    for name, more in (
        ("teacher", ()),
        ("small", ("--teachers", tmp_path)),
        ("standard", ("--teachers", tmp_path)),
    ):
        out = tmp_path / name
        out.mkdir()
        crops.save(out / "faces-as-published.npz")
        train(monkeypatch, name, "--data", tmp_path, "--out", out, "--name", "tiny", *more)
        bundle = json.loads((out / "bundle.json").read_text())
        assert bundle["name"] == "tiny"
        assert bundle["input"]["width"] == plans[name].recipes[0].side
        assert sum(bundle["figures"]["held_out"]["support"]) == int(crops.held_out.sum())
        (face,) = MaskDetector(detector=FixedDetector(), classifier=str(out))(astronaut)
        assert face.probabilities.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("members", [1, 2])
def test_a_plan_goes_on_from_a_bundle_without_its_training(
    crops: FaceCrops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: int
) -> None:
    first = replace(TINY, side=36, margin=0.2, steps=30, learning_rate=3e-3, average_decay=0.5)
    both = (first, replace(first, side=26, margin=0.0, seed=5))[:members]
    again = tuple((replace(recipe, steps=1, learning_rate=1e-7),) for recipe in both)
    plans = {
        "first": Plan(tuple((recipe,) for recipe in both), corrected=False, quantised=False),
        "again": Plan(again, starts_as=("first",), corrected=False, quantised=False),
        "odd": Plan((*again, *again), starts_as=("first",), corrected=False, quantised=False),
    }
    monkeypatch.setattr(command, "PLANS", plans)

    def trained_as(name: str) -> Path:
        out = tmp_path / name
        out.mkdir()
        crops.save(out / "faces-as-published.npz")
        train(monkeypatch, name, "--data", tmp_path, "--out", out, "--teachers", tmp_path)
        return out / "model.onnx"

    before = trained_as("first")
    for training in before.parent.glob("training-*"):
        shutil.rmtree(training)
    told = [logits_of(file, crops, first) for file in (before, trained_as("again"))]
    # One step moves the statistics of its batch norms a little.
    assert np.corrcoef(told[0].ravel(), told[1].ravel())[0, 1] > 0.9
    with pytest.raises(UsageError, match=f"each of its {2 * members} members goes on from one"):
        trained_as("odd")


def test_a_taught_plan_needs_a_finished_teacher(
    crops: FaceCrops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops.save(tmp_path / "faces-as-published.npz")
    plan = Plan(((TINY,),), teachers=("teacher",), corrected=False)
    monkeypatch.setattr(command, "PLANS", {"small": plan, "teacher": plan})
    words = ("small", "--data", tmp_path, "--out", tmp_path)
    with pytest.raises(UsageError, match="name their folder with --teachers"):
        train(monkeypatch, *words)
    training = tmp_path / "teacher" / "training-0"
    with pytest.raises(UsageError, match="holds no training"):
        train(monkeypatch, *words, "--teachers", tmp_path)
    fit(crops, replace(TINY, steps=1), training, weights=None)
    saved = torch.load(training / "checkpoint.pt", weights_only=True)
    torch.save({**saved, "step": 0}, training / "checkpoint.pt")
    with pytest.raises(UsageError, match="is not finished: 0 steps"):
        train(monkeypatch, *words, "--teachers", tmp_path)


def test_what_is_drawn_is_learnt_from_the_label_alone(crops: FaceCrops, tmp_path: Path) -> None:
    class Wrong(torch.nn.Module):
        """A teacher that calls everything incorrect."""

        def forward(self, pixels: "torch.Tensor") -> "torch.Tensor":
            return torch.tensor([-20.0, -20.0, 20.0]).repeat(len(pixels), 1)

    bare = crops[np.flatnonzero(crops.labels == 1)]
    recipe = replace(TINY, steps=30, learning_rate=3e-3, average_decay=0.5, teacher_share=1.0)
    told = []
    for name, thing in (("plain", 0.0), ("drawn", 1.0)):
        how = replace(PLAIN, drawn_thing=thing)
        teacher = Teacher(Wrong(), 32, 0.1)
        network = fit(
            bare, replace(recipe, augmentation=how), tmp_path / name, weights=None, teacher=teacher
        ).cpu()
        rng = np.random.default_rng(0)
        pictures, *_ = training_batch(bare, range(8), side=32, margin=0.1, how=how, rng=rng)
        told.append(network(normalised(torch.from_numpy(pictures))).argmax(1).tolist())
    assert told == [[2] * 8, [1] * 8]


def test_a_plan_that_corrects_labels_needs_the_corrections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="corrects labels"):
        train(monkeypatch, "teacher", "--data", tmp_path, "--out", tmp_path)


def test_a_committee_of_different_eyes_is_refused() -> None:
    with pytest.raises(UsageError, match="at one size"):
        Plan(((TINY,), (replace(TINY, side=64),)))
    with pytest.raises(UsageError, match="can be averaged"):
        Plan(((TINY, replace(TINY, side=64)),))
    with pytest.raises(UsageError, match="the widest view comes first"):
        Plan(((TINY,), (replace(TINY, side=40, margin=0.25),)))


def test_a_teacher_that_sees_less_is_refused(crops: FaceCrops, tmp_path: Path) -> None:
    teacher = Teacher(build("mobilenetv2_035", None), 32, 0.05)
    with pytest.raises(UsageError, match="the teacher sees a margin of 0.05"):
        fit(crops, TINY, tmp_path, weights=None, teacher=teacher)
    growing = replace(TINY, margin=0.05, early_side=16, early_steps=1)
    with pytest.raises(UsageError, match="has one size"):
        fit(crops, growing, tmp_path, weights=None, teacher=teacher)


def test_a_finished_training_is_read_again(
    crops: FaceCrops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(TINY, steps=2, blocks=5)
    network = fit(crops, recipe, tmp_path / "training-0", weights=None)
    # Nothing is left to learn: no face is looked at again.
    monkeypatch.setattr("maskwatch.training.fit.training_batch", None)
    fit(crops, recipe, tmp_path / "training-0", weights=None)
    pixels, again = torch.randn(2, 3, 32, 32), trained(tmp_path / "training-0")
    assert torch.allclose(again(pixels), network(pixels), atol=1e-6)


def test_a_cut_network_keeps_its_first_blocks() -> None:
    torch.manual_seed(0)
    whole, cut = (build("mobilenetv2_035", None, blocks=blocks) for blocks in (None, 5))
    assert sum(len(stage) for stage in cut.blocks) == 5
    assert cut(torch.randn(2, 3, 32, 32)).shape == (2, 3)
    sizes = [sum(p.numel() for p in network.parameters()) for network in (whole, cut)]
    assert sizes[1] < sizes[0] / 10


def test_the_size_grows_while_training() -> None:
    recipe = Recipe(side=128, early_side=96, early_steps=10, steps=20)
    assert [recipe.side_at(step) for step in (0, 9, 10, 19)] == [96, 96, 128, 128]
    assert Recipe(side=112).side_at(0) == 112


def test_the_centre_of_a_wide_picture_is_the_narrow_one(crops: FaceCrops) -> None:
    rng = np.random.default_rng(0)
    wide, narrow = (
        training_batch(crops, [0, 1], side=side, margin=margin, how=PLAIN, rng=rng)[0]
        for side, margin in ((96, 0.25), (48, 0.0))
    )
    view = centre_view(normalised(torch.from_numpy(wide)), 0.25, Recipe(side=48, margin=0.0))
    assert view.shape == (2, 3, 48, 48)
    assert (view - normalised(torch.from_numpy(narrow))).abs().mean() < 0.15


def test_a_checkpoint_of_another_recipe_is_refused(crops: FaceCrops, tmp_path: Path) -> None:
    fit(crops, replace(TINY, steps=1), tmp_path, weights=None)
    with pytest.raises(UsageError, match="of another recipe"):
        fit(crops, TINY, tmp_path, weights=None)


def test_a_committee_answers_the_mean() -> None:
    members = [build("mobilenetv2_035", None).eval() for _ in range(2)]
    pixels = torch.randn(2, 3, 64, 64)
    wide, narrow = members[0](pixels), members[1](pixels[:, :, 8:56, 8:56])
    mean = (wide.log_softmax(1) + narrow.log_softmax(1)) / 2
    assert torch.allclose(together(members, [64, 48])(pixels), mean, atol=1e-6)
    assert together(members[:1], [64]) is members[0]
    key = "conv_stem.weight"
    weights = [member.state_dict()[key] for member in members]
    assert torch.allclose(averaged(members).state_dict()[key], (weights[0] + weights[1]) / 2)


def test_an_export_that_differs_is_refused(tmp_path: Path) -> None:
    class Restless(torch.nn.Module):
        """Trained and exported, it gives other answers: its noise is not in the graph."""

        def forward(self, pixels: "torch.Tensor") -> "torch.Tensor":
            return pixels.mean(dim=(2, 3)) + (0.0 if torch.compiler.is_exporting() else 1.0)

    with pytest.raises(ModelInvalid, match="differs from PyTorch by"):
        export_onnx(Restless(), tmp_path / "model.onnx", 32)


def test_weights_files_are_read_in_the_order_of_their_modules(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    donor = build("mobilenetv2_035", None)
    named = {
        f"blocks.{i}.{key.rsplit('.', 1)[1]}": tensor
        for i, (key, tensor) in enumerate(donor.state_dict().items())
        if not key.startswith("classifier.") and not key.endswith("num_batches_tracked")
    }
    torch.save(named, tmp_path / "w.pth")
    save_file(named, tmp_path / "w.safetensors")
    for name in ("w.pth", "w.safetensors"):
        network = build("mobilenetv2_035", tmp_path / name)
        for key in ("conv_stem.weight", "blocks.3.1.bn2.running_var", "bn2.bias"):
            assert torch.equal(network.state_dict()[key], donor.state_dict()[key]), (name, key)
    for name in ("w.pth", "w.safetensors"):
        (tmp_path / name).write_bytes(b"no weights")
        with pytest.raises(ModelInvalid, match="holds no weights that can be read"):
            build("mobilenetv2_035", tmp_path / name)


def test_another_normalisation_goes_into_the_first_layer(tmp_path: Path) -> None:
    import timm

    donor = timm.create_model("tf_efficientnet_lite0", num_classes=3).eval()
    assert donor.pretrained_cfg["mean"] == (0.5, 0.5, 0.5)
    torch.nn.init.uniform_(donor.bn1.running_mean)
    torch.save(donor.state_dict(), tmp_path / "w.pth")
    network = build("tf_efficientnet_lite0", tmp_path / "w.pth").eval()
    batch = torch.randint(0, 256, (1, 32, 32, 3), dtype=torch.uint8)
    wanted = donor.bn1(donor.conv_stem(batch.permute(0, 3, 1, 2) / 127.5 - 1))
    got = network.bn1(network.conv_stem(normalised(batch)))
    # The border differs: there the convolution sees zeros, which are other colours now.
    assert torch.allclose(got[..., 1:-1, 1:-1], wanted[..., 1:-1, 1:-1], atol=1e-3)


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
    pictures, labels, _ = training_batch(crops, range(4), side=128, margin=0.1, how=PLAIN, rng=rng)
    assert pictures.shape == (4, 128, 128, 3)
    for row in range(4):
        shown = warp_crops(crops.images[row], squares(crops.boxes[row, :1], 0.1), 128)[0]
        assert np.abs(shown.astype(int) - pictures[row]).mean() < 6
    assert labels.tolist() == crops.labels[:4].tolist()
    again, *_ = training_batch(crops, range(4), side=128, margin=0.1, how=PLAIN, rng=rng)
    assert np.array_equal(pictures, again)


def test_drawn_masks_change_the_label_with_the_picture(crops: FaceCrops) -> None:
    how = replace(PLAIN, drawn_mask=1.0)
    bare = [int(row) for row in np.flatnonzero(crops.labels == 1)]
    _, labels, drawn = training_batch(
        crops, bare, side=64, margin=0.1, how=how, rng=np.random.default_rng(0)
    )
    assert set(labels.tolist()) == {0, 2}
    assert drawn.all()


def test_real_masks_are_cut_from_faces_that_are_learnt_from(crops: FaceCrops) -> None:
    masks = real_masks(crops, least_side_px=20)
    worn, wrong = ((crops.labels == label) & ~crops.held_out for label in (0, 2))
    cut = Counter(mask.placement for mask in masks)
    assert 0.5 * worn.sum() <= cut[Placement.WORN] <= worn.sum()
    assert 0 < cut[Placement.NOSE_OUT] <= wrong.sum()
    assert not real_masks(crops, least_side_px=500)


def test_real_masks_change_the_label_with_the_picture(crops: FaceCrops) -> None:
    masks = real_masks(crops, least_side_px=20)
    bare = [int(row) for row in np.flatnonzero(crops.labels == 1)]
    pictures, drawn = [], []
    for real in (0.0, 1.0):
        how = replace(PLAIN, drawn_mask=1.0, real_mask=real)
        rng = np.random.default_rng(0)
        batch = training_batch(crops, bare, side=64, margin=0.1, how=how, rng=rng, cutouts=masks)
        # What slips below the picture leaves a bare face, and is no drawing.
        assert set(batch.labels[batch.drawn].tolist()) == {0, 2}
        assert (batch.labels[~batch.drawn] == 1).all()
        drawn.append(batch.drawn)
        pictures.append(batch.pictures)
    assert drawn[0].mean() > 0.9
    assert drawn[1].mean() > 0.9
    different = (pictures[0] != pictures[1]).any(axis=(1, 2, 3))
    assert different[drawn[0] | drawn[1]].all()


def test_others_stand_before_faces_whose_state_can_still_be_seen(crops: FaceCrops) -> None:
    rows = list(range(len(crops)))
    before, after = (
        training_batch(crops, rows, side=64, margin=0.1, how=how, rng=np.random.default_rng(0))
        for how in (PLAIN, replace(PLAIN, other_person=1.0))
    )
    assert before.labels.tolist() == after.labels.tolist()
    changed = (before.pictures != after.pictures).any(axis=(1, 2, 3))
    assert changed.tolist() == (crops.labels != 2).tolist()
    eyes = slice(0, 24)
    assert np.array_equal(before.pictures[:, eyes], after.pictures[:, eyes])


def test_faces_without_landmarks_are_not_drawn_on(crops: FaceCrops) -> None:
    how = replace(PLAIN, drawn_mask=1.0, drawn_thing=1.0, other_person=1.0)
    rows = list(range(8))
    unseen = replace(crops, landmarks=np.full_like(crops.landmarks, np.nan))
    rng = np.random.default_rng(0)
    pictures, labels, _ = training_batch(unseen, rows, side=64, margin=0.1, how=how, rng=rng)
    plain, *_ = training_batch(crops, rows, side=64, margin=0.1, how=PLAIN, rng=rng)
    assert np.array_equal(pictures, plain)
    assert labels.tolist() == crops.labels[:8].tolist()


def test_drawn_things_change_the_picture_alone(crops: FaceCrops) -> None:
    rows = [int(row) for row in np.flatnonzero(crops.labels == 1)]
    before, after = (
        training_batch(crops, rows, side=64, margin=0.1, how=how, rng=np.random.default_rng(0))
        for how in (PLAIN, replace(PLAIN, drawn_thing=1.0))
    )
    assert before[1].tolist() == after[1].tolist() == [1] * len(rows)
    changed = (before[0] != after[0]).any(axis=(1, 2, 3))
    assert changed.all()


def test_every_augmentation_gives_pictures(crops: FaceCrops) -> None:
    how = FaceAugmentation(0.1, 0.3, 30, 1, 1, 1, 1, 1, 1)
    rng = np.random.default_rng(0)
    pictures, *_ = training_batch(crops, [0, 1, 2] * 40, side=48, margin=0.1, how=how, rng=rng)
    assert pictures.shape == (120, 48, 48, 3)
    assert pictures.dtype == np.uint8


def test_classes_come_in_their_shares(crops: FaceCrops) -> None:
    chances = sampling_chances(crops.labels, crops.sources, Recipe(class_shares=(0.2, 0.3, 0.5)))
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
    assert fit_threshold(table, truth, most_wrong=0.0, highest=0.95) == 0.95
