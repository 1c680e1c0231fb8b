"""The face detector in one file, for any program that runs ONNX: pixels in, faces out.

Only NumPy, Pillow and ONNX Runtime are used here; nothing of maskwatch but the file it ships.

    python examples/end_to_end.py PHOTO [MODEL.onnx]
"""

import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

STATES = ("mask", "no_mask", "incorrect")
LONG_SIDE = 640


def main(photo: Path, model: Path | None = None) -> None:
    """Print the faces of a photo, the surest first; without a model, with the one that ships."""
    if model is None:
        shipped = Path(str(files("maskwatch"))) / "models" / "shipped"
        model = shipped / "maskwatch" / "end-to-end.onnx"
    picture = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    # The network finds faces of 10 to 400 pixels best: pictures are scaled to a fitting size.
    scale = LONG_SIDE / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    small = np.asarray(picture.resize(size))
    session = onnxruntime.InferenceSession(model)
    boxes, scores, states, _ = session.run(None, {"image": small})
    for box, score, probabilities in zip(boxes / scale, scores, states, strict=True):
        state = STATES[int(probabilities.argmax())]
        corners = " ".join(f"{value:.0f}" for value in box)
        print(f"{corners}  face {score:.2f}  {state} {probabilities.max():.2f}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
