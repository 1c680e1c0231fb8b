"""Saves batches in a loop and says the id of each once it is stored, until it is killed.

python writer.py ADDRESS [COUNT]
"""

import sys
from itertools import count

from maskwatch.events import Alert, AlertKind, Batch, Episode
from maskwatch.store import EventStore
from maskwatch.types import MaskState

if __name__ == "__main__":
    address, *rest = sys.argv[1:]
    with EventStore(address) as store:
        for i in range(int(rest[0])) if rest else count():
            alert = Alert(
                kind=AlertKind.VIOLATION, rule="r", camera="c", time=i, since=i, sentence="s"
            )
            seen = Episode(
                id=alert.id, camera="c", person="p", state=MaskState.MASK, start=i, last_seen=i
            )
            store.save(Batch(episodes=(seen,), alerts=((alert, ("bell", "mail")),)))
            sys.stdout.write(f"{alert.id}\n")
            sys.stdout.flush()
