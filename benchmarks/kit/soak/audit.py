"""Is what was stored told, on each channel, and not more often than it may be?"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kit.report import Row
from maskwatch.store.eventstore import EventStore

Told = tuple[str, int]


def told_in(path: Path) -> list[Told]:
    """The phases of alerts that a channel of type `log` wrote."""
    return [told_by(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def told_by(alert: dict[str, Any]) -> Told:
    """Which phase of which alert this is."""
    return alert["id"], alert["number"]


def audit(store: EventStore, told: dict[str, Iterable[Told] | None]) -> Row:
    """What the store holds, against what each channel told; None for a channel there was not."""
    stored = {(alert.id, alert.number) for alert in store.alerts()}
    row: Row = {"alerts stored": len(stored)}
    for channel, phases in told.items():
        counts = Counter(phases or ())
        missing, again = len(stored - set(counts)), sum(count - 1 for count in counts.values())
        row[f"never told by {channel}"] = "" if phases is None else missing
        row[f"told twice by {channel}"] = "" if phases is None else again
    waiting = store.outbox.waiting()
    row["still waiting"] = sum(one.pending + one.failed for one in waiting)
    row["episodes left open"] = sum(episode.end is None for episode in store.episodes())
    return row
