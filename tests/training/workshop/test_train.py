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
from maskwatch.evaluation.training import HISTORY, read_history  # noqa: E402
from maskwatch.training.workshop import networks  # noqa: E402
from maskwatch.training.workshop.choices import ClassWeights, Keep, Loss, Pool, Preprocess  # noqa: E402
from maskwatch.training.workshop.fit import Learner, fit, loss_of  # noqa: E402
from maskwatch.training.workshop.networks import build, last_blocks  # noqa: E402
from maskwatch.training.workshop.parts import Parts, class_weights, parts_of  # noqa: E402
from maskwatch.training.workshop.presets import PRESETS  # noqa: E402
from maskwatch.training.workshop.run import SETTINGS, make_room, prepared, train  # noqa: E402
from maskwatch.training.workshop.settings import TrainSettings  # noqa: E402
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
    for name in ("curves.png", "network.png", "seen.png", "best.ckpt", "tensorboard"):
        assert (tmp_path / "run" / name).exists(), name
    judge = MaskDetector(detector=FixedDetector(), classifier=str(tmp_path / "run"))
    blue = np.full((100, 100, 3), (40, 60, 220), np.uint8)
    assert judge.classify(blue, [[0, 0, 100, 100]]).probabilities.argmax() == 0
    with pytest.raises(UsageError, match="is a finished run"):
        make_room(tmp_path / "run", overwrite=False)
    make_room(tmp_path / "run", overwrite=True)
    assert not (tmp_path / "run").exists()


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


def test_other_settings_do_not_go_on(parts: Parts, tiny: TrainSettings, tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_text(json.dumps({"data": "faces", **tiny.plain()}))
    with pytest.raises(UsageError, match="other epochs, lr"):
        run(parts, tiny.but(epochs=2, lr=0.5), tmp_path)


def test_the_last_blocks_learn_after_the_head(
    parts: Parts, tiny: TrainSettings, tmp_path: Path
) -> None:
    settings = tiny.but(fine_tune=2, head_epochs=1, epochs=1, keep=Keep.LAST)
    before = build(settings, 3).state_dict()
    learn(parts, settings, tmp_path / "head")
    learn(parts, settings.but(epochs=2), tmp_path / "both")
    moved = {
        folder: {
            name.removeprefix("network.base.").rsplit(".", 1)[0]
            for name, tensor in weights_of(tmp_path / folder).items()
            if name.startswith("network.base.")
            and not torch.equal(tensor, before[name.removeprefix("network.")])
        }
        for folder in ("head", "both")
    }
    assert not moved["head"]
    assert any(name.startswith("blocks.6") for name in moved["both"])
    assert not any(name.startswith(("conv_stem", "blocks.0")) for name in moved["both"])


def test_blocks_are_counted_from_the_end() -> None:
    base = networks.keras_backbone("mobilenetv2")
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
    assert build(settings, 3).pixels.std == (255.0, 255.0, 255.0)


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
    with pytest.raises(ModelNotFound, match="no weights at nowhere.pth"):
        build(tiny.but(weights="nowhere.pth"), 2)
    (tmp_path / "w.pth").write_bytes(b"none")
    with pytest.raises(ModelInvalid, match="holds no weights"):
        build(tiny.but(weights=str(tmp_path / "w.pth")), 2)

    def offline(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(networks.timm, "create_model", offline)
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
