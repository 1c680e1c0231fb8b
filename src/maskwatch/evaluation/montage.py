"""The same faces, and what each classifier says of them."""

from collections.abc import Sequence

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from maskwatch.boxes import squares
from maskwatch.evaluation.gallery import answer_words, label_words
from maskwatch.evaluation.metrics import told_of
from maskwatch.evaluation.report import Evaluation
from maskwatch.images import Image, decode, warp_crops

_MARGIN, _SIDE, _LINE, _GAP = 0.3, 150, 17, 10


def montage(done: Sequence[Evaluation], *, most: int = 28, columns: int = 7) -> Image:
    """Faces on which the classifiers disagree, or else any, with the answer of each below.

    Args:
        done: answers of several classifiers about the same faces.
        most: so many faces.
        columns: faces a row.
    """
    faces = done[0].faces
    told = np.stack([told_of(one.probabilities) for one in done])
    apart = (told != told[0]).any(axis=0)
    order = np.argsort(~apart, kind="stable")[:most]
    high = _SIDE + _LINE * (len(done) + 1) + 6
    rows = -(-len(order) // columns)
    sheet = Pillow.new("RGB", (columns * (_SIDE + _GAP), rows * high), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, face in enumerate(order):
        x, y = number % columns * (_SIDE + _GAP), number // columns * high
        square = squares(faces.boxes[face : face + 1], _MARGIN)
        crop = warp_crops(decode(faces.paths[face]), square, _SIDE)[0]
        sheet.paste(Pillow.fromarray(crop), (x, y))
        lines = [label_words(faces.truth[face])]
        for one in done:
            words, colour = answer_words(one.probabilities[face])
            name = str(one.model["name"]).rstrip("/").rpartition("/")[2][:9]
            lines.append((f"{name}: {words}", colour))
        for line, (text, colour) in enumerate(lines):
            pen.text((x + 2, y + _SIDE + 2 + line * _LINE), text, colour, font)
    return np.asarray(sheet)
