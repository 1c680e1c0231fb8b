"""Masks on a Raspberry Pi: a LiteRT file of `maskwatch export`, run by ai-edge-litert alone.

    maskwatch export standard --format litert-int8 --data photos/ --litert ~/litert --out export/
    pip install ai-edge-litert numpy pillow
    python raspberry_pi.py export/litert-int8 photo.jpg 120 80 260 250

The numbers are the face's box, left, top, right, bottom, from whatever finds faces there; without
them the picture is the face. The same for Android: examples/android.
"""

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def main(folder: Path, picture: Path, *box: str) -> None:
    """Print the probability of each state."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / "model.tflite"), num_threads=4)
    interpreter.allocate_tensors()
    (given,), (told,) = interpreter.get_input_details(), interpreter.get_output_details()
    bundle = json.loads((folder / "description.json").read_text())
    # Upright, as boxes are told.
    photo = ImageOps.exif_transpose(Image.open(picture)).convert("RGB")
    face = cut(photo, around([float(side) for side in box], bundle["input"])) if box else photo
    values = as_input(face, bundle["input"])
    interpreter.set_tensor(given["index"], quantised(values, given))
    interpreter.invoke()
    logits = plain(interpreter.get_tensor(told["index"]), told)[0] / bundle["temperature"]
    powers = np.exp(logits - logits.max())
    for label, share in zip(bundle["labels"], powers / powers.sum(), strict=True):
        print(f"{label}: {share:.1%}")


def around(box: list[float], spec: dict) -> tuple[float, ...]:
    """What is cut out for a face: its box, or a square around it, with the model's margin."""
    left, top, right, bottom = box
    x, y, wide, high = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    if spec["crop"] == "square":
        wide = high = max(wide, high)
    half = wide * (0.5 + spec["margin"]), high * (0.5 + spec["margin"])
    return x - half[0], y - half[1], x + half[0], y + half[1]


def cut(photo: Image.Image, box: tuple[float, ...]) -> Image.Image:
    """A place of a photo; beyond it the outermost pixels are repeated, as in training."""
    left, top, right, bottom = (round(side) for side in box)
    beyond = max(0, -left, -top, right - photo.width, bottom - photo.height)
    wide = np.pad(np.asarray(photo), ((beyond, beyond), (beyond, beyond), (0, 0)), mode="edge")
    return Image.fromarray(wide[top + beyond : bottom + beyond, left + beyond : right + beyond])


def as_input(face: Image.Image, spec: dict) -> np.ndarray:
    """A face as the network wants it, shape (1, height, width, 3)."""
    scaled = face.resize((spec["width"], spec["height"]), Image.Resampling.BILINEAR)
    pixels = np.asarray(scaled, np.float32)
    if spec["colour"] == "bgr":
        pixels = pixels[..., ::-1]
    return ((pixels - spec["mean"]) / spec["std"]).astype(np.float32)[None]


def quantised(values: np.ndarray, details: dict) -> np.ndarray:
    """Floats as the model's input type: in 8 bits, scaled, if it has those."""
    if details["dtype"] == np.float32:
        return values
    scale, zero = details["quantization"]
    limits = np.iinfo(details["dtype"])
    return np.clip(np.round(values / scale) + zero, limits.min, limits.max).astype(details["dtype"])


def plain(values: np.ndarray, details: dict) -> np.ndarray:
    """The model's output as floats."""
    if details["dtype"] == np.float32:
        return values
    scale, zero = details["quantization"]
    return (values.astype(np.float32) - zero) * scale


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
