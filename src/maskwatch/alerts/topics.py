"""The MQTT topics of a site, and what Home Assistant is told of them."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from maskwatch.alerts.text import VERSION
from maskwatch.errors import UsageError
from maskwatch.events import Alert, AlertKind

KindsOf = Mapping[str, Collection[AlertKind]]
"""Of each camera of a site, the kinds of alerts that reach a channel."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """Something of a camera that is on or off, by whether an alert of a kind is open."""

    key: str
    name: str
    device_class: str
    kind: AlertKind
    on_means_alarm: bool


SENSORS = (
    Sensor("violation", "Violation", "problem", AlertKind.VIOLATION, True),
    Sensor("low_compliance", "Low compliance", "problem", AlertKind.COMPLIANCE, True),
    Sensor("connectivity", "Connectivity", "connectivity", AlertKind.CAMERA, False),
)


class Topics:
    """The topics of one site and what is kept there, as pairs of topic and payload.

    A camera has the sensors whose alerts reach the channel: one that nothing feeds would say for
    ever that all is well.

    Raises:
        UsageError: two cameras would share a topic.
    """

    def __init__(self, prefix: str, site: str, kinds_of: KindsOf) -> None:
        self._base, self._kinds_of = f"{prefix.rstrip('/')}/{_level(site)}", kinds_of
        self.availability, self.events = f"{self._base}/availability", f"{self._base}/events"
        names: dict[str, str] = {}
        for camera in kinds_of:
            topic = self._of(camera)
            if names.setdefault(topic, camera) != camera:
                raise UsageError(
                    f"the cameras {names[topic]!r} and {camera!r} would share "
                    f"the MQTT topic {topic}; rename one"
                )

    def _of(self, camera: str) -> str:
        return f"{self._base}/{_level(camera)}"

    def states(self, open_alerts: Iterable[Alert]) -> Iterator[tuple[str, str]]:
        """ON or OFF for each sensor of each camera."""
        alarms = {(alert.camera, alert.kind) for alert in open_alerts}
        for camera, sensor in self._sensors():
            alarm = (camera, sensor.kind) in alarms
            payload = "ON" if alarm is sensor.on_means_alarm else "OFF"
            yield f"{self._of(camera)}/{sensor.key}", payload

    def discovery(self, prefix: str) -> Iterator[tuple[str, str]]:
        """What makes Home Assistant show each sensor of each camera, and none that it showed before
        a rule was taken away."""
        fed = set(self._sensors())
        for camera, sensor in product(self._kinds_of, SENSORS):
            # Home Assistant takes ASCII letters only here; cameras have names in all languages.
            number = hashlib.sha256(self._of(camera).encode()).hexdigest()[:12]
            device = f"maskwatch_{number}"
            config = {
                "name": sensor.name,
                "unique_id": f"{device}_{sensor.key}",
                "state_topic": f"{self._of(camera)}/{sensor.key}",
                "availability_topic": self.availability,
                "device_class": sensor.device_class,
                "device": {
                    "identifiers": [device],
                    "name": camera,
                    "manufacturer": "maskwatch",
                    "sw_version": VERSION,
                },
                "origin": {"name": "maskwatch", "sw_version": VERSION},
            }
            topic = f"{prefix.rstrip('/')}/binary_sensor/{device}/{sensor.key}/config"
            is_fed = (camera, sensor) in fed
            yield topic, json.dumps(config, ensure_ascii=False) if is_fed else ""

    def _sensors(self) -> Iterator[tuple[str, Sensor]]:
        for camera, sensor in product(self._kinds_of, SENSORS):
            if sensor.kind in self._kinds_of[camera]:
                yield camera, sensor


def _level(name: str) -> str:
    """A name as one level of a topic: without what MQTT reads as a sign."""
    return re.sub(r"[/+#\x00-\x1f\x7f-\x9f]", "_", name)
