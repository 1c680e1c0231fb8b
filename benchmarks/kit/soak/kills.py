"""Kills at random moments: of the watch itself, and of the services that it leans on."""

import json
import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.report import Row
from kit.services import Mosquitto, Postgres, Service
from kit.soak.audit import audit, told_by, told_in
from kit.soak.listener import Listener
from kit.soak.site import SQLITE, end_watch, mqtt_channel, start_watch, store_of, write_site
from maskwatch.store.eventstore import EventStore

_LAST_S, _LONGEST_S = 8.0, 60.0
_UP_S, _DOWN_S = (1.5, 4.0), (0.2, 2.0)


def kills_of_the_watch(kills: int) -> Row:
    """Kill the watch so often; what was stored before each kill must be there after it."""
    rng, lost = random.Random(0), 0
    with TemporaryDirectory() as name:
        site = write_site(Path(name))
        before = set[object]()
        for number in range(kills):
            with start_watch(site) as process:
                time.sleep(rng.uniform(2.5, 6.0))
                process.kill()
            with store_of(site) as store:
                now = _stored(store)
            lost, before = lost + len(before - now), now
            print(f"kill {number + 1}: {len(now)} alerts and episodes stored")
        with start_watch(site) as process:
            time.sleep(_LAST_S)
            begun = time.monotonic()
            end_watch(process)
            drained_s = time.monotonic() - begun
        with store_of(site) as store:
            row = audit(store, {"log": told_in(site.parent / "alerts.jsonl")})
    renamed = {"never told by log": "never told", "told twice by log": "told twice"}
    kept = {renamed.get(key, key): value for key, value in row.items()}
    return {"kills": kills, "events lost": lost} | kept | {"SIGTERM took s": drained_s}


def _stored(store: EventStore) -> set[object]:
    alerts = {(alert.id, alert.number) for alert in store.alerts()}
    return alerts | {episode.id for episode in store.episodes()}


def kills_of_mosquitto(kills: int) -> Row:
    """Kill and start the broker while a watch tells it; all must be heard by a listener."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder)
        broker.start()
        site = write_site(folder, channels=mqtt_channel(broker.port))
        with Listener(broker.port) as listener:
            seen = _killed_while_watching(broker, site, SQLITE, kills)
            heard = [told_by(alert) for alert in listener.events]
        broker.kill()
        with store_of(site) as store:
            told = {"log": told_in(folder / "alerts.jsonl"), "mqtt": heard}
            return {"service": "mosquitto", "kills": kills, **seen, **audit(store, told)}


def kills_of_postgresql(kills: int) -> Row:
    """Kill and start the server of the database; all that the watch saw must be stored."""
    with TemporaryDirectory() as name, TemporaryDirectory() as data:
        server = Postgres(Path(data))
        site = write_site(Path(name), events=server.url)
        seen = _killed_while_watching(server, site, server.url, kills)
        with store_of(site, server.url) as store:
            row = audit(store, {"log": told_in(site.parent / "alerts.jsonl"), "mqtt": None})
        server.kill()
    return {"service": "PostgreSQL", "kills": kills, **seen, **row}


def _killed_while_watching(service: Service, site: Path, events: str, kills: int) -> Row:
    """Kill and start a service under a watch: what it says it saw, and when it had caught up."""
    rng, log = random.Random(0), site.parent / "watch.log"
    with start_watch(site, log) as process:
        time.sleep(_LAST_S)
        for number in range(kills):
            time.sleep(rng.uniform(*_UP_S))
            service.kill()
            time.sleep(rng.uniform(*_DOWN_S))
            service.start()
            print(f"kill {number + 1}")
        late_s = _caught_up_s(site, events)
        time.sleep(_LAST_S)
        end_watch(process)
    entries = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    alerts = [one for one in entries if one["message"].startswith("alert ")]
    return {"alerts seen": len(alerts), "all told after s": late_s}


def _caught_up_s(site: Path, events: str) -> float:
    """The seconds until no channel has anything to tell."""
    begun = time.monotonic()
    with store_of(site, events) as store:
        while store.outbox.waiting() and time.monotonic() - begun < _LONGEST_S:
            time.sleep(0.1)
    return time.monotonic() - begun
