"""Styles that are mixed within a batch."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from maskwatch.training.backbone import build  # noqa: E402
from maskwatch.training.styles import mixed, mixed_styles  # noqa: E402


def style_of(features: "torch.Tensor") -> "torch.Tensor":
    """Deviation and mean of each channel, shape (2, n, channels)."""
    return torch.stack(torch.std_mean(features, dim=(2, 3)))


def test_a_picture_keeps_what_it_shows_and_takes_a_style_of_the_batch() -> None:
    torch.manual_seed(0)
    loudness = torch.tensor([1.0, 10.0]).repeat(20).view(40, 1, 1, 1)
    features = torch.randn(40, 4, 8, 8) * loudness + loudness
    out = mixed(features)
    (deviation, mean), (was_deviation, was_mean) = style_of(out), style_of(features)
    shown = (out - mean[..., None, None]) / deviation[..., None, None]
    was_shown = (features - was_mean[..., None, None]) / was_deviation[..., None, None]
    assert torch.allclose(shown, was_shown, atol=1e-4)
    assert (deviation >= was_deviation.min() - 1e-3).all()
    assert (deviation <= was_deviation.max() + 1e-3).all()
    turned = ((deviation > 5) != (was_deviation > 5)).all(dim=1)
    assert 5 <= int(turned.sum()) <= 35  # About a quarter of the other kind's and of their own.


def test_styles_are_mixed_only_while_it_is_asked_for() -> None:
    torch.manual_seed(0)
    network = build("mobilenetv2_035", None).eval()
    pixels = torch.randn(8, 3, 32, 32) * torch.arange(1, 9).view(8, 1, 1, 1)
    before = network(pixels)
    with mixed_styles(network):
        within = network(pixels)
    assert not torch.allclose(within, before, atol=1e-6)
    assert torch.equal(network(pixels), before)


def test_what_is_learnt_passes_through_the_mixing() -> None:
    features = torch.randn(6, 2, 4, 4, requires_grad=True)
    mixed(features).square().sum().backward()
    assert features.grad is not None and bool((features.grad != 0).any())
