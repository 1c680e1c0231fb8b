"""A real photo, bare and with masks drawn on by code, through the main job.

The photo is NASA's portrait of the astronaut Eileen Collins, which comes with scikit-image.
Run it with scripts/demo, or: python examples/demo.py OUT
"""

import logging
import shutil
import sys
from pathlib import Path

import numpy as np
import skimage.data

from maskwatch import Settings
from maskwatch.app.loop import run
from maskwatch.data.drawing import MaskStyle, Placement, draw_mask
from maskwatch.draw import label_of
from maskwatch.images import decode, encode
from maskwatch.types import Result

# Eyes, nose and corners of the mouth in the portrait, in pixels.
LANDMARKS = np.array([[201, 105], [245, 105], [221, 127], [204, 145], [242, 145]], np.float32)

SHOWN = (Placement.WORN, Placement.NOSE_OUT, Placement.CHIN)


def main(out: Path) -> None:
    """Write four photos to OUT/photos, find the faces, write what was found to OUT/annotated."""
    logging.basicConfig(format="%(message)s")
    shutil.rmtree(out, ignore_errors=True)
    portrait = skimage.data.astronaut()
    encode(portrait, out / "photos" / "1-bare.png")
    for number, placement in enumerate(SHOWN, 2):
        masked = draw_mask(portrait, LANDMARKS, placement, MaskStyle())
        encode(masked, out / "photos" / f"{number}-{placement.replace(' ', '-')}.png")
    settings = Settings(out=out / "annotated", records=out / "records.jsonl")
    run([str(out / "photos")], settings, on_result=_tell)
    heads = [decode(path)[30:250, 100:360] for path in sorted((out / "annotated").iterdir())]
    encode(np.hstack(heads), out / "demo.jpg")
    print(f"look at {out / 'demo.jpg'} and the whole pictures in {out / 'annotated'};")
    print(f"the records are in {settings.records}")


def _tell(result: Result) -> None:
    found = ", ".join(label_of(face) for face in result.faces) or "no face"
    print(f"{result.path}: {found}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/demo"))
