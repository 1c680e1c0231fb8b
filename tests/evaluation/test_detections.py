import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maskwatch.evaluation.detections import (
    average_precision,
    match,
    precision_interval,
    recall,
)

FACES = np.array([[0, 0, 20, 20], [40, 0, 60, 20], [80, 0, 84, 4]], np.float32)
SMALL = np.array([False, False, True])


def test_one_right_one_wrong_one_on_an_ignored_face() -> None:
    boxes = np.array([[1, 0, 21, 20], [100, 0, 120, 20], [80, 0, 84, 4]], np.float32)
    found = match(boxes, np.array([0.9, 0.8, 0.7], np.float32), FACES, SMALL)
    assert found.right.tolist() == [True, False]
    assert found.faces == 2
    assert found.found[:2].tolist() == pytest.approx([0.9, 0])
    assert found.box.tolist() == [0, -1, -1]
    assert recall([found]) == 0.5
    assert recall([found], 0.95) == 0
    # Precision is 1 up to recall 0.5, and 0 above it.
    assert average_precision([found]) == pytest.approx(51 / 101)


def test_a_second_box_on_one_face_is_wrong() -> None:
    boxes = np.array([[0, 0, 20, 20], [0, 0, 20, 19]], np.float32)
    found = match(boxes, np.array([0.5, 0.9], np.float32), FACES, SMALL)
    assert found.scores.tolist() == pytest.approx([0.9, 0.5])
    assert found.right.tolist() == [True, False]


def test_nothing_found_and_nothing_there() -> None:
    none = np.zeros((0, 4), np.float32)
    missed = match(none, np.zeros(0, np.float32), FACES, SMALL)
    assert average_precision([missed]) == 0
    empty = match(none, np.zeros(0, np.float32), none, np.zeros(0, bool))
    assert np.isnan(average_precision([empty]))
    assert np.isnan(recall([empty]))


def test_the_interval_holds_the_figure_and_shrinks_to_it_where_all_pictures_agree() -> None:
    boxes = np.array([[0, 0, 20, 20], [100, 0, 120, 20]], np.float32)
    scores = np.array([0.9, 0.95], np.float32)
    same = [match(boxes, scores, FACES, SMALL)] * 10
    assert precision_interval(same, draws=50) == pytest.approx([average_precision(same)] * 2)
    none = match(boxes[:0], scores[:0], FACES, SMALL)
    low, high = precision_interval([*same, *[none] * 10], draws=200)
    assert low < average_precision([*same, *[none] * 10]) < high


def test_it_counts_as_the_sets_own_tool(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    annotations = shared / "data" / "kaggle853-dev" / "annotations.json"
    content = json.loads(annotations.read_text("utf-8"))
    rng = np.random.default_rng(0)
    lines, parts = [], []
    for image in content["images"]:
        truth = np.array(
            [a["bbox"] for a in content["annotations"] if a["image_id"] == image["id"]], np.float32
        ).reshape(-1, 4)
        small = truth[:, 2:].min(axis=1, initial=1e9) < 12
        truth[:, 2:] += truth[:, :2]
        moved = truth + rng.normal(0, 3, truth.shape)
        boxes = np.concatenate([moved, moved[::2] + 9, truth[::3]]).astype(np.float32)
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        scores = rng.random(len(boxes)).astype(np.float32)
        parts.append(match(boxes, scores, truth, small))
        faces = [
            {"box": b, "score": s, "probabilities": {}}
            for b, s in zip(boxes.tolist(), scores.tolist(), strict=True)
        ]
        lines.append(json.dumps({"path": image["file_name"], "faces": faces}))
    records = tmp_path / "r.jsonl"
    records.write_text("\n".join(lines), encoding="utf-8")
    tool = shared / "tools" / "score_detections.py"
    done = subprocess.run(
        [sys.executable, tool, annotations, records, "--json"], capture_output=True, check=True
    )
    assert average_precision(parts) == pytest.approx(json.loads(done.stdout)["face AP"], abs=0.002)
