"""One training in two processes: who gets what, and that both end with the same weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
L = pytest.importorskip("lightning")

from lightning.pytorch.callbacks import Callback  # noqa: E402

from maskwatch.errors import MaskwatchError, UsageError  # noqa: E402
from maskwatch.evaluation.training import HISTORY, read_history  # noqa: E402
from maskwatch.models import bundle as bundles  # noqa: E402
from maskwatch.models.classifier import MaskClassifier  # noqa: E402
from maskwatch.training.workshop import devices  # noqa: E402
from maskwatch.training.workshop.choices import Optimizer  # noqa: E402
from maskwatch.training.workshop.devices import check_devices, dealt, dealt_evenly  # noqa: E402
from maskwatch.training.workshop.fit import fit  # noqa: E402
from maskwatch.training.workshop.networks import build  # noqa: E402
from maskwatch.training.workshop.parts import Parts  # noqa: E402
from maskwatch.training.workshop.run import train  # noqa: E402
from maskwatch.training.workshop.settings import TrainSettings  # noqa: E402
from maskwatch.training.workshop.sources import prepared  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


class Kept(Callback):
    """Keeps what each process has in the end, and how many steps it took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_end(self, trainer: Any, module: Any) -> None:
        state = {"steps": trainer.global_step, "weights": module.network.state_dict()}
        torch.save(state, self.folder / f"{trainer.global_rank}.pt")


class Ended(Callback):
    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        if trainer.global_rank == 1:
            raise RuntimeError("lost")


def places(monkeypatch: pytest.MonkeyPatch, count: int, deal: Any, order: Any) -> list[Any]:
    found = []
    for rank in range(count):
        monkeypatch.setattr(devices, "_place", lambda rank=rank: (rank, count))
        found.append(deal(order, 4))
    return found


def test_batches_are_dealt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    order = np.arange(11)[::-1]
    first, second = places(monkeypatch, 2, dealt, order)
    assert [len(part) for part in first] == [len(part) for part in second] == [2, 2, 2]
    together = [np.sort(np.concatenate(pair)) for pair in zip(first, second, strict=True)]
    assert [part.tolist() for part in together] == [[7, 8, 9, 10], [3, 4, 5, 6], [0, 1, 2, 10]]
    assert [part.tolist() for part in dealt(order, 4)] == [part.tolist() for part in second]
    monkeypatch.undo()
    assert [len(part) for part in dealt(order, 4)] == [4, 4, 3], "one process has all"


@pytest.mark.parametrize("rows", [2, 5, 8, 9, 17])
def test_what_is_watched_is_watched_once(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    first, second = places(monkeypatch, 2, dealt_evenly, np.arange(rows))
    assert len(first) == len(second) == -(-rows // 4)
    assert all(len(part) for part in (*first, *second))
    assert sorted(np.concatenate([*first, *second]).tolist()) == list(range(rows))


def test_two_processes_end_with_the_same_weights(
    parts: Parts, tiny: TrainSettings, tmp_path: Path
) -> None:
    # Adam would make much of the noise of floats.
    sgd = Optimizer.SGD
    settings = tiny.but(epochs=3, dropout=0.0, fine_tune=1, head_epochs=1, optimizer=sgd)
    rows = {}
    for count in (1, 2):
        out = tmp_path / str(count)
        out.mkdir()
        L.seed_everything(settings.seed, verbose=False)
        learner, source = prepared(
            build(settings, parts.classes), parts, settings, out / "features", lambda *_: None
        )
        fit(learner, source, out, devices=count, more=[Kept(out)])
        rows[count] = read_history(out / HISTORY)
    first, second = (torch.load(tmp_path / "2" / f"{rank}.pt") for rank in (0, 1))
    assert first["steps"] == second["steps"] == 3 * 9, "72 faces, 8 at a time"
    for name, tensor in first["weights"].items():
        assert torch.equal(tensor, second["weights"][name]), name
    assert [row["epoch"] for row in rows[2]] == [0, 1, 2]
    for name in ("train_loss", "val_loss", "val_accuracy"):
        alone, shared = ([row[name] for row in rows[count]] for count in (1, 2))
        assert shared == pytest.approx(alone, rel=0.01, abs=1e-3), name


@pytest.mark.slow
def test_a_shared_run_is_a_bundle(parts: Parts, tiny: TrainSettings, tmp_path: Path) -> None:
    settings = tiny.but(epochs=4, units=())
    done = train(parts, settings, tmp_path / "run", data="faces", name="two", devices=2)
    assert len(done.history) == 4
    blue = np.full((32, 32, 3), (40, 60, 220), np.uint8)
    assert MaskClassifier(bundles.read(tmp_path / "run")).of_crops([blue]).argmax() == 0


@pytest.mark.slow
def test_a_process_that_ends_is_told_of(parts: Parts, tiny: TrainSettings, tmp_path: Path) -> None:
    learner, source = prepared(
        build(tiny, parts.classes), parts, tiny, tmp_path / "features", lambda *_: None
    )
    with pytest.raises(MaskwatchError, match="ended: RuntimeError: lost; run the same"):
        fit(learner, source, tmp_path, devices=2, more=[Ended()])


def test_devices_that_are_not_there(
    parts: Parts, tiny: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UsageError, match="2 GPUs, got 3"):
        check_devices(3, parts, tiny)
    with pytest.raises(UsageError, match="batch of 7 cannot be dealt out to 2"):
        check_devices(2, parts, tiny.but(batch=7))
    check_devices(2, parts, tiny)
