"""The face detector's training on tiny data: labels, scenes, losses, a run, its bundle."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnxruntime  # noqa: E402

from maskwatch import MaskDetector  # noqa: E402
from maskwatch.boxes import area, clip  # noqa: E402
from maskwatch.boxes import iou as box_iou  # noqa: E402
from maskwatch.data.formats import read_coco  # noqa: E402
from maskwatch.data.labelled import LabelledPicture  # noqa: E402
from maskwatch.errors import SourceError, UsageError  # noqa: E402
from maskwatch.images import encode  # noqa: E402
from maskwatch.models import bundle as bundles  # noqa: E402
from maskwatch.models.detectors import open_detector  # noqa: E402
from maskwatch.models.detectors.onepass import OnePass  # noqa: E402
from maskwatch.training.detector.bundling import (  # noqa: E402
    END_TO_END,
    bundle_of,
)
from maskwatch.training.detector.conventions import aligned  # noqa: E402
from maskwatch.training.detector.fit import Recipe, fit  # noqa: E402
from maskwatch.training.detector.geometry import (  # noqa: E402
    moved,
    moved_landmarks,
    pyramid,
    warped,
)
from maskwatch.training.detector.labels import (  # noqa: E402
    SceneLabels,
    derive_labels,
    labels_digest,
    of_scene,
)
from maskwatch.training.detector.losses import (  # noqa: E402
    Truth,
    assign,
    generalised_iou,
    iou,
    loss_of,
)
from maskwatch.training.detector.network import (  # noqa: E402
    FaceNet,
    boxes_of,
    cells_of,
    flat,
    landmarks_of,
)
from maskwatch.training.detector.scenes import Mixture, SceneMaker  # noqa: E402
from maskwatch.training.detector.teachers import (  # noqa: E402
    Votes,
    merged,
    mirrored_boxes,
    mirrored_landmarks,
)
from maskwatch.types import Floats, MaskState  # noqa: E402

RED, GREY = (250, 0, 0), 90
UNKNOWN = torch.full((1, 5, 2), torch.nan)
CALM = Mixture(
    source_weights=(1.0,),
    without_aim=0,
    paste=0,
    drawn_mask=0,
    colour=0,
    degrade=0,
    turned=0,
)
TINY = Recipe(steps=4, side=64, batch=2, large_side=96, large_every=2, warmup_steps=2, mixture=CALM)


def labels_of(path: str, boxes: list[list[float]], **changes: object) -> SceneLabels:
    values: dict[str, object] = {
        "path": path,
        "source": 0,
        "held_out": False,
        "every_face": True,
        "boxes": boxes,
        "sureness": [1.0] * len(boxes),
        "states": [[0.1, 0.8, 0.1]] * len(boxes),
        "landmarks": [None] * len(boxes),
        "seen": [None] * len(boxes),
    }
    return SceneLabels(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, list[SceneLabels]]:
    """Grey pictures, each with one red oval for a face."""
    labels = []
    for i, (x, y, side) in enumerate([(20, 30, 40), (100, 60, 60), (60, 20, 90), (10, 10, 30)]):
        image = np.full((160, 200, 3), GREY, np.uint8)
        ys, xs = np.mgrid[:160, :200]
        inside = ((xs - x - side / 2) ** 2 + (ys - y - side / 2) ** 2) < (side / 2) ** 2
        image[inside] = RED
        encode(image, tmp_path / f"{i}.png")
        box = [float(v) for v in (x, y, x + side, y + side)]
        labels.append(labels_of(f"{i}.png", [box], held_out=i == 3))
    return tmp_path, labels


def test_boxes_of_several_runs_become_one_with_the_votes_of_each_family() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]], np.float32)
    scores = np.array([0.9, 0.3, 0.8], np.float32)
    points = np.arange(30, dtype=np.float32).reshape(3, 5, 2)
    votes = merged(boxes, scores, points, np.array([0, 1, 2]), families=[0, 0, 1])
    assert votes.boxes[0].tolist() == pytest.approx([0.25, 0, 10.25, 10])
    assert votes.votes.tolist() == pytest.approx(np.array([[0.6, 0], [0, 0.8]]))
    assert votes.landmarks[0].tolist() == points[0].tolist()
    none = merged(boxes[:0], scores[:0], points[:0], np.zeros(0), families=[0])
    assert none.boxes.shape == (0, 4)


def test_what_is_mirrored_twice_is_as_it_was() -> None:
    boxes = np.array([[1, 2, 5, 9]], np.float32)
    points = np.array([[[1, 2], [4, 2], [3, 4], [2, 7], [4, 7]]], np.float32)
    assert mirrored_boxes(boxes, 20).tolist() == [[15, 2, 19, 9]]
    assert mirrored_boxes(mirrored_boxes(boxes, 20), 20).tolist() == boxes.tolist()
    right_eye, left_eye = mirrored_landmarks(points, 20)[0, :2, 0]
    assert right_eye < left_eye, "the eye on the picture's left stays first"
    assert mirrored_landmarks(mirrored_landmarks(points, 20), 20).tolist() == points.tolist()


def test_doubtful_faces_are_ignored_and_sure_ones_learnt() -> None:
    boxes = [[0.0, 0, 9, 9]] * 5
    labelled = labels_of("a", boxes, sureness=[1.0, 0.9, 0.55, 0.3, 0.1])
    assert (labelled.faces(), labelled.ignored()) == ([0, 1], [2, 3])
    derived = labels_of("a", boxes, sureness=[0.95, 0.6, 0.55, 0.3, 0.1], every_face=False)
    assert (derived.faces(), derived.ignored()) == ([0, 1, 2], [3])


def test_what_teachers_see_beside_labels() -> None:
    labelled = np.array([[0, 0, 100, 100], [200, 0, 240, 40]], np.float32)
    boxes = np.array(
        [[10, 5, 90, 95], [60, 60, 90, 90], [204, 4, 236, 36], [300, 0, 320, 20]], np.float32
    )
    votes = np.array([[0.9, 0.9], [0.8, 0.8], [0.4, 0.4], [0.7, 0.9]], np.float32)
    points = np.arange(40, dtype=np.float32).reshape(4, 5, 2)
    picture = LabelledPicture(Path("a"), labelled, (MaskState.MASK, MaskState.NO_MASK))
    known = of_scene(Votes(boxes, votes, points), picture)
    assert known.sureness.tolist() == pytest.approx([1, 1, 0.5, 0.8])
    assert known.boxes[2:].tolist() == boxes[[1, 3]].tolist()
    assert known.states[2:] == [None, None]
    assert known.seen[0].tolist() == boxes[0].tolist()
    assert np.isnan(known.seen[1:]).all(), "the second is labelled, but not surely seen"
    assert known.landmarks[1].tolist() == points[2].tolist()


def test_all_boxes_are_drawn_in_one_way() -> None:
    # Teachers see 10..50; one set's boxes are as theirs, another's a quarter wider on each side.
    seen = [[10.0, 10, 50, 50]]
    first = [labels_of(f"a{n}", [[10.0, 14, 50, 50]], seen=seen) for n in range(30)]
    second = [labels_of(f"b{n}", [[0.0, 0, 60, 60]], seen=seen, source=1) for n in range(30)]
    alone = labels_of("c", [[100.0, 100, 160, 160]], source=1)
    derived = labels_of("d", [[10.0, 10, 30, 30]], sureness=[0.9], source=1)
    *both, alone, derived = aligned([*first, *second, alone, derived])
    assert all(one.boxes[0] == pytest.approx([10, 14, 50, 50]) for one in both)
    assert alone.boxes[0] == pytest.approx([110, 114, 150, 150])
    assert derived.boxes[0] == pytest.approx([10, 12, 30, 30])


def test_scenes_show_what_their_boxes_say(pictures: tuple[Path, list[SceneLabels]]) -> None:
    data, labels = pictures
    maker = SceneMaker(data, labels, CALM)
    rng = np.random.default_rng(0)
    count = 0
    for _ in range(20):
        scene = maker.scene(128, rng)
        assert scene.image.shape == (128, 128, 3)
        assert len(scene.states) == len(scene.boxes)
        for x1, y1, x2, y2 in scene.boxes.round().astype(int).tolist():
            middle = scene.image[(y1 + y2) // 2, (x1 + x2) // 2].astype(int)
            assert middle[0] > middle[1] + 60, "a face is red in its middle"
            count += 1
    assert count > 20


@pytest.mark.parametrize("mirror", [1, -1])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 3.7])
def test_boxes_lie_where_the_warped_face_lies(mirror: int, scale: float) -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    image[20:40, 30:46] = 255
    shift = [200.3 if mirror < 0 else 7.3, 5.6]
    matrix = np.array([[mirror * scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
    out = warped(image, matrix, (320, 240), np.random.default_rng(0))  # A black border.
    light = out[..., 0].astype(float) / 255
    ys, xs = np.mgrid[:240, :320] + 0.5
    centre = [(light * xs).sum() / light.sum(), (light * ys).sum() / light.sum()]
    x1, y1, x2, y2 = moved(np.array([[30, 20, 46, 40]], np.float32), matrix)[0].tolist()
    assert centre == pytest.approx([(x1 + x2) / 2, (y1 + y2) / 2], abs=0.22)
    assert light.sum() == pytest.approx((x2 - x1) * (y2 - y1), rel=0.05)


def test_what_was_taken_for_a_face_is_shown_as_none(
    pictures: tuple[Path, list[SceneLabels]],
) -> None:
    data, labels = pictures
    # Two of the red ovals were taken for faces, the first of which is one.
    (box,) = labels[0].boxes
    hand = replace(labels[1], boxes=[], sureness=[], states=[], landmarks=[], seen=[])
    mistaken = {one.path: np.array([box], np.float32) for one in (labels[0], hand)}
    mistaken[hand.path] = np.array(labels[1].boxes, np.float32)
    how = replace(CALM, empty=1.0, mistaken=1.0)
    maker = SceneMaker(data, [labels[0], hand], how, mistaken)
    rng = np.random.default_rng(0)
    scenes = [maker.scene(64, rng) for _ in range(12)]
    assert all(len(scene.boxes) == 0 for scene in scenes)
    red = [(scene.image[..., 0] > 200).any() for scene in scenes]
    assert np.mean(red) > 0.7, "the hand is shown; the face is not what empty tiles show"
    without = SceneMaker(data, [labels[0]], how, {labels[0].path: mistaken[labels[0].path]})
    assert not (without.scene(64, rng).image[..., 0] > 200).any()


def test_mistakes_are_what_nobody_else_sees(
    pictures: tuple[Path, list[SceneLabels]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from maskwatch.training.detector import mining

    data, labels = pictures
    (x1, y1, x2, y2) = labels[0].boxes[0]
    found = np.array([[x1, y1, x2, y2], [150, 100, 190, 150], [500, 0, 600, 9]], np.float32)
    scale = 640 / 200

    def told(*_: object) -> tuple[Floats, Floats, Floats, Floats]:
        none = np.zeros((3, 3), np.float32)
        return found * scale, np.array([0.9, 0.8, 0.7], np.float32), none, none

    monkeypatch.setattr(mining, "decode_maps", told)
    portrait = replace(labels[1], every_face=False)
    got = mining.mistaken_places(FaceNet().eval(), data, [labels[0], portrait])
    assert list(got) == [labels[0].path]
    assert got[labels[0].path][0].tolist() == pytest.approx([150, 100, 190, 150])


def test_a_training_of_other_labels_is_refused(
    pictures: tuple[Path, list[SceneLabels]], tmp_path: Path
) -> None:
    data, labels = pictures
    maker = SceneMaker(data, labels, CALM)
    fit(maker, TINY, tmp_path / "run", learnt_from=labels_digest(labels))
    fit(maker, TINY, tmp_path / "run", learnt_from=labels_digest(labels))
    with pytest.raises(UsageError, match="of another recipe"):
        fit(maker, TINY, tmp_path / "run", learnt_from=labels_digest(labels[:2]))
    with pytest.raises(UsageError, match="of another recipe"):
        start = FaceNet()
        fit(maker, TINY, tmp_path / "run", learnt_from=labels_digest(labels), start=start)


def test_scenes_of_one_seed_are_the_same(pictures: tuple[Path, list[SceneLabels]]) -> None:
    data, labels = pictures
    loud = Mixture(source_weights=(1.0,), paste=1, drawn_mask=1, colour=1, degrade=1, turned=1)
    first, again = (
        SceneMaker(data, labels, loud).scene(96, np.random.default_rng(3)) for _ in range(2)
    )
    assert (first.image == again.image).all()
    assert first.boxes.tolist() == again.boxes.tolist()
    assert len(first.boxes) == len(first.states) == len(first.landmarks)
    assert (first.boxes >= 0).all()
    assert (first.boxes <= 96).all()


def test_places_where_nobody_is_hold_no_face(
    pictures: tuple[Path, list[SceneLabels]],
) -> None:
    data, labels = pictures
    scenes = SceneMaker(data, labels, replace(CALM, empty=1.0))
    rng = np.random.default_rng(0)
    made = [scenes.scene(96, rng) for _ in range(12)]
    empty = [scene for scene in made if not len(scene.boxes)]
    assert len(empty) > 6
    for scene in empty:
        red = (np.abs(scene.image.astype(int) - RED) < 8).all(axis=2)
        assert red.mean() < 0.01


def test_a_turned_ellipse_keeps_its_box() -> None:
    quarter = np.array([[0, -1, 0], [1, 0, 0]], np.float32)
    assert moved(np.array([[0, 0, 4, 8]], np.float32), quarter).tolist() == [[-8, 0, 0, 4]]


def test_a_mirrored_face_has_its_right_eye_on_the_left() -> None:
    mirror = np.array([[-1, 0, 10], [0, 1, 0]], np.float32)
    points = np.array([[[1, 2], [4, 2], [3, 4], [2, 7], [4, 7]]], np.float32)
    assert moved_landmarks(points, mirror)[0, :3].tolist() == [[6, 2], [9, 2], [7, 4]]


def test_a_pyramid_halves() -> None:
    sizes = [level.shape[:2] for level in pyramid(np.zeros((40, 33, 3), np.uint8))]
    assert sizes == [(40, 33), (20, 17), (10, 9), (5, 5)]


def cells() -> tuple[torch.Tensor, torch.Tensor]:
    return cells_of([torch.zeros(1, 18, 64 // s, 64 // s) for s in (8, 16, 32)])


def test_cells_answer_for_the_face_that_they_see() -> None:
    corners, strides = cells()
    assert len(corners) == 64 + 16 + 4
    boxes = torch.cat([corners, corners + 16], dim=1)
    truth = Truth(
        boxes=torch.tensor([[8.0, 8.0, 24.0, 24.0]]),
        states=torch.tensor([[0.0, 1.0, 0.0]]),
        landmarks=UNKNOWN,
        ignored=torch.tensor([[40.0, 40.0, 64.0, 64.0]]),
    )
    got = assign(torch.full((84,), 0.5), boxes, corners, strides, truth)
    best = int(got.quality.argmax())
    assert corners[best].tolist() == [8, 8]
    assert float(got.quality[best]) == pytest.approx(1.0)
    assert not got.counts[(corners >= 40).all(dim=1)].any()
    assert (got.quality[(corners >= 32).any(dim=1)] == 0).all()


def test_no_face_no_answer() -> None:
    corners, strides = cells()
    nothing = Truth(torch.zeros(0, 4), torch.zeros(0, 3), UNKNOWN[:0], torch.zeros(0, 4))
    got = assign(torch.rand(84), torch.rand(84, 4), corners, strides, nothing)
    assert not got.quality.any()
    assert got.counts.all()


def test_a_tiny_face_between_cells_is_answered_for() -> None:
    corners, strides = cells()
    centres = corners + strides[:, None] / 2
    boxes = torch.cat([centres - 4, centres + 4], dim=1)
    tiny = Truth(torch.tensor([[14.0, 14, 18, 18]]), torch.eye(3)[:1], UNKNOWN, torch.zeros(0, 4))
    assert (assign(torch.full((84,), 0.1), boxes, corners, strides, tiny).quality > 0).any()


def test_overlaps() -> None:
    first = torch.tensor([[0.0, 0, 2, 2]])
    assert float(iou(first, torch.tensor([[1.0, 0, 3, 2]]))) == pytest.approx(1 / 3)
    assert float(generalised_iou(first, first)) == pytest.approx(1)
    assert float(generalised_iou(first, torch.tensor([[4.0, 0, 6, 2]]))) == pytest.approx(-1 / 3)


def test_right_answers_lose_least() -> None:
    corners, strides = cells()
    points = torch.tensor([[[12.0, 12], [20, 12], [16, 16], [13, 20], [19, 20]]])
    truth = Truth(torch.tensor([[8.0, 8, 24, 24]]), torch.eye(3)[1:2], points, torch.zeros(0, 4))
    rows = torch.zeros(1, 84, 18)
    rows[..., 0] = -8
    cell = int(((corners == 8).all(dim=1) & (strides == 8)).nonzero()[0])
    rows[0, cell, :8] = torch.tensor([8, 0.5, 0.5, np.log(2), np.log(2), -6, 6, -6])
    rows[0, cell, 8:] = ((points - 12) / 16).flatten()
    assert torch.allclose(landmarks_of(rows, corners, strides)[0, cell], points[0])
    right, parts = loss_of(rows, corners, strides, [truth])
    assert float(right) < 0.1
    assert set(parts) == {"score", "box", "state", "landmarks"}
    for changed in ((0, -8.0), (1, 3.0), (5, 20.0), (9, 8.0)):
        wrong = rows.clone()
        wrong[0, cell, changed[0]] = changed[1]
        assert float(loss_of(wrong, corners, strides, [truth])[0]) > float(right) + 0.3, changed
    unknown = Truth(truth.boxes, truth.states, UNKNOWN, truth.ignored)
    loss, parts = loss_of(rows, corners, strides, [unknown])
    assert parts["landmarks"] == 0
    assert torch.isfinite(loss)


def test_a_resumed_run_is_the_unbroken_one(
    pictures: tuple[Path, list[SceneLabels]], tmp_path: Path
) -> None:
    data, labels = pictures
    maker = SceneMaker(data, labels, CALM)
    whole = fit(maker, TINY, tmp_path / "whole", checkpoint_every=2)

    class Killed(Exception):
        pass

    class Dies:
        def scene(self, side: int, rng: np.random.Generator) -> object:
            self.left -= 1
            if self.left < 0:
                raise Killed
            return maker.scene(side, rng)

        left = 3  # Those of two steps.

    with pytest.raises(Killed):
        fit(Dies(), TINY, tmp_path / "broken", checkpoint_every=2)  # type: ignore[arg-type]
    resumed = fit(maker, TINY, tmp_path / "broken")
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(tensor.float(), resumed.state_dict()[name].float(), atol=1e-5), name
    assert [TINY.shape_at(step) for step in range(2)] == [(2, 64), (1, 96)]
    with pytest.raises(UsageError, match="of another recipe"):
        fit(maker, replace(TINY, seed=1), tmp_path / "broken")


def test_a_run_is_a_detector_and_its_one_file_says_the_same(
    pictures: tuple[Path, list[SceneLabels]], tmp_path: Path
) -> None:
    data, labels = pictures
    torch.manual_seed(0)
    network = FaceNet().eval()
    for head in network.heads:  # Surer than a fresh network, so that there is something to compare.
        last = list(head.children())[-1]
        torch.nn.init.normal_(last.weight, std=0.4)
        last.bias.data[0] = 0.0
    run = tmp_path / "run"
    run.mkdir()
    bundle = bundle_of(network, [TINY], data, labels, run, "tiny")
    assert json.loads((run / "bundle.json").read_text())["kind"] == "both"
    assert bundle.figures["held_out"]["faces"] == 1
    detector = open_detector(str(run))
    assert isinstance(detector, OnePass)
    session = onnxruntime.InferenceSession(run / END_TO_END)
    for size in ((64, 96), (75, 50)):
        image = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
        ours = OnePass(bundles.read(run), long_side=max(size)).detect([image])[0]
        boxes, scores, states, points = session.run(None, {"image": image})
        assert len(ours) == len(scores) > 0
        assert ours.scores == pytest.approx(scores, abs=1e-4)
        inside = clip(boxes, size[1], size[0])
        # Of boxes that are as sure as each other, either may come first.
        overlaps = box_iou(ours.boxes[area(ours.boxes) > 1], inside[area(inside) > 1])
        assert overlaps.max(axis=1).min() > 0.99
        assert overlaps.max(axis=0).min() > 0.99
        for mine, theirs in ((ours.probabilities, states), (ours.landmarks, points)):
            assert np.sort(mine, axis=0) == pytest.approx(np.sort(theirs, axis=0), abs=0.05)
    fast = MaskDetector(detector=str(run), mode="fast", unknown=0, score=0.01)
    faces = fast(np.full((90, 70, 3), 128, np.uint8))
    assert faces.probabilities.sum(axis=1) == pytest.approx(np.ones(len(faces)), abs=1e-5)


def test_maps_and_rows_agree_on_their_cells() -> None:
    maps = FaceNet().eval()(torch.rand(2, 3, 64, 96))
    assert [tuple(level.shape) for level in maps] == [
        (2, 18, 8, 12),
        (2, 18, 4, 6),
        (2, 18, 2, 3),
    ]
    corners, strides = cells_of(maps)
    rows = flat(maps)
    assert rows.shape[:2] == (2, len(corners))
    assert rows[0, 13, 2] == maps[0][0, 2, 1, 1]
    assert corners[13].tolist() == [8, 8]
    assert boxes_of(rows, corners, strides).shape == (2, len(corners), 4)


def test_labels_of_the_real_sets(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from maskwatch.training.detector import labels as module

    monkeypatch.setenv("MASKWATCH_MODELS", str(shared / "weights"))
    data = shared / "data"
    scene = next(
        p
        for p in read_coco(data / "ilc2021-train").pictures
        if p.boxes is not None and len(p.boxes) > 3
    )
    folder = data / "balajisrinivas-3833" / "with_mask"
    portrait = LabelledPicture(sorted(folder.iterdir())[0], None, (MaskState.MASK,))
    sets = [[scene], [], [portrait]]
    monkeypatch.setattr(module, "read_sets", lambda *_: sets)
    first, second = derive_labels(data, None, "small", tmp_path, threads=1)
    assert scene.boxes is not None
    count = len(scene.boxes)
    assert np.array(first.boxes)[:count] == pytest.approx(scene.boxes, abs=0.06)
    assert first.sureness[:count] == [1.0] * count
    assert any(box is not None for box in first.seen[:count])
    assert (second.source, second.every_face) == (2, False)
    (face,) = second.faces()
    assert int(np.argmax(second.states[face])) == 0
    assert sum(second.states[face]) == pytest.approx(1, abs=1e-3)
    (file,) = tmp_path.glob("labels-*.jsonl")
    before = file.read_bytes()
    assert derive_labels(data, None, "small", tmp_path, threads=1) == [first, second]
    assert file.read_bytes() == before, "nothing is derived twice"
    file.write_bytes(before[:-20])
    assert derive_labels(data, None, "small", tmp_path, threads=1) == [first, second]
    assert file.read_bytes() == before, "a line that was cut off is derived again"
    sets[2] = []
    assert derive_labels(data, None, "small", tmp_path, threads=1) == [first]
    file.write_text("nonsense\n")
    with pytest.raises(SourceError, match="does not hold labels"):
        derive_labels(data, None, "small", tmp_path, threads=1)


def test_overlap_of_arrays_and_tensors_agree() -> None:
    rng = np.random.default_rng(0)
    boxes = rng.random((5, 4)).astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    tensors = torch.from_numpy(boxes)
    assert iou(tensors[:, None], tensors[None]).numpy() == pytest.approx(
        box_iou(boxes, boxes), abs=1e-5
    )
