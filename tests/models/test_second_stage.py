"""The second look at boxes: what it adds to scores, in which order faces come, what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from maskwatch.boxes import iou, squares
from maskwatch.errors import ModelInvalid
from maskwatch.models import bundle as bundles
from maskwatch.models.bundle import Bundle, InputSpec, SecondStage
from maskwatch.models.catalogue import SHIPPED
from maskwatch.models.detectors.onepass import OnePass
from maskwatch.models.detectors.second_stage import (
    SecondLook,
    combined,
    first_logits,
    moved_by,
    moves_to,
)
from maskwatch.types import Boxes, Faces, Image

SIDE = 8
BRIGHT, DARK = [0.0, 0.0, 40.0, 40.0], [60.0, 60.0, 100.0, 100.0]


def with_network(folder: Path, outputs: int = 5) -> Bundle:
    """The shipped detector's bundle with a second stage that likes bright places and moves no
    square box."""
    folder.mkdir(exist_ok=True)
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", outputs])
    weights = np.zeros((3, outputs), np.float32)
    weights[:, 0] = 1 / 3
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
    ]
    tensor = helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel())
    graph = helper.make_graph(nodes, "bright", [pixels], [logits], [tensor])
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), folder / "second.onnx")
    shipped = bundles.read(SHIPPED / "maskwatch")
    for name in shipped.sha256:
        (folder / name).write_bytes((shipped.folder / name).read_bytes())
    spec = InputSpec(SIDE, SIDE, mean=(127.0,) * 3, std=(25.0,) * 3, margin=0.0)
    second = SecondStage("second.onnx", spec, (1.0, 1.0, 0.0), 0.3, 0.5)
    bundle = replace(
        shipped, folder=folder, second_stage=second, sha256={**shipped.sha256, "second.onnx": ""}
    )
    bundles.write(bundle)
    return bundles.read(folder)


@pytest.fixture
def picture() -> Image:
    image = np.full((100, 100, 3), 127, np.uint8)
    image[:40, :40], image[60:, 60:] = 227, 27
    return image


def test_a_second_look_turns_the_order_round(tmp_path: Path, picture: Image) -> None:
    look = SecondLook(with_network(tmp_path))
    faces = Faces.found(np.array([DARK, BRIGHT], np.float32), np.array([0.9, 0.6], np.float32))
    seen = look(picture, faces)
    assert seen.boxes.tolist() == [BRIGHT, DARK]
    chances = 1 / (1 + np.exp(-(first_logits(np.array([0.6, 0.9])) + np.array([4, -4]))))
    assert seen.scores == pytest.approx(np.sqrt(chances), abs=1e-3)
    assert len(look(picture, Faces.empty())) == 0


def test_many_boxes_are_judged_as_few_are(tmp_path: Path, picture: Image) -> None:
    look = SecondLook(with_network(tmp_path))
    boxes = np.array([BRIGHT, DARK] * 20, np.float32)
    logits, moved = look.look(picture, boxes)
    assert logits == pytest.approx([4, -4] * 20, abs=0.01)
    assert moved == pytest.approx(boxes, abs=1e-3)


def test_the_weights_mix_both_stages() -> None:
    scores, logits = np.array([0.2, 0.8]), np.array([3.0, -3.0])
    assert combined(scores, logits, (0.0, 0.0, 0.0)) == pytest.approx(np.sqrt([0.5, 0.5]))
    assert combined(scores, logits, (1.0, 0.0, 0.0)) == pytest.approx(scores, abs=1e-5)
    assert combined(scores, logits, (0.0, 1.0, 0.0)) == pytest.approx(
        np.sqrt([0.9526, 0.0474]), abs=1e-4
    )


def test_boxes_of_a_low_first_score_are_not_lost(tmp_path: Path, astronaut: Image) -> None:
    """The second stage sees what the first alone would have dropped."""
    bundle = with_network(tmp_path)
    assert bundle.second_stage is not None
    alone = OnePass(bundle, score=0.31, second_stage=False).detect([astronaut])[0]
    sure = replace(bundle.second_stage, weights=(0.0, 0.0, 5.0))
    both = OnePass(replace(bundle, second_stage=sure)).detect([astronaut])[0]
    assert len(both) >= len(alone) > 0
    never = replace(bundle.second_stage, weights=(0.0, 0.0, -5.0))
    assert len(OnePass(replace(bundle, second_stage=never)).detect([astronaut])[0]) == 0


def test_each_stage_has_its_own_score(tmp_path: Path) -> None:
    bundle = with_network(tmp_path)
    assert OnePass(bundle).least_score == 0.5
    assert OnePass(bundle, second_stage=False).least_score == bundle.least_score


def test_a_network_of_other_outputs_is_refused(tmp_path: Path, picture: Image) -> None:
    look = SecondLook(with_network(tmp_path, outputs=2))
    with pytest.raises(ModelInvalid, match=r"expected outputs of shape \(1, 5\), got \(1, 2\)"):
        look.look(picture, np.array([BRIGHT], np.float32))


def test_moves_lead_to_the_box_that_they_were_told_for() -> None:
    rng = np.random.default_rng(0)
    around = squares(boxes_in(rng), margin=0.35)
    wanted = boxes_in(rng)
    assert moved_by(moves_to(wanted, around, 0.35), around, 0.35) == pytest.approx(wanted, rel=1e-4)


def test_no_move_is_the_largest_square_of_the_box() -> None:
    box = np.array([[10, 20, 30, 60]], np.float32)
    still = moved_by(np.zeros((1, 4), np.float32), squares(box, 0.35), 0.35)
    assert still == pytest.approx(np.array([[0, 20, 40, 60]]), abs=1e-4)


def boxes_in(rng: np.random.Generator) -> Boxes:
    corners = rng.uniform(0, 50, (20, 2))
    return np.concatenate([corners, corners + rng.uniform(5, 40, (20, 2))], axis=1).astype("f")


def test_a_bundle_without_a_second_stage() -> None:
    bundle = bundles.read(SHIPPED / "standard")
    with pytest.raises(ModelInvalid, match="has no second stage"):
        SecondLook(bundle)


def test_a_second_stage_that_is_not_named_is_refused(tmp_path: Path) -> None:
    bundle = with_network(tmp_path)
    text = (tmp_path / "bundle.json").read_text()
    (tmp_path / "bundle.json").write_text(text.replace('"model": "second.onnx"', '"model": "x"'))
    with pytest.raises(ModelInvalid, match="sha256 does not name x"):
        bundles.read(bundle.folder)


def test_one_face_is_told_once(tmp_path: Path, astronaut: Image) -> None:
    """Two boxes that share a face are too far apart for the first stage to drop one."""
    bundle = with_network(tmp_path)
    assert bundle.second_stage is not None
    sure = replace(bundle.second_stage, weights=(1.0, 0.0, 0.0), from_score=0.02)
    every = OnePass(replace(bundle, second_stage=sure), score=0.02).detect([astronaut])[0]
    overlaps = iou(every.boxes, every.boxes) - np.eye(len(every))
    assert len(every) > 1 and overlaps.max() <= 0.3
    loose = OnePass(replace(bundle, second_stage=sure), score=0.02, iou=0.8)
    assert len(loose.detect([astronaut])[0]) > len(every), "the user's own limit counts for both"


def test_a_box_beyond_the_edge_is_no_face(tmp_path: Path, picture: Image) -> None:
    look = SecondLook(with_network(tmp_path))
    beyond = [100.0, 0.0, 100.0, 40.0]
    faces = Faces.found(np.array([beyond, BRIGHT], np.float32), np.array([0.9, 0.6], np.float32))
    assert look(picture, faces).boxes.tolist() == [BRIGHT]


def test_a_second_stage_needs_numbers(tmp_path: Path) -> None:
    with_network(tmp_path)
    text = (tmp_path / "bundle.json").read_text()
    (tmp_path / "bundle.json").write_text(text.replace('"from_score": 0.3', '"from_score": NaN'))
    with pytest.raises(ModelInvalid, match="must be finite"):
        bundles.read(tmp_path)


def test_a_second_stage_cuts_squares(tmp_path: Path) -> None:
    bundle = with_network(tmp_path)
    assert bundle.second_stage is not None
    boxed = replace(bundle.second_stage, input=replace(bundle.second_stage.input, crop="box"))
    bundles.write(replace(bundle, second_stage=boxed))
    with pytest.raises(ModelInvalid, match="cuts squares, got both and box"):
        bundles.read(tmp_path)
