import cv2
import numpy as np

from maskwatch.images import to_grey, warp_crops
from maskwatch.pipeline.quality import clothes_colours, face_weights, sharpness
from maskwatch.types import Image
from tests.conftest import ASTRONAUT_BOX

BOX = np.array([ASTRONAUT_BOX], np.float32)


def test_a_blurred_face_is_less_sharp_and_weighs_less(astronaut: Image) -> None:
    blurred = np.asarray(cv2.GaussianBlur(astronaut, (0, 0), 8), np.uint8)
    assert sharpness(blurred, BOX)[0] < sharpness(astronaut, BOX)[0] / 2
    assert face_weights(blurred, BOX)[0] < face_weights(astronaut, BOX)[0]


def test_light_does_not_change_sharpness(astronaut: Image) -> None:
    dark = (astronaut * 0.5).astype(np.uint8)
    ratio = sharpness(dark, BOX)[0] / sharpness(astronaut, BOX)[0]
    assert 0.8 < ratio < 1.25


def test_grey_crops_are_the_grey_of_the_crops(astronaut: Image) -> None:
    for side in (16, 32, 200):
        colour, grey = (warp_crops(astronaut, BOX, side, grey=grey)[0] for grey in (False, True))
        assert np.abs(to_grey(colour).astype(int) - grey).max() <= 2


def test_a_small_face_weighs_less(astronaut: Image) -> None:
    small = np.asarray(cv2.resize(astronaut, (80, 80), interpolation=cv2.INTER_AREA), np.uint8)
    assert face_weights(small, BOX * 80 / 512)[0] < face_weights(astronaut, BOX)[0]


def test_clothes_are_what_is_below_the_face() -> None:
    picture = np.full((300, 200, 3), 40, np.uint8)
    picture[150:] = (230, 90, 20)
    (colour,) = clothes_colours(picture, np.array([[70, 60, 130, 130]], np.float32))
    expected = cv2.cvtColor(np.uint8([[[230, 90, 20]]]), cv2.COLOR_RGB2LAB)[0, 0]
    np.testing.assert_allclose(colour, expected, atol=2)


def test_at_the_pictures_edge_and_without_faces(astronaut: Image) -> None:
    low = np.array([[400, 480, 540, 530], [-20, -20, 10, 10]], np.float32)
    assert np.isfinite(clothes_colours(astronaut, low)).all()
    assert np.isfinite(face_weights(astronaut, low)).all()
    none = np.zeros((0, 4), np.float32)
    assert clothes_colours(astronaut, none).shape == (0, 3)
    assert face_weights(astronaut, none).shape == (0,)
