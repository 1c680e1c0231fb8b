"""The report of a comparison: index.html, metrics.json and PNGs in a folder."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskwatch import __version__
from maskwatch.data.charts import write
from maskwatch.evaluation import html
from maskwatch.evaluation.compare import Gap
from maskwatch.evaluation.folder import write_pages
from maskwatch.evaluation.montage import montage
from maskwatch.evaluation.report import Evaluation
from maskwatch.images import encode

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_comparison(
    done: Sequence[Evaluation],
    rows: Sequence[dict[str, Any]],
    against_first: dict[str, list[Gap]],
    verdict: str,
    folder: Path,
    *,
    public: bool = False,
) -> None:
    """Write the report into an empty folder.

    Args:
        done: the answers of each classifier about the same faces.
        rows: the table, a row a classifier.
        against_first: the gaps of each other one to the first, by its name.
        verdict: in plain words.
        folder: gets the files.
        public: leaves out the faces, and where the set lies.

    Raises:
        MissingExtra: matplotlib is not installed.
        SinkError: a file cannot be written.
    """
    chart = write(folder / "figures.png", lambda figure: _bars(figure, rows))
    data = Path(done[0].data).name if public else done[0].data
    title = f"{len(done)} classifiers on {Path(data).name}"
    parts = [html.paragraph(verdict, "verdict")]
    head, *lines = zip(*(row.values() for row in rows), strict=True)
    names = list(rows[0])[1:]
    table = [(name, *line) for name, line in zip(names, lines, strict=True)]
    parts.append(html.table(("", *map(str, head)), table))
    parts.append(html.picture(chart, "The figures that are better when higher"))
    for name, gaps in against_first.items():
        parts.append(html.heading(f"{name} against {done[0].model['name']}"))
        head = ("figure", "first", "this", "difference from", "to")
        parts.append(html.table(head, [(g.figure, g.first, g.second, g.low, g.high) for g in gaps]))
    if not public:
        encode(montage(done), folder / "montage.png")
        parts.append(html.heading("The same faces, those first on which they differ"))
        parts.append(html.picture(folder / "montage.png", "What each says, and the label"))
    values = {
        "schema": 1,
        "maskwatch": __version__,
        "data": data,
        "verdict": verdict,
        "table": list(rows),
        "against_first": {n: [asdict(g) for g in gaps] for n, gaps in against_first.items()},
    }
    write_pages(folder, title, parts, values, {"command": "compare", "data": data})


def _bars(figure: "Figure", rows: Sequence[dict[str, Any]]) -> None:
    names = [key for key in rows[0] if key in ("accuracy", "balanced compliance") or "F1" in key]
    figure.set_size_inches(8, 0.8 + 0.25 * len(names) * (len(rows) + 1))
    axes = figure.subplots()
    high = 0.8 / len(rows)
    for number, row in enumerate(rows):
        places = [place + number * high for place in range(len(names))]
        values = [row.get(name, 0.0) for name in names]
        bars = axes.barh(places, values, high * 0.9, label=row["classifier"])
        axes.bar_label(bars, [f"{value:.3f}" for value in values], padding=3, fontsize=9)
    middle = 0.4 - high / 2
    axes.set_yticks([place + middle for place in range(len(names))], names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.08)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    axes.spines[["top", "right"]].set_visible(False)
