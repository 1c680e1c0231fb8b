"""Events in a database: episodes of people, alerts and their deliveries, counts of minutes.

    with EventStore("events.db") as store:
        store.save(Batch(episodes=(episode,), alerts=((alert, ("webhook",)),)))
        delivery = store.outbox.head("webhook")
        store.outbox.delivered(delivery, now=time.time())

Importing it without the extra raises MissingExtra.
"""

from maskwatch.errors import MissingExtra

try:
    import alembic  # noqa: F401
    import sqlalchemy  # noqa: F401
except ModuleNotFoundError as error:
    raise MissingExtra("the event store needs an extra: pip install 'maskwatch[live]'") from error

from maskwatch.store.eventstore import EventStore
from maskwatch.store.outbox import Outbox
from maskwatch.store.table import (
    ALERT_COLUMNS,
    EPISODE_COLUMNS,
    alert_rows,
    episode_rows,
    write_alerts,
    write_episodes,
)
from maskwatch.store.totals import By
from maskwatch.store.values import Delivery, DeliveryState, Receipt, Total, Waiting

__all__ = [
    "ALERT_COLUMNS",
    "EPISODE_COLUMNS",
    "By",
    "Delivery",
    "DeliveryState",
    "EventStore",
    "Outbox",
    "Receipt",
    "Total",
    "Waiting",
    "alert_rows",
    "episode_rows",
    "write_alerts",
    "write_episodes",
]
