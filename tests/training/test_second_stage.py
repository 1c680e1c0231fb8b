"""The second stage's training on tiny data: places, their targets, a run, its bundle."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from maskwatch.errors import UsageError  # noqa: E402
from maskwatch.images import encode  # noqa: E402
from maskwatch.models import bundle as bundles  # noqa: E402
from maskwatch.models.catalogue import SHIPPED  # noqa: E402
from maskwatch.models.detectors.onepass import OnePass  # noqa: E402
from maskwatch.models.detectors.second_stage import moved_by  # noqa: E402
from maskwatch.training.detector.labels import SceneLabels  # noqa: E402
from maskwatch.training.second_stage.bundling import (  # noqa: E402
    FILE,
    check_held_out,
    fit_weights,
    with_second_stage,
)
from maskwatch.training.second_stage.fit import (  # noqa: E402
    Recipe,
    fit,
    losses,
    sampling_chances,
    views,
)
from maskwatch.training.second_stage.places import (  # noqa: E402
    STORED_SIDE,
    Places,
    gather,
    jittered,
    targets_of,
)
from maskwatch.types import Image  # noqa: E402
from tests.conftest import ASTRONAUT_BOX  # noqa: E402

TINY = Recipe(blocks=3, side=32, steps=4, batch=8, warmup_steps=2)


@pytest.fixture
def pictures(tmp_path: Path, astronaut: Image) -> tuple[Path, list[SceneLabels]]:
    """The astronaut twice, once held out; her own face is all that is known."""
    data = tmp_path / "data"
    labels = []
    for name, held_out in (("a.jpg", False), ("b.jpg", True)):
        encode(astronaut, data / name)
        labels.append(
            SceneLabels(
                path=name,
                source=0,
                held_out=held_out,
                every_face=True,
                boxes=[ASTRONAUT_BOX],
                sureness=[1.0],
                states=[[0.0, 1.0, 0.0]],
                landmarks=[None],
                seen=[None],
            )
        )
    return data, labels


def places_of(targets: list[float], scores: list[float], scenes: list[bool]) -> Places:
    count = len(targets)
    return Places(
        np.zeros((count, STORED_SIDE, STORED_SIDE, 3), np.uint8),
        np.array(targets, np.float32),
        np.tile(np.array([20, 30, 60, 50], np.float32), (count, 1)),
        np.array(scores, np.float32),
        np.zeros(count, np.int64),
        np.array(scenes),
        np.zeros(count, bool),
    )


def test_targets_say_how_much_of_a_face_a_box_holds() -> None:
    known = np.array([[0, 0, 10, 10], [100, 100, 110, 110]], np.float32)
    boxes = np.array(
        [[0, 0, 10, 10], [0, 0, 10, 30.77], [50, 50, 60, 60], [100, 100, 110, 111]], np.float32
    )
    targets, faces = targets_of(boxes, known, [0])
    assert targets[:3] == pytest.approx([1, 0.5, 0], abs=1e-3)
    assert np.isnan(targets[3]), "a doubtful face is neither"
    assert faces[:2].tolist() == [known[0].tolist()] * 2
    assert np.isnan(faces[2:]).all()
    targets, faces = targets_of(boxes, known, [0, 1])
    assert targets[3] == 1 and faces[3].tolist() == known[1].tolist()
    targets, faces = targets_of(boxes, known[:0], [])
    assert targets.tolist() == [0, 0, 0, 0] and np.isnan(faces).all()


@pytest.mark.parametrize("share", [0.05, 0.15])
def test_jitter_keeps_boxes_on_their_faces(share: float) -> None:
    boxes = np.tile(np.array([[10, 20, 50, 80]], np.float32), (200, 1))
    moved = jittered(boxes, share, np.random.default_rng(0))
    assert np.abs(moved.mean(axis=0) - boxes[0]).max() < 2
    targets, _ = targets_of(moved, boxes[:1], [0])
    assert (targets > 0.5).mean() > 0.9
    assert moved.std(axis=0).min() > 20 * share


def test_faces_and_others_are_drawn_by_their_shares() -> None:
    places = places_of([1, 1, 0, 0, 0], [0.9, 0, 0.5, 0, 0], [True, False, True, True, True])
    chances = sampling_chances(places, Recipe(faces=0.5, found=0.8, scenes=0.75))
    assert chances.sum() == pytest.approx(1)
    assert chances[0] == pytest.approx(3 * chances[1]), "scenes come more often than portraits"
    assert chances[2] == pytest.approx(4 * (chances[3] + chances[4]))


def test_views_show_the_middle_of_a_place() -> None:
    places = places_of([1], [0.9], [True])
    places.images[:] = 40
    middle = slice(STORED_SIDE // 2 - 8, STORED_SIDE // 2 + 8)
    places.images[0, middle, middle] = 240
    still = replace(TINY, tinted=0.0, spoilt=0.0)
    shown = views(places, np.zeros(30, np.intp), still, np.random.default_rng(0)).pictures
    assert shown.shape == (30, 32, 32, 3)
    assert shown[:, 15:17, 15:17].min() > 200
    assert shown[:, :4, :4].max() < 60


def test_moves_follow_the_face_that_a_view_shows() -> None:
    places = places_of([1], [0.9], [True])
    places.images[:] = 40
    places.images[0, 30:50, 20:60] = 240
    how = replace(TINY, shift=0.1, tinted=0.0, spoilt=0.0, rotation_deg=0.0)
    batch = views(places, np.zeros(20, np.intp), how, np.random.default_rng(1))
    whole = np.tile(np.array([0, 0, 32, 32], np.float32), (20, 1))
    for picture, box in zip(batch.pictures, moved_by(batch.moves, whole, how.margin), strict=True):
        ys, xs = np.nonzero(picture[..., 0] > 140)
        seen = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        assert seen == pytest.approx(np.clip(box, 0, 32), abs=1.0)


def test_only_places_with_a_face_teach_boxes() -> None:
    answers = torch.zeros(2, 5, requires_grad=True)
    moves = torch.tensor([[1.0, 1.0, 1.0, 1.0], [torch.nan] * 4])
    face, box = losses(answers, torch.tensor([1.0, 0.0]), moves)
    assert float(face.detach()) == pytest.approx(np.log(2))
    assert float(box.detach()) == pytest.approx(0.75), "smooth L1 of one, beta a half"
    box.backward()
    assert answers.grad is not None and answers.grad[1].abs().sum() == 0
    _, none = losses(answers.detach(), torch.tensor([1.0, 0.0]), torch.full((2, 4), torch.nan))
    assert float(none) == 0


def test_places_are_faces_and_what_is_none(pictures: tuple[Path, list[SceneLabels]]) -> None:
    data, labels = pictures
    places = gather(bundles.read(SHIPPED / "maskwatch"), data, labels, threads=1)
    faces = places.targets > 0.5
    assert faces.sum() >= 4 and (~faces).sum() >= 8
    assert (places.scores[faces] > 0.5).any(), "the first stage finds her"
    assert places.images.shape[1:] == (STORED_SIDE, STORED_SIDE, 3)
    assert set(places.held_out.tolist()) == {True, False}
    again = gather(bundles.read(SHIPPED / "maskwatch"), data, labels, threads=2)
    assert np.array_equal(again.images, places.images), "places depend on the pictures alone"


def test_weights_follow_the_stage_that_knows() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random(400) < 0.5).astype(np.float32)
    scores = rng.uniform(0.3, 0.9, 400).astype(np.float32)
    logits = np.asarray((targets - 0.5) * 4 + rng.normal(0, 2, 400), np.float32)
    first, second, _ = fit_weights(scores, logits, targets)
    assert second > 0.5 > abs(first)


def test_a_resumed_run_is_the_unbroken_one(
    pictures: tuple[Path, list[SceneLabels]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, labels = pictures
    places = gather(bundles.read(SHIPPED / "maskwatch"), data, labels, threads=1)
    whole = fit(places, TINY, tmp_path / "whole", weights=None)
    calls = iter(range(100))
    real = torch.optim.AdamW.step

    def killed(*arguments: object, **options: object) -> object:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.optim.AdamW, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(places, TINY, tmp_path / "part", weights=None, checkpoint_every=1)
    monkeypatch.setattr(torch.optim.AdamW, "step", real)
    resumed = fit(places, TINY, tmp_path / "part", weights=None, checkpoint_every=1)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_a_run_is_a_detector_of_two_stages(
    pictures: tuple[Path, list[SceneLabels]], tmp_path: Path, astronaut: Image
) -> None:
    data, labels = pictures
    first = bundles.read(SHIPPED / "maskwatch")
    places = gather(first, data, labels, threads=1)
    network = fit(places, TINY, tmp_path / "run" / "training", weights=None)
    bundle = with_second_stage(network, TINY, places, first, data, labels, tmp_path / "run")
    assert bundle.second_stage is not None and FILE in bundle.sha256
    assert json.loads((tmp_path / "run" / "bundle.json").read_text())["second_stage"]["model"]
    detector = OnePass(bundles.read(tmp_path / "run"), score=0.01)
    assert len(detector.detect([astronaut])[0]) >= 1


def test_held_out_pictures_must_show_faces_and_mistakes() -> None:
    places = replace(places_of([1, 0], [0.9, 0.5], [True, True]), held_out=np.ones(2, bool))
    seen = replace(places, looked_at=np.full(2, 640))
    check_held_out(seen)
    with pytest.raises(UsageError, match="no held-out picture shows mistakes"):
        check_held_out(seen[np.array([0])])
    with pytest.raises(UsageError, match="no held-out picture shows faces"):
        check_held_out(places)
