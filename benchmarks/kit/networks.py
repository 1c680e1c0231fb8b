"""What a network that was just trained says of cut faces."""

import numpy as np
import torch
from numpy.typing import NDArray

from maskwatch.data.crops import FaceCrops
from maskwatch.training.augment import PLAIN, training_batch
from maskwatch.training.backbone import normalised
from maskwatch.training.fit import Recipe
from maskwatch.types import Floats

_AT_ONCE = 64


def probabilities_of(
    network: torch.nn.Module, crops: FaceCrops, rows: NDArray[np.intp], recipe: Recipe
) -> Floats:
    """The probabilities of some faces, shown as they are in their labelled boxes, shape (n, 3)."""
    parts, rng = [], np.random.default_rng(0)
    network = network.cpu()
    with torch.inference_mode():
        for some in np.array_split(rows, -(-len(rows) // _AT_ONCE)):
            pictures, *_ = training_batch(
                crops, some.tolist(), side=recipe.side, margin=recipe.margin, how=PLAIN, rng=rng
            )
            parts.append(network(normalised(torch.from_numpy(pictures))).softmax(dim=1).numpy())
    return np.concatenate(parts)
