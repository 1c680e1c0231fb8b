"""What stands before faces and is no mask: hands, cups, scarves, beards, visors and the like.

None of it changes the state of a face: a bare one stays bare, a masked one stays masked.
"""

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from maskwatch.data.drawing.face import (
    FaceFrame,
    Outline,
    blend,
    coverage,
    ellipse,
    light_level,
    line,
)
from maskwatch.types import Floats, Image, MaskState


class Thing(StrEnum):
    """What can be drawn."""

    HAND = "hand"
    CUP = "cup"
    PHONE = "phone"
    MICROPHONE = "microphone"
    PAPER = "paper"
    SCARF = "scarf"
    BEARD = "beard"
    VISOR = "visor"
    SUNGLASSES = "sunglasses"
    STRAP = "helmet strap"
    FOOD = "food"
    SHAWL = "shawl"
    TURBAN = "turban"
    CARNIVAL = "carnival mask"

    def fits(self, state: MaskState) -> bool:
        """Whether people of that state are seen with it, and the state can still be seen."""
        if state is MaskState.NO_MASK:
            return True
        beside_the_mouth = self in (Thing.VISOR, Thing.SUNGLASSES, Thing.STRAP, Thing.TURBAN)
        before_it = self in (Thing.MICROPHONE, Thing.PHONE)
        return beside_the_mouth or (before_it and state is MaskState.MASK)


def draw_thing(image: Image, landmarks: Floats, thing: Thing, rng: np.random.Generator) -> Image:
    """A copy of the picture with a thing drawn before one face.

    Args:
        image: RGB, shape (h, w, 3).
        landmarks: shape (5, 2) in pixels: eyes, nose, corners of the mouth.
        thing: what to draw.
        rng: chooses size, place and colour.
    """
    canvas = _Canvas(image, FaceFrame(landmarks), rng)
    _DRAWN[thing](canvas)
    return np.clip(canvas.out, 0, 255).astype(np.uint8)


class _Canvas:
    """The picture that is drawn on, with the face and the dice."""

    def __init__(self, image: Image, face: FaceFrame, rng: np.random.Generator) -> None:
        self.image, self.face, self.rng = image, face, rng
        self.out = image.astype(np.float32)
        self.light = light_level(image, face)[..., None]

    def colour(self, *choices: tuple[int, int, int], spread: int = 25) -> Floats:
        """One of some colours, or any colour if none are given."""
        if not choices:
            return np.asarray(self.rng.integers(10, 246, 3), np.float32)
        chosen = np.array(choices[int(self.rng.integers(len(choices)))], np.float32)
        shifted = np.clip(chosen + self.rng.integers(-spread, spread + 1), 0, 255)
        return np.asarray(shifted, np.float32)

    def fill(
        self, outline: Outline, colour: Floats, opacity: float = 1, soft: float = 0.03
    ) -> None:
        """Fill an outline in face coordinates, in the light of the scene."""
        cover = coverage(self.image, self.face.points(outline), soft * self.face.unit) * opacity
        blend(self.out, colour * self.light, cover)

    def stroke(self, start: tuple[float, float], end: tuple[float, float], width: float) -> None:
        """A dark line in face coordinates."""
        ends = self.face.points(np.array([start, end]))
        dark = np.array([30, 30, 32], np.float32)
        blend(self.out, dark, line(self.image, ends, width * self.face.unit))

    def turned(self, outline: Outline, degrees: float) -> Outline:
        """The outline turned about its own middle."""
        middle, angle = outline.mean(axis=0), np.radians(degrees)
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return np.asarray((outline - middle) @ matrix.T + middle)


def _box(x: float, y: float, width: float, height: float) -> Outline:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])


def _hand(c: _Canvas) -> None:
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


def _cup(c: _Canvas) -> None:
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


def _phone(c: _Canvas) -> None:
    side = 1 if c.rng.random() < 0.5 else -1
    before_the_mouth = c.rng.random() < 0.4
    x = c.face.nose_x * 0.5 - 0.4 if before_the_mouth else side * 1.3 - 0.4
    outline = _box(x, c.rng.uniform(0.2, 0.9), 0.8, 1.6)
    outline = c.turned(outline, c.rng.normal(0, 15) + side * 15)
    colour = c.colour((25, 25, 28), (225, 225, 228), (90, 90, 100))
    c.fill(outline, colour)
    c.fill((outline - outline.mean(axis=0)) * 0.85 + outline.mean(axis=0), colour * 0.8 + 8)


def _microphone(c: _Canvas) -> None:
    x, y = c.face.nose_x * 0.6 + c.rng.normal(0, 0.3), c.rng.uniform(1.0, 1.6)
    size, lean = c.rng.uniform(0.25, 0.5), c.rng.normal(0, 0.5)
    foam = c.colour((30, 30, 32), (90, 90, 95), (40, 60, 130), (150, 40, 40))
    c.stroke((x, y), (x + lean, y + 2.2), 0.3)
    c.fill(ellipse(x, y, size, size * 0.9), foam)


def _paper(c: _Canvas) -> None:
    width = c.rng.uniform(1.6, 3.2)
    outline = _box(-width / 2 + c.rng.normal(0, 0.3), c.rng.uniform(0.5, 1.1), width, 2.2)
    outline = c.turned(outline, c.rng.normal(0, 10))
    colour = c.colour((240, 240, 236), (235, 225, 190), (200, 215, 235), spread=12)
    c.fill(outline, colour)
    for row in np.arange(0.3, 1.8, 0.25):
        a, b = outline[0] + [0.2, row], outline[1] + [-0.2, row]
        ends = c.face.points(np.array([a, b]))
        blend(c.out, colour * 0.7, line(c.image, ends, 1))


def _scarf(c: _Canvas) -> None:
    top = c.rng.uniform(0.75, 1.7)
    drop = c.rng.uniform(-0.25, 0.35)
    outline = np.array(
        [[-2.6, top - drop], [-1.4, top], [0, top + 0.15], [1.4, top], [2.6, top + drop],
         [3.0, 4.5], [-3.0, 4.5]]
    )  # fmt: skip
    colour = c.colour()
    c.fill(outline, colour)
    second = c.colour() if c.rng.random() < 0.5 else colour * 0.75
    for fold in range(int(c.rng.integers(2, 6))):
        y = top + 0.35 * (fold + 1) + c.rng.normal(0, 0.05)
        tilt = c.rng.normal(0, 0.2)
        band = np.array(
            [[-3, y - tilt], [3, y + tilt], [3, y + tilt + 0.12], [-3, y - tilt + 0.12]]
        )
        c.fill(band, second, opacity=0.7, soft=0.06)


def _beard(c: _Canvas) -> None:
    hair = c.colour((35, 28, 24), (70, 50, 35), (110, 105, 100), (150, 110, 70), (200, 200, 198))
    length = c.rng.uniform(1.8, 2.4)
    jaw = c.face.turned(
        [(0, 0.72), (0.45, 0.76), (0.8, 1.0), (1.45, 0.5), (1.45, 1.1), (1.15, 1.6),
         (0.5, length), (0, length + 0.05)]
    )  # fmt: skip
    cover = coverage(c.image, c.face.points(jaw), 0.08 * c.face.unit)
    lips = coverage(
        c.image, c.face.points(ellipse(c.face.nose_x * 0.7, 1.02, 0.5, 0.13)), 0.04 * c.face.unit
    )
    grain = c.rng.normal(0, 22, (*c.image.shape[:2], 1)).astype(np.float32)
    painted = hair * c.light + grain
    blend(c.out, painted, cover * (1 - 0.9 * lips) * np.float32(c.rng.uniform(0.6, 0.95)))


def _visor(c: _Canvas) -> None:
    shield = np.array([[-2.0, -1.1], [2.0, -1.1], [2.1, 1.2], [1.3, 2.4], [-1.3, 2.4], [-2.1, 1.2]])
    tint = c.colour((225, 232, 240), spread=12)
    c.fill(shield, tint, opacity=float(c.rng.uniform(0.08, 0.3)))
    x = c.rng.uniform(-1.4, 1.2)
    glare = np.array([[x, -1.0], [x + 0.25, -1.0], [x - 0.1, 2.2], [x - 0.3, 2.2]])
    c.fill(glare, np.array([255, 255, 255], np.float32), opacity=float(c.rng.uniform(0.1, 0.5)))
    band = c.colour((240, 240, 240), (40, 80, 160), (30, 30, 30))
    c.fill(_box(-2.1, -1.4, 4.2, 0.35), band)


def _sunglasses(c: _Canvas) -> None:
    dark = c.colour((20, 20, 24), (50, 35, 25), (30, 40, 60), spread=10)
    opacity, height = float(c.rng.uniform(0.75, 1)), c.rng.uniform(0.28, 0.42)
    for x in (-1, 1):
        c.fill(ellipse(x, 0.05, 0.75, height), dark, opacity)
    c.stroke((-1.0, -0.1), (1.0, -0.1), 0.06)
    c.stroke((-1.7, -0.05), (-2.2, -0.1), 0.06)
    c.stroke((1.7, -0.05), (2.2, -0.1), 0.06)


def _strap(c: _Canvas) -> None:
    for side in (-1, 1):
        c.stroke((side * 1.7, -0.8), (side * 1.35, 1.3), 0.12)
        c.stroke((side * 1.35, 1.3), (0, 2.0), 0.12)


def _food(c: _Canvas) -> None:
    x, y = c.face.nose_x * 0.7 + c.rng.normal(0, 0.15), c.rng.uniform(1.0, 1.3)
    crust = c.colour((200, 150, 90), (240, 200, 120), (150, 40, 35), (120, 170, 70))
    c.fill(ellipse(x, y, c.rng.uniform(0.5, 0.95), c.rng.uniform(0.3, 0.6)), crust * 0.8)
    c.fill(ellipse(x, y - 0.05, c.rng.uniform(0.4, 0.7), c.rng.uniform(0.2, 0.35)), crust)


def _shawl(c: _Canvas) -> None:
    """Around the head and below the chin: a hood, a shawl, a head scarf."""
    around = ellipse(0, 0.6, c.rng.uniform(2.3, 3.2), c.rng.uniform(2.7, 3.4))
    room = c.rng.uniform(1.25, 1.6), c.rng.uniform(1.45, 1.75)
    face = c.face.points(ellipse(c.face.nose_x * 0.4, 0.55 + c.rng.uniform(-0.1, 0.1), *room))
    cover = coverage(c.image, c.face.points(around), 0.04 * c.face.unit)
    opening = coverage(c.image, face, 0.04 * c.face.unit)
    shadow = coverage(c.image, face, 0.25 * c.face.unit)
    blend(c.out, np.zeros(3, np.float32), opening * (1 - shadow) * np.float32(0.6))
    blend(c.out, _folded(c), cover * (1 - opening))


def _turban(c: _Canvas) -> None:
    height, brim = c.rng.uniform(1.0, 1.7), c.rng.uniform(-0.75, -0.5)
    outline = np.array(
        [[-1.6, brim + 0.25], [0, brim], [1.6, brim + 0.25], [1.9, brim - 0.5],
         [1.1, brim - height], [0, brim - height - 0.25], [-1.1, brim - height], [-1.9, brim - 0.5]]
    )  # fmt: skip
    blend(c.out, _folded(c), coverage(c.image, c.face.points(outline), 0.04 * c.face.unit))


def _folded(c: _Canvas) -> Floats:
    """Cloth over the whole picture, with folds that run one way; perhaps striped or spotted."""
    x, y = c.face.grid(c.image)
    slope, wave = c.rng.normal(0, 1), c.rng.uniform(2, 7)
    along = np.sin(wave * (y + slope * x + 0.3 * np.sin(2 * x)))
    cloth = np.empty(c.image.shape, np.float32)
    cloth[:] = _muted(c)
    kind = c.rng.random()
    if kind < 0.12:
        cloth[np.sin(3 * wave * (x - slope * y)) > 0.5] = _muted(c)
    elif kind < 0.24:
        cloth[np.sin(9 * x) * np.sin(9 * y) > 0.4] = _muted(c)
    return np.asarray(cloth * (1 + 0.18 * along[..., None]) * c.light, np.float32)


def _muted(c: _Canvas) -> Floats:
    """A colour as clothes have them: seldom a pure one."""
    colour = c.colour()
    return np.asarray(colour + (colour.mean() - colour) * c.rng.uniform(0, 0.9), np.float32)


def _carnival(c: _Canvas) -> None:
    """Around the eyes, with holes for them."""
    high, low = c.rng.uniform(0.5, 0.9), c.rng.uniform(0.35, 0.6)
    mask = c.face.turned(
        [(0, -0.3 * high), (0.8, -high), (1.7, -1.2 * high), (1.6, 0.1), (0.9, low),
         (0.3, 0.3 * low), (0, 0.35 * low)]
    )  # fmt: skip
    cover = coverage(c.image, c.face.points(mask), 0.03 * c.face.unit)
    for x in (-1, 1):
        hole = c.face.points(ellipse(x, 0, c.rng.uniform(0.35, 0.5), c.rng.uniform(0.16, 0.25)))
        cover = cover * (1 - coverage(c.image, hole, 0.03 * c.face.unit))
    blend(c.out, _folded(c), cover)
    bead = c.colour((235, 215, 120), (245, 245, 245), (30, 30, 32))
    for x in np.linspace(-1.5, 1.5, 9):
        c.fill(ellipse(x, -0.75 * high, 0.07, 0.07), bead)


_DRAWN: dict[Thing, Callable[[_Canvas], None]] = {
    Thing.HAND: _hand,
    Thing.CUP: _cup,
    Thing.PHONE: _phone,
    Thing.MICROPHONE: _microphone,
    Thing.PAPER: _paper,
    Thing.SCARF: _scarf,
    Thing.BEARD: _beard,
    Thing.VISOR: _visor,
    Thing.SUNGLASSES: _sunglasses,
    Thing.STRAP: _strap,
    Thing.FOOD: _food,
    Thing.SHAWL: _shawl,
    Thing.TURBAN: _turban,
    Thing.CARNIVAL: _carnival,
}
