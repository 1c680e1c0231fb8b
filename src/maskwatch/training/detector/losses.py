"""What each cell should have said: task-aligned assignment (Feng et al. 2021), and the losses."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from maskwatch.training.detector.network import boxes_of, landmarks_of

_SCORE_POWER, _IOU_POWER = 0.5, 3.0
_WORTH_POWER = 0.5
_MOST_CELLS = 10
_REACH = 1.0
_BOX_WEIGHT, _STATE_WEIGHT, _LANDMARK_WEIGHT = 2.0, 0.5, 0.5
_SMALL_ERROR = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """One picture's faces: `boxes` (n, 4), `states` (n, 3), `landmarks` (n, 5, 2), NaN where they
    are not known; and regions to be `ignored` (m, 4)."""

    boxes: Tensor
    states: Tensor
    landmarks: Tensor
    ignored: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Assigned:
    """For each cell, shapes (cells,): how good an answer it should give (`quality`, 0 for none),
    for which `face`, and whether it `counts`.
    """

    quality: Tensor
    face: Tensor
    counts: Tensor


def assign(
    scores: Tensor, boxes: Tensor, corners: Tensor, strides: Tensor, truth: Truth
) -> Assigned:
    """Which cells answer for which face of one picture; nothing here is differentiated.

    A cell may answer for a face in which its centre lies, or whose centre is less than a stride
    away. Of those, the ones that align best do: alignment is sqrt(score) x IoU^3, their number
    the sum of the ten best IoUs (Ge et al. 2021). The best cell of each face is worth the root of
    the face's best IoU, the others less in proportion. (With the IoU itself, faces whose boxes are
    hard to tell, as those of bare faces in bad light are, never get a score that counts.)

    Args:
        scores: shape (cells,), probabilities.
        boxes: shape (cells, 4), what each cell says.
        corners: shape (cells, 2), as `cells_of` gives them.
        strides: shape (cells,).
        truth: the picture's faces.
    """
    centres = corners + strides[:, None] / 2
    counts = ~_inside(centres, truth.ignored).any(dim=0)
    quality = torch.zeros_like(scores)
    face = torch.zeros_like(scores, dtype=torch.long)
    if not len(truth.boxes):
        return Assigned(quality, face, counts)
    middles = (truth.boxes[:, None, :2] + truth.boxes[:, None, 2:]) / 2
    near = (centres - middles).abs().amax(dim=2) < strides * _REACH
    may = _inside(centres, truth.boxes) | near
    overlaps = iou(truth.boxes[:, None], boxes[None]) * may
    alignment = scores**_SCORE_POWER * overlaps**_IOU_POWER
    most = min(_MOST_CELLS, overlaps.shape[1])
    amounts = overlaps.topk(most, dim=1).values.sum(dim=1).int().clamp(min=1)
    best = alignment.topk(most, dim=1)
    chosen = torch.zeros_like(may)
    within = torch.arange(most, device=amounts.device) < amounts[:, None]
    chosen.scatter_(1, best.indices, within & (best.values > 0))
    # A cell that two faces want answers for the one that it overlaps more.
    face = (overlaps * chosen).argmax(dim=0)
    positive = chosen.any(dim=0)
    columns = torch.arange(len(scores), device=scores.device)
    own = torch.zeros_like(chosen)
    own[face[positive], columns[positive]] = True
    alignment = alignment * own
    top = alignment.amax(dim=1, keepdim=True).clamp(min=1e-9)
    reach = (overlaps * own).amax(dim=1, keepdim=True)
    quality = (alignment / top * reach**_WORTH_POWER).amax(dim=0)
    return Assigned(quality, face, counts | positive)


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """Whether points (n, 2) lie in boxes (m, 4), shape (m, n)."""
    return ((points > boxes[:, None, :2]) & (points < boxes[:, None, 2:])).all(dim=2)


def iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of boxes (..., 4), whose leading shapes are broadcast."""
    return _overlap(first, second)[0]


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """As `iou`, down to -1 for boxes far apart (Rezatofighi et al. 2019)."""
    overlap, union = _overlap(first, second)
    around = (
        torch.maximum(first[..., 2:], second[..., 2:])
        - torch.minimum(first[..., :2], second[..., :2])
    ).clamp(min=0)
    area = (around[..., 0] * around[..., 1]).clamp(min=1e-6)
    return overlap - (area - union) / area


def _overlap(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    sides = (
        torch.minimum(first[..., 2:], second[..., 2:])
        - torch.maximum(first[..., :2], second[..., :2])
    ).clamp(min=0)
    common = sides[..., 0] * sides[..., 1]
    union = _area(first) + _area(second) - common
    return common / union.clamp(min=1e-6), union


def _area(boxes: Tensor) -> Tensor:
    sides = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0)
    return sides[..., 0] * sides[..., 1]


def loss_of(
    rows: Tensor, corners: Tensor, strides: Tensor, truths: list[Truth]
) -> tuple[Tensor, dict[str, float]]:
    """The loss of a batch, and its parts.

    Scores: cross-entropy with the quality that each cell should have; boxes: generalised IoU;
    states: cross-entropy with soft labels; landmarks: distance in sides of the face. All but the
    first are weighted by quality.

    Args:
        rows: shape (n, cells, 18), the network's answers.
        corners: as in `assign`.
        strides: as in `assign`.
        truths: one a picture.
    """
    boxes = boxes_of(rows, corners, strides)
    with torch.no_grad():
        scores = rows[..., 0].sigmoid()
        assigned = [
            assign(s, b, corners, strides, truth)
            for s, b, truth in zip(scores, boxes.detach(), truths, strict=True)
        ]
        quality = torch.stack([a.quality for a in assigned])
        counts = torch.stack([a.counts for a in assigned])
    positive = quality > 0
    total = quality.sum().clamp(min=1)
    score_losses = binary_cross_entropy_with_logits(rows[..., 0], quality, reduction="none")
    score_loss = (score_losses * counts).sum() / total
    weights = quality[positive]
    chosen = [a.face[a.quality > 0] for a in assigned]
    wanted_boxes = torch.cat([t.boxes[f] for t, f in zip(truths, chosen, strict=True)])
    wanted_states = torch.cat([t.states[f] for t, f in zip(truths, chosen, strict=True)])
    wanted_points = torch.cat([t.landmarks[f] for t, f in zip(truths, chosen, strict=True)])
    box_loss = ((1 - generalised_iou(boxes[positive], wanted_boxes)) * weights).sum() / total
    surprise = -(wanted_states * rows[..., 5:8][positive].log_softmax(dim=1)).sum(dim=1)
    state_loss = (surprise * weights).sum() / total
    points = landmarks_of(rows, corners, strides)[positive]
    point_losses = _distances(points, wanted_points, wanted_boxes)
    point_loss = (point_losses * weights).sum() / total
    loss: Tensor = (
        score_loss
        + _BOX_WEIGHT * box_loss
        + _STATE_WEIGHT * state_loss
        + _LANDMARK_WEIGHT * point_loss
    )
    parts = {"score": score_loss, "box": box_loss, "state": state_loss, "landmarks": point_loss}
    return loss, {name: float(part.detach()) for name, part in parts.items()}


def _distances(points: Tensor, wanted: Tensor, boxes: Tensor) -> Tensor:
    """The mean distance of five points in sides of the face, shape (n,); 0 where none is known."""
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1).unsqueeze(1)
    known = wanted.isfinite()
    gap = (points - torch.where(known, wanted, points.detach())) / sides
    return smooth_l1_loss(gap, torch.zeros_like(gap), reduction="none", beta=_SMALL_ERROR).mean(
        dim=(1, 2)
    )
