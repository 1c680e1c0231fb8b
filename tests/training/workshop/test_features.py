"""Features that are computed once: what is read for them, and what a kill leaves of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from maskwatch.data.augment import parse_augmentation  # noqa: E402
from maskwatch.training.workshop import features, samples  # noqa: E402
from maskwatch.training.workshop.features import FeatureMaker  # noqa: E402
from maskwatch.training.workshop.networks import build  # noqa: E402
from maskwatch.training.workshop.parts import Parts  # noqa: E402
from maskwatch.training.workshop.settings import TrainSettings  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
CHANGE = parse_augmentation("shift=0.2,hflip")


@pytest.fixture
def maker(parts: Parts, tiny: TrainSettings, tmp_path: Path) -> FeatureMaker:
    return FeatureMaker(build(tiny, parts.classes), tiny, tmp_path / "backbone.onnx")


def write(maker: FeatureMaker, parts: Parts, folder: Path) -> list[Any]:
    folder.mkdir(exist_ok=True)
    files = [folder / f"{view}.npy" for view in range(3)]
    ticks: list[int] = []
    maker.write(parts.train, files, change=CHANGE, tick=ticks.append)
    assert sum(ticks) == 3 * (len(parts.train) - len(parts.train.unreadable))
    assert not list(folder.glob("*.part"))
    return [np.load(file) for file in files]


def test_each_picture_is_decoded_once(
    maker: FeatureMaker, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    decode = samples.decode
    monkeypatch.setattr(samples, "decode", lambda path: read.append(path) or decode(path))
    first, second, third = write(maker, parts, tmp_path / "views")
    assert sorted(read) == sorted(parts.train.paths)
    assert first.shape == (len(parts.train), 1280)
    assert np.isfinite(first).all()
    assert not np.allclose(first, second)
    assert not np.allclose(second, third)
    write(maker, parts, tmp_path / "views")
    assert len(read) == len(parts.train), "what is there is taken as it is"


def test_a_kill_leaves_what_was_done(
    maker: FeatureMaker, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write(maker, parts, tmp_path / "whole")
    calls: list[int] = []
    original = FeatureMaker.of

    def dying(self: FeatureMaker, pictures: Any) -> Any:
        calls.append(len(pictures))
        if len(calls) == 8:  # Of the third batch the first view is done, and no other.
            raise KeyboardInterrupt
        return original(self, pictures)

    with monkeypatch.context() as patch:
        patch.setattr(FeatureMaker, "of", dying)
        with pytest.raises(KeyboardInterrupt):
            write(maker, parts, tmp_path / "broken")
    calls.clear()
    monkeypatch.setattr(
        FeatureMaker, "of", lambda self, some: calls.append(len(some)) or original(self, some)
    )
    broken = write(maker, parts, tmp_path / "broken")
    assert sum(calls) == 3 * (len(parts.train) - 16), "two batches of eight were there"
    for one, other in zip(whole, broken, strict=True):
        assert np.array_equal(one, other)


def test_what_cannot_be_read_has_no_features(
    maker: FeatureMaker, parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = {0, 20, *range(64, 72)}
    gone = {parts.train.paths[row] for row in lost}
    decode = samples.decode

    def lose(path: Path) -> Any:
        if path in gone:
            raise samples.SourceError("gone")
        return decode(path)

    monkeypatch.setattr(samples, "decode", lose)
    first, *_ = write(maker, parts, tmp_path / "views")
    assert set(np.flatnonzero(np.isnan(first[:, 0])).tolist()) == lost
    assert len(parts.train.unreadable) == len(lost)


def test_the_backbone_is_exported_once(
    maker: FeatureMaker,
    parts: Parts,
    tiny: TrainSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def again(*_: object, **__: object) -> None:
        raise AssertionError("exported again")

    monkeypatch.setattr(features, "export_onnx", again)
    picture = np.zeros((1, 32, 32, 3), np.uint8)
    other = FeatureMaker(build(tiny, parts.classes), tiny, tmp_path / "backbone.onnx")
    assert np.array_equal(other.of(picture), maker.of(picture))
