"""Peak memory of `maskwatch detect`, whatever the length of its input.

The resident set of the whole process tree is summed every 50 ms; the figure is the largest sum.
Inputs are made by code in a temporary folder: photos of 1600x1200 (50 distinct ones, linked to
the names of 10,000), photos of 12 megapixels, a 1080p H.264 video; of each kind half as many,
too, to show that the peak does not grow with the count. Annotated pictures or video, records and
table are written. Shipped defaults, all cores.

Goal: less than 500 MiB.

    scripts/bench memory
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from kit.pictures import photos, video
from kit.processes import detect, watch
from kit.report import Row, save, show

_GOAL_MIB = 500
_PHOTO_WH, _LARGE_WH, _VIDEO_WH = (1600, 1200), (4000, 3000), (1920, 1080)


def main(
    photo_count: Annotated[int, typer.Option("--photos", min=2)] = 10_000,
    large_count: Annotated[int, typer.Option("--large-photos", min=2)] = 200,
    video_seconds: Annotated[float, typer.Option(min=1)] = 60.0,
    folder: Annotated[Path | None, typer.Option(help="Where the temporary files lie.")] = None,
) -> None:
    """Measure, show, keep."""
    rows = [
        row
        for halves in (1, 2)
        for row in (
            _photos(photo_count * halves // 2, _PHOTO_WH, folder),
            _photos(large_count * halves // 2, _LARGE_WH, folder),
            _video(video_seconds * halves / 2, folder),
        )
    ]
    rows = rows[::3] + rows[1::3] + rows[2::3]
    show("peak memory of the process tree", rows)
    worst = max(float(row["peak_mib"]) for row in rows)
    print(f"at most {worst:.0f} MiB (goal: less than {_GOAL_MIB})")
    save("memory", rows)


def _photos(count: int, size_wh: tuple[int, int], under: Path | None) -> Row:
    what = f"{count:,} photos of {size_wh[0]}x{size_wh[1]}"
    with TemporaryDirectory(dir=under) as folder:
        photos(Path(folder) / "photos", count, size_wh)
        return _watched(what, Path(folder) / "photos", Path(folder))


def _video(seconds: float, under: Path | None) -> Row:
    with TemporaryDirectory(dir=under) as folder:
        file = Path(folder) / "video.mp4"
        video(file, seconds, _VIDEO_WH)
        return _watched(f"{seconds:g} s of 1080p video", file, Path(folder))


def _watched(what: str, source: Path, folder: Path) -> Row:
    """Run over an input and say what it took."""
    peak = watch(detect(source, folder), folder / "summary.json")
    print(f"{what}: {peak.tree_mib:.0f} MiB in {peak.seconds:.0f} s", flush=True)
    return {
        "what": what,
        "pictures_or_frames": peak.summary["pictures"] + peak.summary["frames"],
        "faces": peak.summary["faces"],
        "peak_mib": peak.tree_mib,
        "seconds": peak.seconds,
        "per_second": peak.summary["per_second"],
    }


if __name__ == "__main__":
    typer.run(main)
