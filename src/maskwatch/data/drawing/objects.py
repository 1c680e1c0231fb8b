"""What stands before faces and is no mask: hands, cups, scarves, beards, visors and the like.

None of it changes the state of a face: a bare one stays bare, a masked one stays masked.
"""

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from maskwatch.data.drawing import held, worn
from maskwatch.data.drawing.canvas import Canvas
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
    canvas = Canvas(image, landmarks, rng)
    _DRAWN[thing](canvas)
    return np.clip(canvas.out, 0, 255).astype(np.uint8)


_DRAWN: dict[Thing, Callable[[Canvas], None]] = {
    Thing.HAND: held.hand,
    Thing.CUP: held.cup,
    Thing.PHONE: held.phone,
    Thing.MICROPHONE: held.microphone,
    Thing.PAPER: held.paper,
    Thing.SCARF: worn.scarf,
    Thing.BEARD: worn.beard,
    Thing.VISOR: worn.visor,
    Thing.SUNGLASSES: worn.sunglasses,
    Thing.STRAP: worn.strap,
    Thing.FOOD: held.food,
    Thing.SHAWL: worn.shawl,
    Thing.TURBAN: worn.turban,
    Thing.CARNIVAL: worn.carnival,
}
