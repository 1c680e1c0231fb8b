"""The faces that were told wrong, on one picture: the surest errors first."""

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from maskwatch.boxes import squares
from maskwatch.draw import COLOURS, WORDS
from maskwatch.evaluation.faces import LabelledFaces
from maskwatch.images import Image, decode, warp_crops
from maskwatch.types import CLASSES, Floats

_MARGIN = 0.3
_FOOT = 34


def wrong_faces(
    faces: LabelledFaces,
    probabilities: Floats,
    *,
    most: int = 60,
    columns: int = 10,
    side: int = 112,
) -> Image | None:
    """Faces told wrong, each with what it was told and, below, its label; None where all are right.

    Args:
        faces: n faces.
        probabilities: of each, shape (n, 3).
        most: so many are shown.
        columns: faces a row.
        side: of a face, in pixels.
    """
    told = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(told != faces.truth)
    if not len(wrong):
        return None
    order = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:most]
    rows = -(-len(order) // columns)
    sheet = Pillow.new("RGB", (columns * side, rows * (side + _FOOT)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, face in enumerate(order):
        x, y = number % columns * side, number // columns * (side + _FOOT)
        square = squares(faces.boxes[face : face + 1], _MARGIN)
        crop = warp_crops(decode(faces.paths[face]), square, side)[0]
        sheet.paste(Pillow.fromarray(crop), (x, y))
        state, label = CLASSES[told[face]], CLASSES[faces.truth[face]]
        sure = probabilities[face, told[face]]
        pen.text((x + 3, y + side + 1), f"{WORDS[state]} {sure:.0%}", COLOURS[state], font)
        pen.text((x + 3, y + side + 16), f"is {WORDS[label].lower()}", COLOURS[label], font)
    return np.asarray(sheet)
