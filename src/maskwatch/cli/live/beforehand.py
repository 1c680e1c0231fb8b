"""What a site file comes to before anything is watched: what works, and what will be kept."""

from rich.console import Console
from rich.table import Table

from maskwatch.app.live.privacy import privacy_report
from maskwatch.app.live.trial import trials
from maskwatch.app.site.tables import Site


def show_privacy(site: Site) -> None:
    """Print what is kept, where, for how long."""
    table = Table("what", "what it says", "where", "how long")
    table.columns[2].overflow = "fold"
    for kept in privacy_report(site):
        table.add_row(kept.what, kept.contents, kept.where, kept.how_long)
    Console(markup=False).print(table)


def show_trials(site: Site) -> bool:
    """Try every camera and channel, print what was found; return whether all work."""
    table = Table("part", "name", "finding")
    fine = True
    for trial in trials(site):
        fine &= trial.good
        style = "green" if trial.good else "red"
        table.add_row(trial.part, trial.name, trial.text, style=style)
    Console(markup=False).print(table)
    return fine
