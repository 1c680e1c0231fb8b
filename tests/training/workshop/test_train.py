"""From a set to a run folder: both ways of training, killed and resumed, and what is refused."""

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

import lightning as L  # noqa: E402

from maskwatch import MaskDetector  # noqa: E402
from maskwatch.data.augment import parse_augmentation  # noqa: E402
from maskwatch.data.facts import facts_of  # noqa: E402
from maskwatch.data.formats import read_set  # noqa: E402
from maskwatch.errors import ModelInvalid, ModelNotFound, SinkError, SourceError, UsageError  # noqa: E402
from maskwatch.evaluation.training import HISTORY, about_kept, kept_row, read_history  # noqa: E402
from maskwatch.models.runtime import Network  # noqa: E402
from maskwatch.training.workshop import backbones  # noqa: E402
from maskwatch.training.workshop.backbones import last_blocks  # noqa: E402
from maskwatch.training.workshop.bundling import logits_of  # noqa: E402
from maskwatch.training.workshop.choices import (  # noqa: E402
    ClassWeights,
    Keep,
    Loss,
    Pool,
    Preprocess,
    Resize,
)
from maskwatch.training.workshop.fit import fit  # noqa: E402
from maskwatch.training.workshop.learner import Learner, loss_of  # noqa: E402
from maskwatch.training.workshop.networks import build  # noqa: E402
from maskwatch.training.workshop.parts import Parts, class_weights, parts_of  # noqa: E402
from maskwatch.training.workshop.presets import PRESETS  # noqa: E402
from maskwatch.training.workshop.run import SETTINGS, check_room, train  # noqa: E402
from maskwatch.training.workshop.settings import TrainSettings  # noqa: E402
from maskwatch.training.workshop.sources import prepared  # noqa: E402
from maskwatch.types import Image  # noqa: E402
from tests.conftest import FixedDetector  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def run(parts: Parts, settings: TrainSettings, out: Path) -> Any:
    return train(parts, settings, out, data="faces", name="tiny")


def learn(parts: Parts, settings: TrainSettings, out: Path) -> list[dict[str, float]]:
    """A training without the bundle, whose export takes most of the time; what it logged."""
    out.mkdir(exist_ok=True)
    L.seed_everything(settings.seed, verbose=False)
    network = build(settings, parts.classes)
    fit(*prepared(network, parts, settings, out / "features", lambda *_: None), out)
    return read_history(out / HISTORY)


def weights_of(out: Path) -> dict[str, "torch.Tensor"]:
    saved = torch.load(out / "last.ckpt", map_location="cpu", weights_only=False)
    return dict(saved["state_dict"])


def test_a_run_is_a_bundle(
    parts: Parts, tiny: TrainSettings, tmp_path: Path, astronaut: Image
) -> None:
    told: list[int] = []
    done = train(
        parts, tiny.but(augment=parse_augmentation("rotation=10,hflip"), epochs=12, units=()),
        tmp_path / "run",
        data="faces", name="tiny", tell=lambda _, count, total: told.append(count),
    )  # fmt: skip
    assert sum(told) == 2 * len(parts.train) + len(parts.val), "two views, and what is watched"
    assert done.bundle.figures["validation"]["accuracy"] > 0.9
    assert [row["epoch"] for row in done.history] == list(range(12))
    assert not (tmp_path / "run" / "features").exists()
    for name in ("curves.png", "counts.png", "network.png", "seen.png", "best.ckpt", "tensorboard"):
        assert (tmp_path / "run" / name).exists(), name
    judge = MaskDetector(detector=FixedDetector(), classifier=str(tmp_path / "run"))
    blue = np.full((100, 100, 3), (40, 60, 220), np.uint8)
    assert judge.classify(blue, [[0, 0, 100, 100]]).probabilities.argmax() == 0
    with pytest.raises(UsageError, match="is a finished run"):
        check_room(tmp_path / "run", tmp_path, overwrite=False)
    check_room(tmp_path / "run", tmp_path, overwrite=True)
    with pytest.raises(UsageError, match="holds what is read"):
        check_room(tmp_path / "run", tmp_path / "run" / "set", overwrite=True)
    assert (tmp_path / "run" / "bundle.json").exists(), "nothing is deleted before all is known"
    (tmp_path / "run" / SETTINGS).unlink()
    with pytest.raises(UsageError, match="something else than a training"):
        check_room(tmp_path / "run", tmp_path, overwrite=True)


@pytest.mark.parametrize("views", [2, 0])
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    parts: Parts, tiny: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, views: int
) -> None:
    settings = tiny.but(views=views, augment=parse_augmentation("shift=0.1"), epochs=3)
    learn(parts, settings, tmp_path / "whole")

    class Killed(BaseException):
        pass

    def die(learner: Learner) -> None:
        if learner.current_epoch == 1:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "on_validation_epoch_start", die)
        with pytest.raises(Killed):
            learn(parts, settings, tmp_path / "broken")
    assert len(read_history(tmp_path / "broken" / HISTORY)) == 1
    learn(parts, settings, tmp_path / "broken")
    whole, broken = (weights_of(tmp_path / name) for name in ("whole", "broken"))
    for name, tensor in whole.items():
        assert torch.allclose(tensor.float(), broken[name].float(), atol=1e-5), name
    rows = [read_history(tmp_path / name / HISTORY) for name in ("whole", "broken")]
    assert [row["epoch"] for row in rows[1]] == [0, 1, 2]
    assert rows[0][-1]["train_loss"] == pytest.approx(rows[1][-1]["train_loss"], abs=1e-4)


def test_a_bundle_says_why_its_figures_are_not_those_of_the_last_epoch(
    parts: Parts, tiny: TrainSettings, tmp_path: Path
) -> None:
    # Steps so large that the last epoch is not the best.
    done = run(parts, tiny.but(resize=Resize.NEAREST, lr=0.3, epochs=3), tmp_path / "run")
    figures, losses = done.bundle.figures, [row["val_loss"] for row in done.history]
    kept = done.history[int(np.argmin(losses))]
    assert figures["kept_epoch"] == kept["epoch"] + 1
    assert figures["train_accuracy"] == kept["train_accuracy"]
    as_training = {"resize": "nearest", "accuracy": kept["val_accuracy"]}
    assert figures["validation"]["as_training_scales"] == as_training
    told = " ".join(about_kept(figures))
    assert "with --resize nearest and told" in told
    assert ("was kept" in told) == (figures["kept_epoch"] != 3)
    # Scaled alike, the bundle's network tells as many right as the epoch did.
    again = replace(done.bundle.input, resize="nearest")
    logits, labels = logits_of(Network(done.bundle.model_path), parts.val, tiny, again)
    assert (logits.argmax(axis=1) == labels).mean() == pytest.approx(kept["val_accuracy"])


def test_seconds_add_up(
    parts: Parts, tiny: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds: list[float] = []

    def full(*_: object, **given: Any) -> None:
        seconds.append(given["seconds"])
        raise SinkError("disk full")

    monkeypatch.setattr("maskwatch.training.workshop.run.bundle_of", full)
    with pytest.raises(SinkError):
        run(parts, tiny.but(epochs=2), tmp_path / "run")
    rows = read_history(tmp_path / "run" / HISTORY)
    assert seconds[0] > sum(row["seconds"] for row in rows) > 0
    with pytest.raises(SinkError):
        run(parts, tiny.but(epochs=2), tmp_path / "run")
    assert seconds[1] > sum(row["seconds"] for row in rows), "what was trained before counts"


def test_the_kept_epoch_is_the_first_of_the_smallest_loss() -> None:
    rows = [{"epoch": 0.0, "val_loss": float("nan")}, {"epoch": 1.0, "val_loss": 0.2}]
    rows += [{"epoch": 2.0, "val_loss": 0.2}, {"epoch": 3.0}]
    assert kept_row(rows, best=True)["epoch"] == 1
    assert kept_row(rows, best=False)["epoch"] == 3


def test_other_settings_do_not_go_on(parts: Parts, tiny: TrainSettings, tmp_path: Path) -> None:
    noted = {"command": "train", "data": "faces", "names": None, "pictures": parts.key}
    (tmp_path / SETTINGS).write_text(json.dumps(noted | tiny.plain()))
    with pytest.raises(UsageError, match="other epochs, lr"):
        run(parts, tiny.but(epochs=2, lr=0.5), tmp_path)


def test_the_last_blocks_learn_after_the_head(
    parts: Parts, tiny: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny.but(fine_tune=2, head_epochs=1, epochs=2)
    before = {name: value.clone() for name, value in build(settings, 3).base.state_dict().items()}
    moved: dict[int, set[str]] = {}

    def look(learner: Learner) -> None:
        now = learner.network.base.state_dict()
        moved[learner.current_epoch] = {
            name for name, value in before.items() if not torch.equal(value, now[name].cpu())
        }

    monkeypatch.setattr(Learner, "on_validation_epoch_start", look)
    learn(parts, settings, tmp_path)
    assert not moved[0]
    assert any(name.startswith("blocks.6") for name in moved[1])
    assert not any(name.startswith(("conv_stem", "blocks.0")) for name in moved[1])
    assert not any("running" in name for name in moved[1])


def test_blocks_are_counted_from_the_end() -> None:
    for name in ("mobilenetv2", "resnet50", "inceptionv3"):
        parts_ = list(last_blocks(backbones.keras_backbone(name), 1))
        assert any(True for part in parts_ for _ in part.parameters()), name
    base = backbones.keras_backbone("mobilenetv2")
    everything = list(last_blocks(base, 99))
    count = sum(p.numel() for part in everything for p in part.parameters())
    assert count == sum(p.numel() for p in base.parameters())
    assert len(list(last_blocks(base, 1))) < len(everything) / 4


def test_a_network_from_scratch_learns(parts: Parts, tmp_path: Path) -> None:
    settings = TrainSettings(
        backbone="cnn", weights="none", input_size=32, batch=8, epochs=4, pool=Pool.FLATTEN,
        units=(16,), patience=3, plateau=1, class_weights=ClassWeights.BALANCED,
    )  # fmt: skip
    assert learn(parts, settings, tmp_path)[-1]["train_accuracy"] > 0.8
    moved = weights_of(tmp_path)["network.base.1.running_mean"]
    assert moved.abs().max() > 0.01, "batch norms learn their statistics"
    assert build(settings, 3).pixels.std == (255.0, 255.0, 255.0)


def test_batch_norms_of_the_cnn_settle_in_a_few_batches(tiny: TrainSettings) -> None:
    settings = tiny.but(backbone="cnn", weights="none")
    base = build(settings, 2).base
    pictures = torch.rand(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        base.train()
        for _ in range(15):
            learning = base(pictures)
        judging = base.eval()(pictures)
    assert (judging - learning).abs().mean() < 0.05 * learning.abs().mean()
    assert base[1].momentum == pytest.approx(9 / 24)
    base[1].num_batches_tracked.fill_(10_000)
    base.train()(pictures)
    assert base[1].momentum == 0.01, "in the end as Keras has it"


def test_a_loss_that_is_no_number_is_no_bundle(
    parts: Parts, tiny: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "maskwatch.training.workshop.learner.loss_of"
    monkeypatch.setattr(wrong, lambda logits, *_: logits.sum() * np.nan)
    with pytest.raises(ModelInvalid, match="smaller --lr"):
        learn(parts, tiny.but(keep=Keep.LAST), tmp_path)


def test_ctrl_c_is_ctrl_c(
    parts: Parts, tiny: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(learner: Learner) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Learner, "on_validation_epoch_start", stop)
    with pytest.raises(KeyboardInterrupt):
        learn(parts, tiny, tmp_path)


def test_the_learning_rate_falls_at_a_plateau_killed_or_not(
    parts: Parts, tiny: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny.but(plateau=2, epochs=6)

    def flat(learner: Learner, batch: object, _: int) -> None:
        learner.log("val_loss", torch.tensor(1.0), batch_size=1)

    monkeypatch.setattr(Learner, "validation_step", flat)

    class Killed(BaseException):
        pass

    def die(learner: Learner) -> None:
        if learner.current_epoch == 3:
            raise Killed

    whole = learn(parts, settings, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(Learner, "on_validation_epoch_start", die)
        with pytest.raises(Killed):
            learn(parts, settings, tmp_path / "broken")
    broken = learn(parts, settings, tmp_path / "broken")
    rates = [row["lr"] for row in whole]
    assert rates == pytest.approx([1e-2, 1e-2, 1e-2, 2e-3, 2e-3, 4e-4])
    assert rates == [row["lr"] for row in broken]


def test_a_full_disk_says_so_and_the_run_goes_on(
    parts: Parts, tiny: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[str] = []
    original = L.Trainer.save_checkpoint

    def full(trainer: L.Trainer, path: Any, *rest: Any, **more: Any) -> None:
        saved.append(str(path))
        if len(saved) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(trainer, path, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(L.Trainer, "save_checkpoint", full)
        with pytest.raises(SinkError, match=r"No space left.*to go on"):
            learn(parts, tiny, tmp_path)
    assert len(learn(parts, tiny, tmp_path)) == tiny.epochs


def test_what_cannot_be_read_is_counted(faces: Path, tiny: TrainSettings, tmp_path: Path) -> None:
    labelled = read_set(faces)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    pictures = (replace(labelled.pictures[0], path=broken), *labelled.pictures[1:])
    labelled = replace(labelled, pictures=pictures)
    parts = parts_of(labelled, list(facts_of([p.path for p in pictures])), 3, 42)
    assert len(parts.unreadable) == 1
    assert len(parts.train) == 71
    assert run(parts, tiny.but(epochs=1), tmp_path / "run").bundle.data["unreadable"] == 1


def test_a_picture_lost_while_training_is_left_out(
    faces: Path, tiny: TrainSettings, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(faces, tmp_path / "set")
    labelled = read_set(tmp_path / "set")
    parts = parts_of(labelled, list(facts_of([p.path for p in labelled.pictures])), 3, 42)
    parts.train.paths[0].unlink()
    for views in (1, 0):
        assert len(learn(parts, tiny.but(epochs=2, views=views), tmp_path / f"run-{views}")) == 2
    assert list(parts.train.unreadable) == [parts.train.paths[0]]


def test_parts(faces: Path) -> None:
    labelled = read_set(faces)
    facts = list(facts_of([p.path for p in labelled.pictures]))
    two = parts_of(labelled, facts, 2, 42)
    assert two.train.counts(2) == [24, 24]
    assert any("32 faces labelled incorrect are left out" in note for note in two.notes)
    alone = replace(labelled, pictures=tuple(replace(p, split=None) for p in labelled.pictures))
    held = parts_of(alone, facts, 0, 42)
    assert held.classes == 3
    assert 6 <= len(held.val) <= 14
    assert any("no part val" in note for note in held.notes)
    doubled = replace(
        labelled, pictures=(*labelled.pictures, replace(labelled.pictures[0], split="val"))
    )
    assert parts_of(doubled, [*facts, facts[0]], 0, 42).leaks["exact"] == 1
    bare = tuple(p for p in labelled.pictures if p.states == ("no_mask",))
    with pytest.raises(SourceError, match="no face labelled mask"):
        parts_of(
            replace(labelled, pictures=bare),
            [f for f, p in zip(facts, labelled.pictures, strict=True) if p in bare],
            2,
            42,
        )
    watched = tuple(replace(p, split="val") for p in labelled.pictures)
    with pytest.raises(UsageError, match="no part to learn from"):
        parts_of(replace(labelled, pictures=watched), facts, 0, 42)


def test_rare_states_count_more(parts: Parts) -> None:
    few = replace(parts.train, labels=np.where(np.arange(72) < 6, 0, 1))
    weights = class_weights(few, 2, balanced=True)
    assert weights.tolist() == pytest.approx([6.0, 72 / 132])
    assert class_weights(few, 2, balanced=False).tolist() == [1, 1]


def test_the_binary_loss_is_a_sigmoid_of_each_output() -> None:
    logits = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    labels = torch.tensor([0, 1])
    truth = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    sure = torch.sigmoid(logits)
    wanted = -(truth * sure.log() + (1 - truth) * (1 - sure).log()).mean()
    got = loss_of(logits, labels, torch.ones(2), Loss.BINARY)
    assert got == pytest.approx(float(wanted), abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lr": 0.0}, "lr must be above 0"),
        ({"input_size": 8}, "too small"),
        ({"classes": 5}, "classes are 2 or 3"),
        ({"decay": 0.1, "plateau": 2}, "no plateau"),
        ({"fine_tune": 2, "epochs": 3}, "none is left to fine-tune"),
        ({"dropout": 1.5}, "dropout"),
        ({"epochs": 0}, "epochs must be at least 1"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        TrainSettings(**changes)


def test_backbones_and_weights_that_are_not_there(
    tiny: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="no backbone is called 'mobilnet'"):
        build(tiny.but(backbone="mobilnet"), 2)
    with pytest.raises(UsageError, match="not transformers"):
        build(TrainSettings(backbone="vit_tiny_patch16_224", weights="none"), 2)
    with pytest.raises(ModelNotFound, match="no weights at nowhere.pth"):
        build(tiny.but(weights="nowhere.pth"), 2)
    (tmp_path / "w.pth").write_bytes(b"none")
    with pytest.raises(ModelInvalid, match="holds no weights"):
        build(tiny.but(weights=str(tmp_path / "w.pth")), 2)

    def offline(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(backbones.timm, "create_model", offline)
    with pytest.raises(ModelNotFound, match=r"cannot be downloaded.*--weights FILE"):
        build(tiny.but(weights="imagenet"), 2)


def test_presets_are_what_was_published() -> None:
    avgpool = PRESETS["mobilenetv2-avgpool"].settings
    assert (avgpool.lr, avgpool.batch, avgpool.epochs) == (1e-4, 30, 12)
    assert avgpool.decay == pytest.approx(1e-4 / 12)
    assert avgpool.augment.shift_x == 0.4
    assert PRESETS["mobilenetv2-maxpool"].settings.pool is Pool.MAX
    assert PRESETS["cnn-3class"].settings.preprocess is Preprocess.UNIT
    assert not PRESETS["cnn-3class"].settings.frozen
    assert all(p.settings.loss is Loss.BINARY for n, p in PRESETS.items() if "3class" not in n)
