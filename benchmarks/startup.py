"""How long the command line takes to start, against what it cannot do without.

Two pairs, in turns, each in a process of its own on all cores; medians of the time on the clock:

`maskwatch --help` against `python -c "import typer, rich"`.

`maskwatch detect one.jpg` against `python -c "import cv2, onnxruntime, PIL"` plus the inference
itself. That is measured in a process that has imported all it needs, once as it comes and once
more warm: opening both models and judging the picture. The floor takes the warm time, the lower
of the two; the ratio with the first time is shown beside it. The picture is scikit-image's
astronaut, 512x512, as JPEG.

Goals: at most 1.5 times each.

    scripts/bench startup
"""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from kit.pictures import astronaut
from kit.processes import MASKWATCH, PYTHON, run
from kit.report import Row, save, show, spread
from PIL import Image as Pillow

_GOAL = 1.5
_INFERENCE = """
import cv2, onnxruntime, PIL, json, sys, time
from maskwatch.app.detector import MaskDetector
def once():
    begun = time.perf_counter()
    MaskDetector()(sys.argv[1])
    return time.perf_counter() - begun
print(json.dumps({"first": once(), "warm": once()}))
"""


def main(rounds: Annotated[int, typer.Option(min=1)] = 9) -> None:
    """Measure, show, keep."""
    with TemporaryDirectory() as folder:
        photo = Path(folder) / "one.jpg"
        Pillow.fromarray(astronaut()).save(photo, quality=92)
        commands: dict[str, list[str]] = {
            "maskwatch --help": [MASKWATCH, "--help"],
            "import typer, rich": [PYTHON, "-c", "import typer, rich"],
            "maskwatch detect one.jpg": [MASKWATCH, "detect", str(photo)],
            "import cv2, onnxruntime, PIL": [PYTHON, "-c", "import cv2, onnxruntime, PIL"],
        }
        inference = [PYTHON, "-c", _INFERENCE, str(photo)]
        for command in (*commands.values(), inference):
            run(command)  # Files come into the page cache, and byte code is written.
        times: dict[str, list[float]] = {name: [] for name in (*commands, "first", "warm")}
        for _ in range(rounds):
            for name, command in commands.items():
                times[name].append(run(command).seconds)
            for name, seconds in run(inference).summary.items():
                times[name].append(seconds)
    rows = _rows(times)
    show("from the shell to the end of the process", rows)
    save("startup", rows)


def _rows(times: dict[str, list[float]]) -> list[Row]:
    """A row for each time, and the ratios to the goals."""
    middle = {name: median(values) for name, values in times.items()}
    imports, detect = middle["import cv2, onnxruntime, PIL"], middle["maskwatch detect one.jpg"]
    ratios = {
        "maskwatch --help": middle["maskwatch --help"] / middle["import typer, rich"],
        "maskwatch detect one.jpg": detect / (imports + middle["warm"]),
    }
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f} of its floor (goal {_GOAL} at most)")
    print(f"  with the first inference in the floor: {detect / (imports + middle['first']):.2f}")
    words = {"first": "inference, first", "warm": "inference, warm"}
    return [
        {
            "what": words.get(name, name),
            "rounds": len(values),
            **spread(values),
            "of_floor": ratios.get(name, ""),
        }
        for name, values in times.items()
    ]


if __name__ == "__main__":
    typer.run(main)
