import numpy as np
import pytest

from maskwatch.draw import BLUR_CELLS, COLOURS, annotate, blur, label_of
from maskwatch.types import Faces, Image, MaskState
from tests.conftest import faces_at

SURE = {
    "mask": [0.991, 0.005, 0.004],
    "no_mask": [0.01, 0.97, 0.02],
    "incorrect": [0.1, 0.018, 0.882],
}


@pytest.mark.parametrize(
    ("state", "label"),
    [("mask", "Mask 99.1%"), ("no_mask", "No mask 97.0%"), ("incorrect", "Worn wrong 88.2%")],
)
def test_labels(state: str, label: str) -> None:
    (face,) = faces_at([[0, 0, 9, 9]], [SURE[state]])
    assert label_of(face) == label


def test_the_label_of_an_unknown_state_has_no_percentage() -> None:
    (face,) = Faces.found(np.zeros((1, 4), np.float32), np.ones(1, np.float32))
    assert label_of(face) == "Unknown"


@pytest.mark.parametrize("size_wh", [(200, 150), (640, 480), (3840, 2160), (40, 30), (5, 5)])
@pytest.mark.parametrize("state", ["mask", "no_mask", "incorrect"])
def test_box_and_label_are_drawn_in_the_colour_of_the_state(
    size_wh: tuple[int, int], state: str
) -> None:
    width, height = size_wh
    image = np.full((height, width, 3), 255, np.uint8)
    box = [width * 0.3, height * 0.4, width * 0.7, height * 0.9]
    drawn = annotate(image, faces_at([box], [SURE[state]]))
    assert drawn.shape == image.shape
    assert (image == 255).all(), "the picture that came must stay as it was"
    coloured = (drawn == COLOURS[MaskState(state)]).all(axis=2)
    assert coloured[round(height * 0.4) : round(height * 0.9)].any()


def test_labels_of_a_crowd_do_not_cover_each_other() -> None:
    boxes = [[x, 100, x + 30, 140] for x in range(10, 600, 45)]
    states = ["mask", "no_mask"] * (len(boxes) // 2) + ["mask"] * (len(boxes) % 2)
    blank = np.full((300, 640, 3), 255, np.uint8)
    together = annotate(blank, faces_at(boxes, [SURE[state] for state in states]))
    for box, state in zip(boxes, states, strict=True):
        colour = COLOURS[MaskState(state)]
        x1, y1, x2, y2 = box[0] - 2, box[1] - 30, box[2] + 2, box[3] + 30
        near = together[y1:y2, max(x1, 0) : x2]
        # Its box alone has about 140 pixels of its colour; the rest is its label.
        assert (near == colour).all(axis=2).sum() > 250


def test_a_blurred_face_depends_on_64_values_only(astronaut: Image) -> None:
    # With 15% around it this box is 160x240 pixels: cells of 20x30, whose pixels can be mixed
    # without touching their mean.
    box = np.array([[0, 0, 160 / 1.15, 240 / 1.15]], np.float32)
    cell_wh = 160 // BLUR_CELLS, 240 // BLUR_CELLS
    rng = np.random.default_rng(0)
    mixed = astronaut.copy()
    for y in range(0, 240, cell_wh[1]):
        for x in range(0, 160, cell_wh[0]):
            cell = mixed[y : y + cell_wh[1], x : x + cell_wh[0]]
            cell[...] = rng.permutation(cell.reshape(-1, 3)).reshape(cell.shape)
    assert (mixed != astronaut).any()
    assert np.array_equal(blur(mixed, box), blur(astronaut, box))


def test_blur_leaves_the_rest_alone(astronaut: Image) -> None:
    blurred = blur(astronaut, np.array([[180, 60, 276, 172]], np.float32))
    changed = (blurred != astronaut).any(axis=2)
    ys, xs = np.nonzero(changed)
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (165, 290, 43, 188)


@pytest.mark.parametrize(
    "box", [[-50, -50, -10, -10], [0, 0, 3, 3], [508, 508, 600, 600], [0, 0, 512, 512]]
)
def test_blur_of_any_box(astronaut: Image, box: list[float]) -> None:
    assert blur(astronaut, np.array([box], np.float32)).shape == astronaut.shape
