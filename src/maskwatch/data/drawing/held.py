"""What people hold before their faces: hands, cups, phones and the like."""

import numpy as np

from maskwatch.data.drawing.canvas import Canvas, box
from maskwatch.data.drawing.face import blend, ellipse, line


def hand(c: Canvas) -> None:
    """Four fingers and the back of a hand, in the colour of the face's skin."""
    skin = np.clip(c.face.skin(c.image) * c.rng.uniform(0.85, 1.1), 0, 255)
    side = 1 if c.rng.random() < 0.5 else -1
    x, y = c.face.nose_x * 0.5 + c.rng.normal(0, 0.2), c.rng.uniform(0.9, 1.35)
    lean = c.rng.uniform(-35, 35)
    c.fill(ellipse(x + side * 0.75, y + 0.55, 0.75, 0.6, lean), skin * 0.92)
    for finger in range(4):
        along = -0.38 + 0.26 * finger
        width, height = c.rng.uniform(0.85, 1.1), 0.15
        c.fill(ellipse(x, y + along + 0.02, width, height + 0.03, lean), skin * 0.7)
        c.fill(ellipse(x, y + along, width, height, lean), skin)


def cup(c: Canvas) -> None:
    """A cup at the mouth, tilted a little."""
    x, top = c.face.nose_x * 0.6, c.rng.uniform(0.6, 1.0)
    width, height = c.rng.uniform(0.5, 0.85), c.rng.uniform(0.9, 1.6)
    colour = c.colour((235, 235, 235), (150, 100, 60), (40, 40, 45), (190, 40, 40), (60, 90, 150))
    outline = np.array(
        [[x - width, top], [x + width, top], [x + 0.75 * width, top + height],
         [x - 0.75 * width, top + height]]
    )  # fmt: skip
    outline = c.turned(outline, c.rng.normal(0, 12))
    c.fill(outline, colour)
    rim_x, rim_y = outline[:2].mean(axis=0).tolist()
    c.fill(ellipse(rim_x, rim_y, width, 0.1), colour * 0.75)


def phone(c: Canvas) -> None:
    """At the ear, or before the mouth."""
    side = 1 if c.rng.random() < 0.5 else -1
    before_the_mouth = c.rng.random() < 0.4
    x = c.face.nose_x * 0.5 - 0.4 if before_the_mouth else side * 1.3 - 0.4
    outline = box(x, c.rng.uniform(0.2, 0.9), 0.8, 1.6)
    outline = c.turned(outline, c.rng.normal(0, 15) + side * 15)
    colour = c.colour((25, 25, 28), (225, 225, 228), (90, 90, 100))
    c.fill(outline, colour)
    c.fill((outline - outline.mean(axis=0)) * 0.85 + outline.mean(axis=0), colour * 0.8 + 8)


def microphone(c: Canvas) -> None:
    """Foam on a stick, below the mouth."""
    x, y = c.face.nose_x * 0.6 + c.rng.normal(0, 0.3), c.rng.uniform(1.0, 1.6)
    size, lean = c.rng.uniform(0.25, 0.5), c.rng.normal(0, 0.5)
    foam = c.colour((30, 30, 32), (90, 90, 95), (40, 60, 130), (150, 40, 40))
    c.stroke((x, y), (x + lean, y + 2.2), 0.3)
    c.fill(ellipse(x, y, size, size * 0.9), foam)


def paper(c: Canvas) -> None:
    """A sheet with lines of writing, from the nose or the mouth down."""
    width = c.rng.uniform(1.6, 3.2)
    outline = box(-width / 2 + c.rng.normal(0, 0.3), c.rng.uniform(0.5, 1.1), width, 2.2)
    outline = c.turned(outline, c.rng.normal(0, 10))
    colour = c.colour((240, 240, 236), (235, 225, 190), (200, 215, 235), spread=12)
    c.fill(outline, colour)
    for row in np.arange(0.3, 1.8, 0.25):
        a, b = outline[0] + [0.2, row], outline[1] + [-0.2, row]
        ends = c.face.points(np.array([a, b]))
        blend(c.out, colour * 0.7, line(c.image, ends, 1))


def food(c: Canvas) -> None:
    """Something round at the mouth."""
    x, y = c.face.nose_x * 0.7 + c.rng.normal(0, 0.15), c.rng.uniform(1.0, 1.3)
    crust = c.colour((200, 150, 90), (240, 200, 120), (150, 40, 35), (120, 170, 70))
    c.fill(ellipse(x, y, c.rng.uniform(0.5, 0.95), c.rng.uniform(0.3, 0.6)), crust * 0.8)
    c.fill(ellipse(x, y - 0.05, c.rng.uniform(0.4, 0.7), c.rng.uniform(0.2, 0.35)), crust)
