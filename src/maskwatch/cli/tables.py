"""Tables on stdout: the faces of a picture, the end of a run."""

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from maskwatch.app.loop import Summary
    from maskwatch.types import Face, Result

_STYLES = {"mask": "blue", "no_mask": "red", "incorrect": "dark_orange", "unknown": "bright_black"}


def print_faces(result: "Result") -> None:
    """A table of the faces of one picture, on stdout."""
    table = Table("#", "state", "probability", "score", "box x1 y1 x2 y2", title=result.path)
    for number, face in enumerate(result.faces):
        table.add_row(str(number), *_face_cells(face), style=_STYLES[face.state])
    Console(markup=False).print(table)


def _face_cells(face: "Face") -> tuple[str, ...]:
    from maskwatch.draw import SYMBOLS, WORDS

    sure = "" if face.confidence is None else f"{face.confidence * 100:.1f}%"
    box = " ".join(f"{float(value):.0f}" for value in face.box)
    return f"{SYMBOLS[face.state]} {WORDS[face.state]}", sure, f"{face.score:.2f}", box


def print_summary(summary: "Summary") -> None:
    """The final table, on stdout."""
    table = Table(show_header=False)
    for name, value in as_json(summary).items():
        if name == "states":
            for state, count in value.items():
                table.add_row(f"  {state}", str(count), style=_STYLES[state])
        elif value or name in ("faces", "violations"):
            table.add_row(name.replace("_", " "), str(value))
    Console(markup=False).print(table)


def as_json(summary: "Summary") -> dict[str, Any]:
    """The summary as plain values: counts, and seconds on the clock."""
    done = summary.pictures + summary.frames
    return {
        "pictures": summary.pictures,
        "frames": summary.frames,
        "faces": summary.faces,
        "states": summary.states,
        "violations": summary.violations,
        "without_face": summary.without_face,
        "errors": summary.errors,
        "skipped": summary.skipped,
        "done_before": summary.resumed,
        "seconds": round(summary.seconds, 2),
        "per_second": round(done / summary.seconds, 1) if summary.seconds else 0.0,
    }
