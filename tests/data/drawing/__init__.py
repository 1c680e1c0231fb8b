"""Where the astronaut's features lie, in pixels, and which of them a mask covers."""

from maskwatch.data.drawing import Placement

EYES, NOSE, MOUTH, CHIN = (222, 105), (221, 127), (222, 145), (222, 172)
COVERED = [
    (Placement.WORN, [NOSE, MOUTH, CHIN]),
    (Placement.NOSE_OUT, [MOUTH, CHIN]),
    (Placement.CHIN, [CHIN]),
    (Placement.HANGING, []),
    (Placement.EYES, [EYES]),
]
