"""How long one face takes, against a plain MobileNetV2 at 112 pixels, in one run.

The plain network is timm's `mobilenetv2_100` with three outputs in 32-bit floats, as the usual
fine-tune exports it. One face a call, two threads, ONNX Runtime; the sides take turns.

    scripts/bench classifiers [--classifier NAME_OR_FOLDER ...]
"""

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from kit.report import Row, save, show

from maskwatch.models.classifier import open_classifier
from maskwatch.models.runtime import Network
from maskwatch.training.backbone import build
from maskwatch.training.export import export_onnx

_PLAIN = "plain MobileNetV2 112"


def main(
    classifier: Annotated[
        list[str] | None, typer.Option(help="Shipped names or folders; standard and small.")
    ] = None,
    rounds: Annotated[int, typer.Option(help="Rounds; in each, every side runs.")] = 15,
    calls: Annotated[int, typer.Option(help="Calls of one side in a round.")] = 60,
    threads: Annotated[int, typer.Option(help="Threads of ONNX Runtime.")] = 2,
    keep: Annotated[bool, typer.Option(help="Keep the figures in results/.")] = True,
) -> None:
    """Time all sides in turns and keep the figures."""
    with TemporaryDirectory() as temporary:
        plain = Path(temporary) / "plain.onnx"
        export_onnx(build("mobilenetv2_100", None), plain, 112)
        sides = {_PLAIN: (Network(plain, device="cpu", threads=threads), 112, plain)}
        for name in classifier or ["standard", "small"]:
            bundle = open_classifier(name).bundle
            network = Network(bundle.model_path, device="cpu", threads=threads)
            sides[name] = (network, bundle.input.width, bundle.model_path)
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, (network, side, _file) in sides.items():
                seconds[name].append(_once(network, side, calls))
        rows: list[Row] = [
            {
                "classifier": name,
                "pixels": side,
                "file MB": file.stat().st_size / 1e6,
                "ms a face": 1000 * median(seconds[name]),
                "of plain": median(
                    a / b for a, b in zip(seconds[name], seconds[_PLAIN], strict=True)
                ),
                "threads": threads,
                "rounds": rounds,
            }
            for name, (_network, side, file) in sides.items()
        ]
    show("one face", rows)
    if keep:
        save("classifiers", rows)


def _once(network: Network, side: int, calls: int) -> float:
    pixels = np.random.default_rng(0).normal(0, 1, (1, 3, side, side)).astype(np.float32)
    network(pixels)
    begun = time.perf_counter()
    for _ in range(calls):
        network(pixels)
    return (time.perf_counter() - begun) / calls


if __name__ == "__main__":
    typer.run(main)
