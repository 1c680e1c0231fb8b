"""The faces that were told wrong, on one picture: the surest errors first."""

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from maskwatch.boxes import squares
from maskwatch.draw import COLOURS, WORDS
from maskwatch.evaluation.faces import LabelledFaces
from maskwatch.evaluation.metrics import told_of
from maskwatch.images import Image, decode, warp_crops
from maskwatch.types import CLASSES, Floats, MaskState

Colour = tuple[int, int, int]
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
    told = told_of(probabilities)
    wrong = np.flatnonzero(told != faces.truth)
    if not len(wrong):
        return None
    order = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:most]
    rows = -(-len(order) // columns)
    sheet = Pillow.new("RGB", (columns * side, rows * (side + _FOOT)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, face in enumerate(order):
        x, y = number % columns * side, number // columns * (side + _FOOT)
        margin = _MARGIN if probabilities[face].any() else 0.0  # Of a missed face: all there is.
        square = squares(faces.boxes[face : face + 1], margin)
        crop = warp_crops(decode(faces.paths[face]), square, side)[0]
        sheet.paste(Pillow.fromarray(crop), (x, y))
        for line, (words, colour) in enumerate(
            (answer_words(probabilities[face]), label_words(faces.truth[face]))
        ):
            pen.text((x + 3, y + side + 1 + 15 * line), words, colour, font)
    return np.asarray(sheet)


def answer_words(probabilities: Floats) -> tuple[str, Colour]:
    """What was told of a face, from its probabilities (3,), and the colour of that."""
    if not probabilities.any():
        return "no face found", COLOURS[MaskState.UNKNOWN]
    state = CLASSES[int(probabilities.argmax())]
    return f"{WORDS[state]} {probabilities.max():.0%}", COLOURS[state]


def label_words(label: int) -> tuple[str, Colour]:
    """What a face is labelled, and the colour of that."""
    state = CLASSES[label]
    return f"is {WORDS[state].lower()}", COLOURS[state]
