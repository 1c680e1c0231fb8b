import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskwatch.errors import ModelInvalid, UsageError
from maskwatch.models import bundle as bundles
from maskwatch.models.bundle import UnknownRule
from maskwatch.models.catalogue import SHIPPED
from maskwatch.models.classifier import MaskClassifier, open_classifier, softmax, states_of
from maskwatch.types import Image
from tests.conftest import ASTRONAUT_BOX

NO_BOX = np.zeros((0, 4), np.float32)


@pytest.fixture(scope="module")
def classifier() -> MaskClassifier:
    return open_classifier("standard", device="cpu", threads=1)


def test_the_faces_of_several_pictures_share_a_batch(
    classifier: MaskClassifier, astronaut: Image
) -> None:
    box = np.array([ASTRONAUT_BOX], np.float32)
    boxes = [
        np.repeat(box, 20, axis=0) + np.arange(20, dtype=np.float32)[:, None],
        NO_BOX,
        np.repeat(box, 30, axis=0),
    ]
    together = classifier.probabilities([astronaut] * 3, boxes)
    assert [table.shape for table in together] == [(20, 3), (0, 3), (30, 3)]
    alone = [classifier.probabilities([astronaut], [box + i])[0][0] for i in range(20)]
    assert together[0] == pytest.approx(np.array(alone), abs=1e-4)
    assert together[2].sum(axis=1) == pytest.approx(np.ones(30), abs=1e-5)


@pytest.mark.parametrize("boxes", [[], [NO_BOX]])
def test_no_faces(classifier: MaskClassifier, astronaut: Image, boxes: list[np.ndarray]) -> None:
    assert [t.shape for t in classifier.probabilities([astronaut] * len(boxes), boxes)] == [
        (0, 3)
    ] * len(boxes)


def test_a_bundle_of_two_labels_never_says_incorrect(tmp_path: Path, astronaut: Image) -> None:
    onnx = pytest.importorskip("onnx")
    folder = tmp_path / "two"
    shutil.copytree(SHIPPED / "standard", folder)
    nodes = [
        onnx.helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[2, 3], keepdims=0),
        onnx.helper.make_node("Slice", ["mean", "start", "end", "axis"], ["logits"]),
    ]
    numbers = [
        onnx.helper.make_tensor(n, onnx.TensorProto.INT64, [1], [v])
        for n, v in (("start", 0), ("end", 2), ("axis", 1))
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "two",
        [onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["n", 2])],
        numbers,
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8
    )
    three = bundles.read(folder)
    onnx.save(model, str(folder / "model.onnx"))
    bundles.write(replace(three, labels=("mask", "no_mask")))
    table = open_classifier(str(folder)).probabilities(
        [astronaut], [np.array([ASTRONAUT_BOX], np.float32)]
    )
    assert table[0].shape == (1, 3)
    assert table[0][0, 2] == 0
    assert table[0].sum() == pytest.approx(1)


def test_a_network_of_other_outputs_is_refused(tmp_path: Path, astronaut: Image) -> None:
    folder = tmp_path / "b"
    shutil.copytree(SHIPPED / "standard", folder)
    content = json.loads((folder / "bundle.json").read_text())
    content["labels"] = ["mask", "no_mask"]
    (folder / "bundle.json").write_text(json.dumps(content))
    with pytest.raises(ModelInvalid, match=r"expected outputs of shape \(1, 2\), got \(1, 3\)"):
        open_classifier(str(folder)).probabilities(
            [astronaut], [np.array([ASTRONAUT_BOX], np.float32)]
        )


def test_unknown_classifier() -> None:
    with pytest.raises(UsageError, match="choose from standard"):
        open_classifier("best")


def test_softmax_of_large_logits() -> None:
    table = softmax(np.array([[1000.0, 0, -1000], [1, 1, 1]], np.float32))
    assert table == pytest.approx(np.array([[1, 0, 0], [1 / 3] * 3]), abs=1e-6)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (UnknownRule(0, 0), ["mask", "no_mask", "incorrect", "mask"]),
        (UnknownRule(0, 0.6), ["mask", "no_mask", "unknown", "mask"]),
        (UnknownRule(12, 0), ["mask", "no_mask", "incorrect", "unknown"]),
        (UnknownRule(12, 0.6), ["mask", "no_mask", "unknown", "unknown"]),
    ],
)
def test_the_rule_for_unknown(rule: UnknownRule, expected: list[str]) -> None:
    table = np.array([[0.9, 0.05, 0.05], [0.2, 0.7, 0.1], [0.2, 0.3, 0.5], [1, 0, 0]], np.float32)
    boxes = np.array([[0, 0, 20, 20]] * 3 + [[0, 0, 11, 40]], np.float32)
    assert states_of(table, boxes, rule).tolist() == expected


def test_no_states_for_no_faces() -> None:
    assert states_of(np.zeros((0, 3), np.float32), NO_BOX, UnknownRule(12, 0.5)).shape == (0,)
