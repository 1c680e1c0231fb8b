"""Backbones as timm or Keras builds them, their weights, and what becomes of pixels before them."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from maskwatch.errors import ModelNotFound, UsageError
from maskwatch.images import Colour
from maskwatch.models.files import FOLDER_VARIABLE
from maskwatch.training.backbone import load_backbone, read_weights
from maskwatch.training.workshop.choices import Preprocess
from maskwatch.training.workshop.keras import is_keras, load_keras_backbone, read_keras
from maskwatch.training.workshop.settings import IMAGENET, NO_WEIGHTS, TrainSettings

KERAS = {"mobilenetv2": "mobilenetv2_100", "resnet50": "resnet50", "inceptionv3": "inception_v3"}
"""Keras's backbones by the names of timm's of the same layers."""
CNN = "cnn"
_KERAS_MOMENTUM = 0.01
"""Of batch norms, as torch counts it; Keras's says 0.99."""
_CNN_CHANNELS = (32, 64, 128, 256)
_Numbers = tuple[float, float, float]
_TORCH = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


@dataclass(frozen=True, slots=True)
class Pixels:
    """What becomes of pixels 0 to 255: (pixel - mean) / std in the order of `colour`."""

    mean: _Numbers
    std: _Numbers
    colour: Colour = "rgb"


PREPROCESSING = {
    Preprocess.TF: Pixels((127.5,) * 3, (127.5,) * 3),
    Preprocess.UNIT: Pixels((0.0,) * 3, (255.0,) * 3),
    Preprocess.TORCH: Pixels(*_TORCH),
    Preprocess.CAFFE: Pixels((103.939, 116.779, 123.68), (1.0,) * 3, "bgr"),
    Preprocess.NONE: Pixels((0.0,) * 3, (1.0,) * 3),
}
_OWN_OF_KERAS = {"resnet50": Preprocess.CAFFE}


def backbone_of(settings: TrainSettings) -> tuple[nn.Module, Pixels]:
    """A training's backbone, and what its pixels were when its weights were made.

    Raises:
        UsageError: there is none of that name.
        ModelNotFound: its weights cannot be had.
        ModelInvalid: they are not of this backbone.
    """
    name = settings.backbone
    if name == CNN:
        return plain_cnn(), PREPROCESSING[Preprocess.UNIT]
    if name not in KERAS and not timm.is_model(name.partition(".")[0]):
        raise UsageError(
            f"no backbone is called {name!r}: take {', '.join((*KERAS, CNN))} or one of timm's, "
            "such as efficientnet_b0, mobilenetv3_small_100, mobilenetv4_conv_small, repvit_m0_9"
        )
    file = _weights_file(settings)
    if name in KERAS and (settings.weights == NO_WEIGHTS or (file and is_keras(file))):
        base = keras_backbone(name)
        if file is not None:
            load_keras_backbone(base, name, read_keras(file).layers)
        return base, PREPROCESSING[_OWN_OF_KERAS.get(name, Preprocess.TF)]
    base = _timm(KERAS.get(name, name), download=settings.weights == IMAGENET and file is None)
    if file is not None:
        load_backbone(base, read_weights(file), str(file))
        if name in KERAS:
            return base, PREPROCESSING[Preprocess.TORCH]
    config: Any = base.pretrained_cfg
    mean, std = (tuple(255 * v for v in config[key]) for key in ("mean", "std"))
    return base, Pixels(mean, std)


def _weights_file(settings: TrainSettings) -> Path | None:
    """The file that holds the backbone's weights; None where none is named or lies at hand."""
    if settings.weights == NO_WEIGHTS:
        return None
    if settings.weights == IMAGENET:
        folder = os.environ.get(FOLDER_VARIABLE)
        found = Path(folder or ".") / f"{settings.backbone}-imagenet-keras.safetensors"
        return found if folder and found.is_file() else None
    path = Path(settings.weights)
    if not path.is_file():
        raise ModelNotFound(
            f"no weights at {path}: name a file, or take {IMAGENET} or {NO_WEIGHTS}"
        )
    return path


def _timm(name: str, *, download: bool) -> Any:
    # What it says of every retry is said once, below.
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)
    try:
        return timm.create_model(name, pretrained=download, num_classes=0, global_pool="")
    except Exception as error:  # Whatever the hub, the network and the disk raise.
        if not download or "no pretrained weights" in str(error).lower():
            raise UsageError(f"timm cannot build {name!r}: {error}") from error
        raise ModelNotFound(
            f"the ImageNet weights of {name} cannot be downloaded ({type(error).__name__}): fetch "
            "them elsewhere and name the file with --weights FILE, or learn without, with "
            "--weights none"
        ) from error


def keras_backbone(name: str) -> nn.Module:
    """A backbone with Keras's paddings, strides and epsilons, its weights random."""
    if name == "mobilenetv2":
        made: Any = timm.create_model(
            KERAS[name], num_classes=0, global_pool="", pad_type="same", bn_eps=1e-3
        )
    elif name == "resnet50":
        made = timm.create_model(KERAS[name], num_classes=0, global_pool="")
        for module in made.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 1.001e-5
            # The first version of the network strides in the first convolution of a block.
            if hasattr(module, "conv3"):
                module.conv1.stride, module.conv2.stride = module.conv2.stride, (1, 1)
    else:
        made = timm.create_model(KERAS[name], num_classes=0, global_pool="", aux_logits=False)
        for module in made.modules():
            if hasattr(module, "branch_pool"):
                module.branch_pool = nn.Sequential(_WithoutBorder(), module.branch_pool)
    module_: nn.Module = made
    return module_


class _WithoutBorder(nn.Module):
    """Means of 3x3 pixels that counted zeros beyond the border, as if they had not.

    TensorFlow's average pool leaves them out; the one in timm's network counts them.
    """

    def forward(self, means: Tensor) -> Tensor:
        return means / avg_pool2d(torch.ones_like(means[:1, :1]), 3, 1, 1)


class _SettlingNorm(nn.BatchNorm2d):
    """Keras's batch norm, whose running statistics settle sooner.

    Keras moves them by a hundredth a batch: after fifty batches they are still more their first
    guess than what the network sees, and a network that has learnt everything validates as if it
    had learnt nothing. Here the first batches count more, and a hundredth is reached after 890.
    """

    _EARLY = 9

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training and self.num_batches_tracked is not None:
            seen = int(self.num_batches_tracked)
            self.momentum = max(_KERAS_MOMENTUM, self._EARLY / (self._EARLY + 1 + seen))
        return super().forward(inputs)


def plain_cnn() -> nn.Module:
    """Convolution, batch norm, ReLU, max-pool, four times."""
    layers: list[nn.Module] = []
    before = 3
    for channels in _CNN_CHANNELS:
        layers += [
            nn.Conv2d(before, channels, 3, padding=1),
            _SettlingNorm(channels, eps=1e-3, momentum=_KERAS_MOMENTUM),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        before = channels
    return nn.Sequential(*layers)


def last_blocks(base: nn.Module, count: int) -> Iterator[nn.Module]:
    """The last blocks of a backbone, and what follows them: all of it where it has fewer.

    A block is the smallest part that timm calls one: an inverted residual, a bottleneck, a mixed
    layer; elsewhere a child of the network.
    """
    parts = [part for child in base.children() for part in _blocks(child)]
    wanted = len([part for part, is_block in parts if is_block]) - count
    for part, is_block in parts:
        wanted -= is_block
        if wanted < 0:
            yield part


def _blocks(module: nn.Module) -> Iterator[tuple[nn.Module, bool]]:
    """The parts of a module in order; a sequence of sequences is taken apart."""
    if isinstance(module, nn.Sequential | nn.ModuleList) and len(module):
        for inner in module:
            yield from _blocks(inner)
    elif isinstance(getattr(module, "blocks", None), nn.Module):
        yield from ((part, False) for name, part in module.named_children() if name != "blocks")
        yield from _blocks(cast(nn.Module, module.blocks))
    else:
        # Pools and empty heads have parts, too, but nothing to learn.
        learns = next(module.parameters(), None) is not None
        is_block = len(list(module.children())) > 1 and not isinstance(module, nn.BatchNorm2d)
        yield module, learns and is_block
