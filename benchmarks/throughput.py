"""Frames a second of a whole run: ours against the classic loop, in turns on one clip.

Ours is `maskwatch detect CLIP --out ... --records ... --csv ...` with shipped
defaults and all of these outputs written (H.264 with sound, JSON lines, CSV); its seconds are
those of its own summary: opening models counts, starting Python does not (`wall` has both). The
classic loop is benchmarks/classic_loop.py in an environment of its own; its seconds leave out the
loading of models. Both take the cores they like. Rounds alternate; figures are medians. As a
second measure the classic loop runs on frames of width 400 with a 224x224 blob.

    benchmarks/setup_classic && scripts/bench throughput
"""

from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from kit.processes import CLIP, Run, detect, run
from kit.report import ROOT, Row, save, show, spread, versions

_LOOP = ROOT / "benchmarks" / "classic_loop.py"
_NARROW = ("--frame-width", "400", "--blob", "224")
_GOAL = 8.0


@dataclass(slots=True)
class Side:
    """One of those compared, and its runs."""

    name: str
    command: list[str]
    runs: list[Run] = field(default_factory=list)

    def measure(self) -> None:
        """Do one run."""
        self.runs.append(run(self.command))
        last = self.runs[-1].summary
        print(f"{self.name}: {last['seconds']:.2f} s, {last['faces']} faces", flush=True)

    @property
    def fps(self) -> float:
        """Frames a second at the median of its own seconds."""
        return self.frames / median(float(one.summary["seconds"]) for one in self.runs)

    @property
    def frames(self) -> int:
        return int(self.runs[0].summary["frames"])

    def row(self, ours: "Side") -> Row:
        """Its figures as a row of the table."""
        last = self.runs[-1].summary
        return {
            "side": self.name,
            "rounds": len(self.runs),
            "frames": self.frames,
            "faces": int(last["faces"]),
            **spread([float(one.summary["seconds"]) for one in self.runs]),
            "fps": self.fps,
            "wall": median(one.seconds for one in self.runs),
            "ours_over_it": ours.fps / self.fps,
        }


def main(
    clip: Annotated[Path, typer.Option(help="The video.")] = CLIP,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of ours and classic.")] = 5,
    narrow_rounds: Annotated[int, typer.Option(min=0, help="Rounds of classic at 400.")] = 2,
    classic: Annotated[Path, typer.Option(help="Its environment.")] = Path("/tmp/venv-classic"),
) -> None:
    """Measure, show, keep."""
    python = classic / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"no {python}: run benchmarks/setup_classic {classic}")
    with TemporaryDirectory() as name:
        folder = Path(name)
        loop = [str(word) for word in (python, _LOOP, clip, folder / "classic.mp4")]
        ours = Side("maskwatch", detect(clip, folder))
        plain = Side("classic", loop)
        narrow = Side("classic 400/224", [*loop, *_NARROW])
        for number in range(max(rounds, narrow_rounds)):
            due = (ours, plain) if number < rounds else ()
            for side in (*due, narrow) if number < narrow_rounds else due:
                side.measure()
    sides = [side for side in (ours, plain, narrow) if side.runs]
    rows = [side.row(ours) for side in sides]
    show(f"whole runs on {clip.name}", rows)
    last = plain.runs[-1].summary
    shares = {part: last[f"{part}_seconds"] / last["seconds"] for part in ("find", "classify")}
    print("classic's time:", ", ".join(f"{part} {share:.0%}" for part, share in shares.items()))
    print(f"{ours.fps / plain.fps:.1f}x classic (goal {_GOAL:g}x)")
    save("throughput", [_with_versions(row, last["versions"]) for row in rows])


def _with_versions(row: Row, of_classic: str) -> Row:
    own = versions() if row["side"] == "maskwatch" else of_classic
    return row | {"versions": own}


if __name__ == "__main__":
    typer.run(main)
