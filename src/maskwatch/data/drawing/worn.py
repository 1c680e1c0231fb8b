"""What people wear on and around their faces that is no mask: scarves, beards, visors."""

import numpy as np

from maskwatch.data.drawing.canvas import Canvas, box
from maskwatch.data.drawing.face import blend, coverage, ellipse, symmetric
from maskwatch.types import Floats


def scarf(c: Canvas) -> None:
    """From the chin, the mouth or the nose down, in folds."""
    top = c.rng.uniform(0.45, 1.7)
    drop, wide = c.rng.uniform(-0.25, 0.35), c.wide * c.rng.uniform(1, 1.4)
    outline = np.array(
        [[-2.6, top - drop], [-1.4, top], [0, top + 0.15], [1.4, top], [2.6, top + drop],
         [3.0, 4.5], [-3.0, 4.5]]
    ) * [wide, 1]  # fmt: skip
    if c.rng.random() < 0.5:
        cover = coverage(c.image, c.face.points(outline), 0.03 * c.face.unit)
        blend(c.out, _folded(c), cover)
        return
    colour = c.colour()
    c.fill(outline, colour)
    second = c.colour() if c.rng.random() < 0.5 else colour * 0.75
    for fold in range(int(c.rng.integers(2, 6))):
        y = top + 0.35 * (fold + 1) + c.rng.normal(0, 0.05)
        tilt = c.rng.normal(0, 0.2)
        band = np.array(
            [[-3, y - tilt], [3, y + tilt], [3, y + tilt + 0.12], [-3, y - tilt + 0.12]]
        ) * [wide, 1]
        c.fill(band, second, opacity=0.7, soft=0.06)


def shawl(c: Canvas) -> None:
    """Around the head and below the chin: a hood, a shawl, a head scarf."""
    around = ellipse(0, 0.6, c.wide * c.rng.uniform(2.4, 3.6), c.rng.uniform(2.2, 3.0))
    room = c.rng.uniform(1.25, 1.6), c.rng.uniform(1.45, 1.75)
    face = c.face.points(ellipse(c.face.nose_x * 0.4, 0.55 + c.rng.uniform(-0.1, 0.1), *room))
    cover = coverage(c.image, c.face.points(around), 0.04 * c.face.unit)
    opening = coverage(c.image, face, 0.04 * c.face.unit)
    shadow = coverage(c.image, face, 0.25 * c.face.unit)
    blend(c.out, np.zeros(3, np.float32), opening * (1 - shadow) * np.float32(0.6))
    blend(c.out, _folded(c), cover * (1 - opening))


def turban(c: Canvas) -> None:
    """Wound cloth above the brows."""
    height, brim = c.rng.uniform(1.0, 1.7), c.rng.uniform(-0.75, -0.5)
    outline = np.array(
        [[-1.6, brim + 0.25], [0, brim], [1.6, brim + 0.25], [1.9, brim - 0.5],
         [1.1, brim - height], [0, brim - height - 0.25], [-1.1, brim - height], [-1.9, brim - 0.5]]
    )  # fmt: skip
    blend(c.out, _folded(c), coverage(c.image, c.face.points(outline), 0.04 * c.face.unit))


def _folded(c: Canvas) -> Floats:
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


def _stiff(c: Canvas) -> Floats:
    """A smooth shell over the whole picture, lit from the front: white, black, gold."""
    x, y = c.face.grid(c.image)
    shade = 1.1 - 0.12 * x**2 - 0.15 * (y - 0.1) ** 2
    colour = c.colour((238, 236, 230), (238, 236, 230), (28, 28, 30), (200, 165, 80))
    return np.asarray(colour * np.clip(shade, 0.5, 1.1)[..., None] * c.light, np.float32)


def _muted(c: Canvas) -> Floats:
    """A colour as clothes have them: seldom a pure one."""
    colour = c.colour()
    return np.asarray(colour + (colour.mean() - colour) * c.rng.uniform(0, 0.9), np.float32)


def carnival(c: Canvas) -> None:
    """Around the eyes, with holes for them; some reach down to the tip of the nose."""
    high, low = c.rng.uniform(0.5, 1.1), c.rng.uniform(0.35, 0.8)
    bridge = low * c.rng.uniform(0.3, 1.1)
    mask = c.face.turned(
        [(0, -0.3 * high), (0.8, -high), (1.7, -1.2 * high), (1.6, 0.1), (0.9, low),
         (0.3, bridge), (0, bridge + 0.05)]
    )  # fmt: skip
    cover = coverage(c.image, c.face.points(mask), 0.03 * c.face.unit)
    for x in (-1, 1):
        hole = c.face.points(ellipse(x, 0, c.rng.uniform(0.35, 0.5), c.rng.uniform(0.16, 0.25)))
        cover = cover * (1 - coverage(c.image, hole, 0.03 * c.face.unit))
    blend(c.out, _folded(c) if c.rng.random() < 0.5 else _stiff(c), cover)
    bead = c.colour((235, 215, 120), (245, 245, 245), (30, 30, 32))
    for x in np.linspace(-1.5, 1.5, 9):
        c.fill(ellipse(x, -0.75 * high, 0.07, 0.07), bead)


def beard(c: Canvas) -> None:
    """Around the lips and along the jaw."""
    hair = c.colour((35, 28, 24), (70, 50, 35), (110, 105, 100), (150, 110, 70), (200, 200, 198))
    length = c.rng.uniform(1.8, 2.4)
    jaw = symmetric(
        [(0, 0.72), (0.45, 0.76), (0.8, 1.0), (1.45, 0.5), (1.45, 1.1), (1.15, 1.6),
         (0.5, length), (0, length + 0.05)]
    )  # fmt: skip
    cover, lips = c.on_the_skin(jaw, ellipse(0, 1.02, 0.5, 0.13), soft=0.06)
    grain = c.rng.normal(0, 22, (*c.image.shape[:2], 1)).astype(np.float32)
    painted = hair * c.light + grain
    blend(c.out, painted, cover * (1 - 0.9 * lips) * np.float32(c.rng.uniform(0.6, 0.95)))


def visor(c: Canvas) -> None:
    """A clear shield before the whole face, with a glare and a band."""
    shield = np.array([[-2.0, -1.1], [2.0, -1.1], [2.1, 1.2], [1.3, 2.4], [-1.3, 2.4], [-2.1, 1.2]])
    tint = c.colour((225, 232, 240), spread=12)
    c.fill(shield, tint, opacity=float(c.rng.uniform(0.08, 0.3)))
    x = c.rng.uniform(-1.4, 1.2)
    glare = np.array([[x, -1.0], [x + 0.25, -1.0], [x - 0.1, 2.2], [x - 0.3, 2.2]])
    c.fill(glare, np.array([255, 255, 255], np.float32), opacity=float(c.rng.uniform(0.1, 0.5)))
    band = c.colour((240, 240, 240), (40, 80, 160), (30, 30, 30))
    c.fill(box(-2.1, -1.4, 4.2, 0.35), band)


def sunglasses(c: Canvas) -> None:
    """Dark lenses with a bridge and temples."""
    dark = c.colour((20, 20, 24), (50, 35, 25), (30, 40, 60), spread=10)
    opacity, height = float(c.rng.uniform(0.75, 1)), c.rng.uniform(0.28, 0.42)
    for x in (-1, 1):
        c.fill(ellipse(x, 0.05, 0.75, height), dark, opacity)
    c.stroke((-1.0, -0.1), (1.0, -0.1), 0.06)
    c.stroke((-1.7, -0.05), (-2.2, -0.1), 0.06)
    c.stroke((1.7, -0.05), (2.2, -0.1), 0.06)


def strap(c: Canvas) -> None:
    """A helmet's, from the temples to below the chin."""
    for side in (-1, 1):
        c.stroke((side * 1.7, -0.8), (side * 1.35, 1.3), 0.12)
        c.stroke((side * 1.35, 1.3), (0, 2.0), 0.12)
