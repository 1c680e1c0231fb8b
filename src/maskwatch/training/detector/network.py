"""The network of the face detector: separable convolutions, three strides, one pass for all.

In the class of YuNet (Wu, Peng, Yu 2023), wider where maps are small and time is cheap. For every
cell of three maps it gives a score, a box, three states and five landmarks.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from maskwatch.models.detectors.onepass import CHANNELS, LARGEST_LOG_SIDE, STRIDES

_PRIOR_SCORE = 0.01


def _convolution(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


class Separable(nn.Sequential):
    """A depthwise convolution, then one across channels."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            *_convolution(inputs, inputs, kernel, stride=stride, groups=inputs),
            nn.ReLU(),
            *_convolution(inputs, outputs, 1),
            nn.ReLU(),
        )


class Residual(nn.Module):
    """A separable convolution beside which its input goes on."""

    def __init__(self, channels: int, *, kernel: int = 3) -> None:
        super().__init__()
        self.block = nn.Sequential(
            *_convolution(channels, channels, kernel, groups=channels),
            nn.ReLU(),
            *_convolution(channels, channels, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Same shape."""
        return torch.relu(features + self.block(features))


class FaceNet(nn.Module):
    """Scores, boxes, states and landmarks for each cell of the maps at strides 8, 16 and 32.

    Args:
        stem: channels at strides 2 and 4.
        widths: channels at strides 8, 16 and 32.
        depths: residual blocks there.
        neck: channels of the maps that are summed top-down, and of the heads.
    """

    def __init__(
        self,
        stem: tuple[int, int] = (16, 32),
        widths: tuple[int, int, int] = (64, 128, 160),
        depths: tuple[int, int, int] = (2, 2, 2),
        neck: int = 64,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            *_convolution(3, stem[0], 3, stride=2),
            nn.ReLU(),
            Separable(stem[0], stem[1], stride=2),
            Residual(stem[1]),
        )
        inputs = (stem[1], *widths[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(
                Separable(before, width, stride=2),
                *(Residual(width, kernel=3 if level == 0 else 5) for _ in range(depth)),
            )
            for level, (before, width, depth) in enumerate(zip(inputs, widths, depths, strict=True))
        )
        self.lateral = nn.ModuleList(
            nn.Sequential(*_convolution(width, neck, 1)) for width in widths
        )
        self.heads = nn.ModuleList(
            nn.Sequential(Separable(neck, neck), nn.Conv2d(neck, CHANNELS, 1)) for _ in widths
        )
        self._start_with_few_faces()

    def _start_with_few_faces(self) -> None:
        for head in self.heads:
            last: Any = list(head.children())[-1]
            nn.init.normal_(last.weight, std=0.01)
            nn.init.zeros_(last.bias)
            last.bias.data[0] = -torch.log(torch.tensor(1 / _PRIOR_SCORE - 1))
            last.bias.data[3:5] = 1.0

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Maps (n, 18, h / stride, w / stride) for pictures (n, 3, h, w) in 0..1."""
        features = self.stem(pixels)
        sums = []
        for stage in self.stages:
            features = stage(features)
            sums.append(features)
        maps: list[Tensor] = []
        above: Tensor | None = None
        for lateral, features in zip(reversed(self.lateral), reversed(sums), strict=True):
            level = lateral(features)
            if above is not None:
                level = level + interpolate(above, scale_factor=2.0, mode="nearest")
            above = torch.relu(level)
            maps.insert(0, above)
        return [head(level) for head, level in zip(self.heads, maps, strict=True)]


def cells_of(maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Each cell's corner x, y in pixels, shape (cells, 2), and its stride, shape (cells,)."""
    corners, strides = [], []
    for level, stride in zip(maps, STRIDES, strict=True):
        height, width = level.shape[2:]
        y, x = torch.meshgrid(
            torch.arange(height, device=level.device),
            torch.arange(width, device=level.device),
            indexing="ij",
        )
        corners.append(torch.stack([x.flatten(), y.flatten()], dim=1) * stride)
        strides.append(torch.full((height * width,), stride, device=level.device))
    return torch.cat(corners).float(), torch.cat(strides).float()


def flat(maps: Sequence[Tensor]) -> Tensor:
    """Maps as rows of cells, shape (n, cells, 18)."""
    return torch.cat([level.flatten(2).transpose(1, 2) for level in maps], dim=1)


def boxes_of(rows: Tensor, corners: Tensor, strides: Tensor) -> Tensor:
    """Boxes x1, y1, x2, y2 in pixels, shape (n, cells, 4), from rows (n, cells, 18).

    A centre is told from the cell's own centre, a side by its logarithm, both in strides.
    """
    centre = corners + (rows[..., 1:3] + 0.5) * strides[:, None]
    half = rows[..., 3:5].clamp(max=LARGEST_LOG_SIDE).exp() * strides[:, None] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def landmarks_of(rows: Tensor, corners: Tensor, strides: Tensor) -> Tensor:
    """Five points x, y in pixels, shape (n, cells, 5, 2), from rows (n, cells, 18).

    They are told from the cell's centre, in sides of the box that is told.
    """
    sides = rows[..., 3:5].clamp(max=LARGEST_LOG_SIDE).exp() * strides[:, None]
    centre = corners + 0.5 * strides[:, None]
    points: Tensor = rows[..., 8:].reshape(*rows.shape[:-1], 5, 2)
    return centre.unsqueeze(-2) + points * sides.unsqueeze(-2)
