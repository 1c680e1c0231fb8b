import numpy as np
import pytest

from maskwatch import Faces, MaskState
from maskwatch.types import joined
from tests.conftest import faces_at

THREE = faces_at(
    [[0, 0, 9, 9], [10, 0, 19, 9], [20, 0, 29, 9]],
    [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.1, 0.2, 0.7]],
)


@pytest.mark.parametrize(
    ("state", "violation"),
    [("mask", False), ("no_mask", True), ("incorrect", True), ("unknown", False)],
)
def test_violations(state: str, violation: bool) -> None:
    assert MaskState(state).is_violation is violation


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(np.array([False, True, False]), id="mask"),
        pytest.param([1], id="index"),
        pytest.param(slice(1, 2), id="slice"),
    ],
)
def test_slices(rows: object) -> None:
    chosen = THREE[rows]  # type: ignore[index]
    assert len(chosen) == 1
    assert next(iter(chosen)).state is MaskState.NO_MASK


def test_no_rows_chosen() -> None:
    assert len(THREE[[]]) == 0
    assert len(THREE[np.zeros(3, bool)]) == 0


def test_a_face_is_a_view_of_its_row() -> None:
    face = list(THREE)[2]
    assert face.box.tolist() == [20, 0, 29, 9]
    assert face.confidence == pytest.approx(0.7)
    assert face.probabilities.sum() == pytest.approx(1)


def test_counts() -> None:
    assert THREE.count(MaskState.MASK) == 1
    assert THREE.violations == 2


def test_found_faces_are_unknown_until_judged() -> None:
    faces = Faces.found(np.zeros((2, 4), np.float32), np.ones(2, np.float32))
    assert [face.state for face in faces] == [MaskState.UNKNOWN] * 2
    assert [face.confidence for face in faces] == [None, None]
    assert faces.probabilities.sum(axis=1) == pytest.approx([1, 1])


@pytest.mark.parametrize(
    ("name", "shape"),
    [("scores", (2,)), ("probabilities", (3, 2)), ("states", (1,)), ("landmarks", (3, 4, 2))],
)
def test_arrays_of_other_shapes_are_refused(name: str, shape: tuple[int, ...]) -> None:
    parts = {key: getattr(THREE, key) for key in ("boxes", "scores", "probabilities", "states")}
    with pytest.raises(ValueError, match=f"{name} must have shape"):
        Faces(**{**parts, name: np.zeros(shape, np.float32)})


def test_joined_faces_keep_their_order() -> None:
    both = joined([THREE[[0]], THREE, Faces.empty()])
    assert both.boxes.tolist() == [THREE.boxes[0].tolist(), *THREE.boxes.tolist()]
    assert both.states.tolist() == [THREE.states[0], *THREE.states]
    assert both.landmarks is None
