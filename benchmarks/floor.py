"""A whole run against the floor of its parts: what the frame loop adds, and what overlap saves.

The whole is `maskwatch detect CLIP` with video, sound, records and table
written; its seconds are those of its summary, so opening models and writing text count against
it. The parts are measured by benchmarks/kit/parts.py in a process of their own: decoding,
finding, classifying, drawing and encoding, one after the other and nothing else. In each round
all four are measured: whole and parts pinned to one core with one thread, whole and parts on all
cores. Figures are medians.

Goals: on one core the whole takes at most 1.15 of the sum of the parts; on all cores it takes
clearly less than the sum, since the stages overlap.

    scripts/bench floor
"""

import os
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from kit.processes import CLIP, PYTHON, detect, run
from kit.report import ROOT, Row, save, show

_PARTS = ("decode", "find", "classify", "draw and encode")
_GOAL = 1.15


def main(
    clip: Annotated[Path, typer.Option(help="The video.")] = CLIP,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
) -> None:
    """Measure, show, keep."""
    one_core = max(os.sched_getaffinity(0))
    one: list[dict[str, float]] = []
    every: list[dict[str, float]] = []
    for number in range(rounds):
        one.append(_round(clip, one_core, threads=1))
        every.append(_round(clip, None, threads=0))
        print(f"round {number + 1}: {one[-1]['whole']:.2f} s, {every[-1]['whole']:.2f} s")
    rows = [*_rows("one core", one), *_rows("all cores", every)]
    show(f"whole run and parts on {clip.name}", rows)
    print(f"one core: {_ratio(one):.3f} of the sum of its parts (goal {_GOAL} at most)")
    print(f"all cores: {_ratio(every):.3f} of the sum of the parts (goal clearly below 1)")
    save("floor", rows)


def _round(clip: Path, cpu: int | None, *, threads: int) -> dict[str, float]:
    """Seconds of the whole run, its start-up and its parts."""
    with TemporaryDirectory() as folder:
        command = detect(clip, Path(folder), "--threads", str(threads))
        whole = run(command, cpu=cpu)
    parts = run([PYTHON, ROOT / "benchmarks/kit/parts.py", clip, str(threads)], cpu=cpu).summary
    if (parts["frames"], parts["faces"]) != (whole.summary["frames"], whole.summary["faces"]):
        raise SystemExit(f"the parts did other work than the whole: {parts}, {whole.summary}")
    return {"whole": whole.summary["seconds"], "wall": whole.seconds, **parts}


def _sum(one: dict[str, float]) -> float:
    return sum(one[part] for part in _PARTS)


def _ratio(rounds: list[dict[str, float]]) -> float:
    """Median whole over the sum of the median parts."""
    floor = sum(median(one[part] for one in rounds) for part in _PARTS)
    return median(one["whole"] for one in rounds) / floor


def _rows(cores: str, rounds: list[dict[str, float]]) -> list[Row]:
    """A row for each part, their sum and the whole; `share` and `ratio` are of the sum."""
    medians = {key: median(one[key] for one in rounds) for key in rounds[0]}
    floor = _sum(medians)
    lines = {part: medians[part] for part in _PARTS}
    lines |= {"of which draw": medians["draw"], "sum of parts": floor}
    lines |= {"whole": medians["whole"], "whole with start-up": medians["wall"]}
    return [
        {
            "run": cores,
            "what": name,
            "rounds": len(rounds),
            "seconds": seconds,
            "ms_per_frame": seconds / medians["frames"] * 1000,
            "of_sum": seconds / floor,
        }
        for name, seconds in lines.items()
    ]


if __name__ == "__main__":
    typer.run(main)
