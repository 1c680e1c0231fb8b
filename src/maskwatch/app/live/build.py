"""From a site file to the parts that watch."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from maskwatch.alerts.open import open_channel
from maskwatch.app.live.clock import Clock
from maskwatch.app.live.eyes import Eyes
from maskwatch.app.live.outbox import Outbox
from maskwatch.app.live.post import Outcome, Post, PostSpec
from maskwatch.app.live.recorder import Recorder
from maskwatch.app.live.snapshots import Snapshots
from maskwatch.app.live.watch import Watch, Watched
from maskwatch.app.site.rules import AnyRule, CameraLostTable, ComplianceTable, ViolationTable
from maskwatch.app.site.table import Table
from maskwatch.app.site.tables import CameraTable, Site
from maskwatch.events import Alert, AlertKind, Batch, Phase, new_id
from maskwatch.pipeline.rules import Rule, RuleSet
from maskwatch.pipeline.rules.camera_lost import CameraLostRule
from maskwatch.pipeline.rules.compliance import ComplianceRule
from maskwatch.pipeline.rules.violation import ViolationRule
from maskwatch.sources.opening import CameraSpec
from maskwatch.store.eventstore import EventStore
from maskwatch.store.lock import held_alone
from maskwatch.store.values import DeliveryState
from maskwatch.types import Result

_logger = logging.getLogger(__name__)
_LONGEST_ALERT_S = 30 * 86_400.0
_KINDS: dict[type[AnyRule], AlertKind] = {
    ViolationTable: AlertKind.VIOLATION,
    ComplianceTable: AlertKind.COMPLIANCE,
    CameraLostTable: AlertKind.CAMERA,
}
_RULES: dict[type[AnyRule], type[Any]] = {
    ViolationTable: ViolationRule,
    ComplianceTable: ComplianceRule,
    CameraLostTable: CameraLostRule,
}


def rules_of(site: Site, camera: str) -> RuleSet:
    """The rules that hold for one camera, fresh."""
    every = tuple(channel.name for channel in site.channels)
    chosen = [rule for rule in site.rules if rule.cameras is None or camera in rule.cameras]
    return RuleSet(
        tuple((_rule(rule), every if rule.channels is None else rule.channels) for rule in chosen),
        {channel.name: channel.phases for channel in site.channels},
    )


def kinds_of(site: Site, channel: str) -> dict[str, frozenset[AlertKind]]:
    """Of each camera, the kinds of alerts that reach a channel."""
    reaching = [rule for rule in site.rules if rule.channels is None or channel in rule.channels]
    return {
        camera.name: frozenset(
            _KINDS[type(rule)]
            for rule in reaching
            if rule.cameras is None or camera.name in rule.cameras
        )
        for camera in site.cameras
    }


def _rule(table: AnyRule) -> Rule:
    kind = _RULES[type(table)]
    rule: Rule = kind(**_taken_from(table, kind))
    return rule


def _taken_from(table: Table, kind: type[Any]) -> dict[str, Any]:
    """What a dataclass is told by a table of the site file: both use the same names."""
    names = [field.name for field in fields(kind) if not field.name.startswith("_")]
    return {name: getattr(table, name) for name in names}


def post_of(site: Site, camera: CameraTable, clock: Clock, run: str) -> Post:
    """The post of one camera."""
    spec = PostSpec(
        name=camera.name,
        source=camera.shown,
        zones=camera.zones,
        min_face=camera.min_face,
        rate=camera.rate,
        patience_s=camera.patience_s,
    )
    return Post(spec, rules_of(site, camera.name), clock, run)


def spec_of(camera: CameraTable) -> CameraSpec:
    """How one camera is read."""
    return CameraSpec(**_taken_from(camera, CameraSpec))


@contextmanager
def watching(
    site: Site,
    clock: Clock,
    *,
    write: Callable[[str], None],
    on_outcome: Callable[[Watched, Result | None, Outcome], None] = lambda w, r, o: None,
) -> Iterator[tuple[Watch, EventStore]]:
    """A watch that is ready to run, with its store; all that was opened is closed at the end.

    What an earlier run left open is ended first: its episodes, and its alerts.

    Args:
        site: all that the site file says.
        clock: where the time comes from.
        write: writes a line to the terminal, for channels that do.
        on_outcome: called after each frame, and after each alert without one.

    Raises:
        StoreError: the database cannot be opened.
        UsageError: another watch stores its events there.
        MaskwatchError: a model or a channel cannot be.
    """
    with ExitStack() as stack:
        stack.enter_context(held_alone(site.storage.events))
        store = stack.enter_context(EventStore(site.storage.events))
        _end_what_was_left(site, store, clock.wall(clock.steady()))
        outboxes = list(_outboxes(site, store, clock, write, stack))

        def wake_outboxes() -> None:
            for outbox in outboxes:
                outbox.wake.set()

        eyes = Eyes(site.settings)
        stack.callback(eyes.close)
        run = new_id()
        watched = [
            Watched(spec_of(camera), post_of(site, camera, clock, run), _hours_of(site, camera))
            for camera in site.cameras
        ]
        folder: Path = site.storage.snapshot_folder
        watch = Watch(
            watched,
            eyes,
            Recorder(store, wake_outboxes),
            outboxes,
            clock,
            snapshots=Snapshots(folder) if site.storage.snapshots else None,
            on_outcome=on_outcome,
        )
        yield watch, store


def _hours_of(site: Site, camera: CameraTable) -> Callable[[float], bool]:
    return lambda now: camera.hours.open_at(site.local(now))


def _outboxes(
    site: Site,
    store: EventStore,
    clock: Clock,
    write: Callable[[str], None],
    stack: ExitStack,
) -> Iterator[Outbox]:
    for options in site.channels:
        channel = open_channel(options, kinds_of=kinds_of(site, options.name), write=write)
        outbox = Outbox(options.name, channel, store, now=lambda: clock.wall(clock.steady()))
        stack.callback(outbox.abandon)
        yield outbox


def _end_what_was_left(site: Site, store: EventStore, now: float) -> None:
    """A run that was killed could not say that its alerts are over."""
    names = [camera.name for camera in site.cameras]
    store.close_open_episodes(names)
    store.save(Batch(alerts=tuple(_endings(site, store, names, now))))
    _give_up_without_channel(site, store, now)


def _give_up_without_channel(site: Site, store: EventStore, now: float) -> None:
    """What this site's cameras have to tell a channel that it has no more would wait, and be kept,
    for ever. Of other cameras another site may tell, which has the same database."""
    known = {channel.name for channel in site.channels}
    cameras = {camera.name for camera in site.cameras}
    for waiting in store.outbox.waiting():
        if not waiting.pending or waiting.channel in known:
            continue
        pending = store.outbox.deliveries(channel=waiting.channel, state=DeliveryState.PENDING)
        ours = [delivery for delivery in pending if delivery.alert.camera in cameras]
        for delivery in ours:
            store.outbox.gave_up(delivery, error="the site has no such channel now", now=now)
        if ours:
            _logger.warning(
                "given up: %d alerts for the channel %s, which the site has no more",
                len(ours),
                waiting.channel,
            )


def _endings(
    site: Site, store: EventStore, cameras: Sequence[str], now: float
) -> Iterator[tuple[Alert, tuple[str, ...]]]:
    newest: dict[str, Alert] = {}
    for alert in store.alerts(since=now - _LONGEST_ALERT_S):
        if alert.id not in newest or alert.number > newest[alert.id].number:
            newest[alert.id] = alert
    for alert in newest.values():
        if alert.phase is not Phase.END and alert.camera in cameras:
            ending = replace(
                alert,
                number=alert.number + 1,
                phase=Phase.END,
                time=max(now, alert.time),
                sentence=f"{alert.camera}: the watch was interrupted",
            )
            yield ending, _channels_of(site, alert.rule, Phase.END)


def _channels_of(site: Site, rule: str, phase: Phase) -> tuple[str, ...]:
    """The channels that tell a phase of a rule's alerts; all that do, if the rule has gone."""
    chosen = next((table.channels for table in site.rules if table.name == rule), None)
    return tuple(
        channel.name
        for channel in site.channels
        if phase in channel.phases and (chosen is None or channel.name in chosen)
    )
