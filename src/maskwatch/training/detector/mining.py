"""Where a network sees faces that nobody else sees: hands, emblems, letters; it learns there."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from maskwatch.boxes import clip, iou, nms
from maskwatch.images import decode, fit
from maskwatch.models.detectors.onepass import STRIDES
from maskwatch.models.detectors.onepass import decode as decode_maps
from maskwatch.training.detector.fit import pixels_of
from maskwatch.training.detector.labels import SceneLabels
from maskwatch.types import Boxes

_LONG_SIDE = 640
_LEAST_SCORE = 0.4
_SAME_IOU = 0.5


def mistaken_places(
    network: nn.Module, data: Path, labels: Sequence[SceneLabels]
) -> dict[str, Boxes]:
    """By path, what the network takes for faces and neither labels nor any teacher do, (n, 4).

    Args:
        network: in evaluation mode.
        data: folder to which the labels' paths are relative.
        labels: of the pictures; portraits are left out, as not all of their faces are known.
    """
    device = next(network.parameters()).device
    out: dict[str, Boxes] = {}
    for one in labels:
        if not one.every_face:
            continue
        image = decode(data / one.path)
        small, scale = fit(image, _LONG_SIDE)
        height, width = (-(-side // STRIDES[-1]) * STRIDES[-1] for side in small.shape[:2])
        canvas = np.zeros((1, height, width, 3), np.uint8)
        canvas[0, : small.shape[0], : small.shape[1]] = small
        with torch.no_grad():
            maps = network(pixels_of(torch.from_numpy(canvas).to(device)))
        boxes, scores, _, _ = decode_maps([level.cpu().numpy() for level in maps], _LEAST_SCORE)
        boxes = clip(boxes[nms(boxes, scores, _SAME_IOU)] / scale, image.shape[1], image.shape[0])
        seen = np.array(one.boxes, np.float32).reshape(-1, 4)
        alone = iou(boxes, seen).max(axis=1, initial=0) == 0
        if alone.any():
            out[one.path] = boxes[alone]
    return out
