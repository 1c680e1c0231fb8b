"""Things drawn by code onto faces: masks, worn well and wrong, and what is no mask.

Drawn masks make more of the rare wrongly worn ones; the same drawings worn well keep the drawing
itself from becoming the cue; drawn hands, cups and scarves show what covers a mouth and is no mask.
"""

from maskwatch.data.drawing.cutouts import LEAST_MASKED_SIDE_PX, MaskCutout, cut_mask
from maskwatch.data.drawing.face import FaceFrame, mirrored
from maskwatch.data.drawing.laying import cutout_like, lay_mask, shows
from maskwatch.data.drawing.masks import (
    MaskStyle,
    Placement,
    draw_mask,
    draw_random_mask,
    random_style,
)
from maskwatch.data.drawing.objects import Thing, draw_thing
from maskwatch.data.drawing.others import stand_before

__all__ = [
    "LEAST_MASKED_SIDE_PX",
    "FaceFrame",
    "MaskCutout",
    "MaskStyle",
    "Placement",
    "Thing",
    "cut_mask",
    "cutout_like",
    "draw_mask",
    "draw_random_mask",
    "draw_thing",
    "lay_mask",
    "mirrored",
    "random_style",
    "shows",
    "stand_before",
]
