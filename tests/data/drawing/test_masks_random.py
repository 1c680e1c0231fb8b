"""Masks whose edges the dice move still cover what their placement says."""

import numpy as np
import pytest

from maskwatch.data.drawing import MaskStyle, Placement, draw_mask
from maskwatch.types import Image
from tests.conftest import LANDMARKS

PLAIN = MaskStyle((220, 20, 20), folds=0, straps=False)
NOSE, MOUTH = (221, 124), (222, 146)


@pytest.mark.parametrize(
    ("placement", "nose", "mouth"),
    [
        (Placement.WORN, True, True),
        (Placement.NOSE_OUT, False, True),
        (Placement.CHIN, False, False),
        (Placement.HANGING, False, False),
        (Placement.EYES, None, False),  # It may hang down to the tip of the nose.
    ],
)
def test_what_is_covered(
    astronaut: Image, placement: Placement, nose: bool | None, mouth: bool
) -> None:
    for seed in range(40):
        drawn = draw_mask(astronaut, LANDMARKS, placement, PLAIN, np.random.default_rng(seed))
        for (x, y), covered in ((NOSE, nose), (MOUTH, mouth)):
            changed = np.abs(drawn[y, x].astype(int) - astronaut[y, x]).max() > 60
            assert covered in (None, bool(changed)), (seed, placement, x, y)
