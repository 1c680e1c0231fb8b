"""The real broker: mosquitto, started, frozen, stopped and started again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import ValidationError

from maskwatch.alerts.mqtt import MqttChannel, MqttOptions
from maskwatch.alerts.open import open_channel, probe
from maskwatch.alerts.topics import Topics
from maskwatch.errors import DeliveryError, DeliveryRefused, UsageError
from maskwatch.events import AlertKind, Phase

from .conftest import free_port, make_alert, serving

MOSQUITTO = shutil.which(
    "mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
)
pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
CAMERAS = ("lobby", "Tür/1")


def until(met: Callable[[], Any], *, within_s: float = 20) -> None:
    end = time.monotonic() + within_s
    while not met():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


class Broker:
    """A mosquitto of its own, which forgets all when it stops."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        settings = [f"listener {self.port} 127.0.0.1", "persistence false", "user root", *lines]
        if not any(line.startswith("allow_anonymous") for line in lines):
            settings.append("allow_anonymous true")
        self._config.write_text("\n".join(settings) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._listens)

    def _listens(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def broker_of(folder: Path, *lines: str) -> Iterator[Broker]:
    broker = Broker(folder, *lines)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with broker_of(tmp_path) as broker:
        yield broker


class Listener:
    """Hears everything: all messages in order, and the last of each topic but the events."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, str, bool]] = []
        self.last: dict[str, str] = {}
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._ready = threading.Event()
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe("#", qos=1)
        assert self._ready.wait(5)

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        self.heard.append((message.topic, message.payload.decode(), message.retain))
        if not message.topic.endswith("/events"):
            self.last[message.topic] = message.payload.decode()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(text) for topic, text, _ in self.heard if topic.endswith("/events")]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def listening(port: int) -> Iterator[Listener]:
    listener = Listener(port)
    try:
        yield listener
    finally:
        listener.close()


def options(port: int, **changes: Any) -> MqttOptions:
    values = {"name": "home", "host": "127.0.0.1", "port": port, "site": "Haus", "timeout_s": 5}
    return MqttOptions(**{**values, **changes})


@contextmanager
def channel_to(port: int, **changes: Any) -> Iterator[MqttChannel]:
    channel = open_channel(options(port, **changes), kinds_of=dict.fromkeys(CAMERAS, AlertKind))
    assert isinstance(channel, MqttChannel)
    try:
        yield channel
    finally:
        channel.close()


def test_events_are_told_and_states_follow_them(broker: Broker) -> None:
    state, camera = "maskwatch/Haus/lobby/violation", AlertKind.CAMERA
    alerts = [
        make_alert(),
        make_alert(number=1, phase=Phase.UPDATE),
        make_alert(id="other"),
        make_alert(number=2, phase=Phase.END),
    ]
    with listening(broker.port) as listener, channel_to(broker.port) as channel:
        until(lambda: listener.last.get("maskwatch/Haus/availability") == "online")
        assert listener.last == {
            "maskwatch/Haus/availability": "online",
            "maskwatch/Haus/lobby/violation": "OFF",
            "maskwatch/Haus/lobby/low_compliance": "OFF",
            "maskwatch/Haus/lobby/connectivity": "ON",
            "maskwatch/Haus/Tür_1/violation": "OFF",
            "maskwatch/Haus/Tür_1/low_compliance": "OFF",
            "maskwatch/Haus/Tür_1/connectivity": "ON",
        }
        for alert in alerts:
            channel.send(alert)
            until(lambda: listener.last[state] == "ON")
        channel.send(make_alert(id="other", number=1, phase=Phase.END))
        until(lambda: listener.last[state] == "OFF")
        assert listener.events[:4] == [alert.as_json() for alert in alerts]
        assert [event["phase"] for event in listener.events] == [
            "new",
            "update",
            "new",
            "end",
            "end",
        ]
        channel.send(make_alert(id="lost", kind=camera, camera="Tür/1"))
        channel.send(make_alert(id="rate", kind=AlertKind.COMPLIANCE, camera="Tür/1"))
        until(lambda: listener.last["maskwatch/Haus/Tür_1/low_compliance"] == "ON")
        assert listener.last["maskwatch/Haus/Tür_1/connectivity"] == "OFF"
        assert listener.last["maskwatch/Haus/lobby/connectivity"] == "ON"
        channel.send(make_alert(id="lost", kind=camera, camera="Tür/1", phase=Phase.END))
        until(lambda: listener.last["maskwatch/Haus/Tür_1/connectivity"] == "ON")
        assert [text for topic, text, _ in listener.heard if topic == state] == ["OFF", "ON", "OFF"]


def test_a_camera_that_nobody_named_has_events_only(broker: Broker) -> None:
    with listening(broker.port) as listener, channel_to(broker.port) as channel:
        channel.send(make_alert(camera="attic"))
        until(lambda: listener.events)
        assert not [topic for topic in listener.last if "attic" in topic]


def test_what_is_kept_is_there_for_who_comes_later(broker: Broker) -> None:
    with channel_to(broker.port) as channel:
        channel.send(make_alert())
        with listening(broker.port) as listener:
            until(lambda: len(listener.last) == 7)
            assert listener.last["maskwatch/Haus/lobby/violation"] == "ON"
            assert not listener.events
    with listening(broker.port) as listener:
        until(lambda: listener.last.get("maskwatch/Haus/availability") == "offline")


def test_home_assistant_is_told_of_all_cameras(broker: Broker) -> None:
    with channel_to(broker.port, home_assistant=True) as channel:
        channel.send(make_alert(camera="nobody"))
        with listening(broker.port) as listener:
            until(lambda: len(listener.last) == 13)
            configs = {t: json.loads(p) for t, p in listener.last.items() if "homeassistant" in t}
            assert all(kept for _, _, kept in listener.heard)
    assert len(configs) == 6
    for topic, config in configs.items():
        root, component, device, key, last = topic.split("/")
        assert (root, component, last) == ("homeassistant", "binary_sensor", "config")
        assert topic.isascii()
        assert config["unique_id"] == f"{device}_{key}"
        assert config["device"]["identifiers"] == [device]
        assert config["device"]["name"] in CAMERAS
        assert config["availability_topic"] == "maskwatch/Haus/availability"
        assert config["state_topic"] in listener.last
        assert config["state_topic"].endswith(key)
    assert len({config["unique_id"] for config in configs.values()}) == 6
    classes = {config["name"]: config["device_class"] for config in configs.values()}
    assert classes == {
        "Violation": "problem",
        "Low compliance": "problem",
        "Connectivity": "connectivity",
    }


def test_without_being_asked_home_assistant_is_told_nothing(broker: Broker) -> None:
    with listening(broker.port) as listener, channel_to(broker.port) as channel:
        channel.send(make_alert())
        assert not [topic for topic in listener.last if topic.startswith("homeassistant")]


def test_a_broker_that_stops_and_comes_back(broker: Broker) -> None:
    with channel_to(broker.port, timeout_s=0.5) as channel:
        channel.send(make_alert())
        broker.stop()
        start = time.monotonic()
        second = make_alert(id="b", camera="Tür/1")
        for _ in range(2):
            with pytest.raises(
                DeliveryError, match="cannot be reached|did not acknowledge|does not"
            ):
                channel.send(second)
        assert time.monotonic() - start < 5
        broker.start()
        with listening(broker.port) as listener:
            # Of itself, and with all states, though this broker has forgotten them.
            until(lambda: listener.last.get("maskwatch/Haus/availability") == "online")
            until(lambda: len(listener.last) == 7)
            assert listener.last["maskwatch/Haus/lobby/violation"] == "ON"
            assert listener.last["maskwatch/Haus/Tür_1/violation"] == "ON"
            channel.send(second)
            until(lambda: listener.events)
            assert listener.events[-1]["id"] == "b"


def test_a_broker_that_freezes(broker: Broker) -> None:
    with channel_to(broker.port, timeout_s=0.5) as channel:
        channel.send(make_alert())
        broker.signal(signal.SIGSTOP)
        with pytest.raises(DeliveryError, match="did not acknowledge the alert in time"):
            channel.send(make_alert(number=1, phase=Phase.END))
        broker.signal(signal.SIGCONT)
        channel.send(make_alert(number=1, phase=Phase.END))
        broker.signal(signal.SIGSTOP)
        start = time.monotonic()
        channel.close()
        assert time.monotonic() - start < 6
        broker.signal(signal.SIGCONT)


def test_what_takes_connections_and_is_no_broker() -> None:
    def silent(caller: socket.socket) -> None:
        while caller.recv(1000):
            pass

    with serving(silent) as port:
        with channel_to(port, timeout_s=0.3) as channel, pytest.raises(DeliveryError) as caught:
            channel.send(make_alert())
        assert "does not answer" in str(caught.value)
        with pytest.raises(DeliveryError, match="does not answer|took longer"):
            probe(options(port, timeout_s=0.3))


def test_a_broker_that_is_not_there_yet(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    with pytest.raises(
        DeliveryError, match=r"cannot reach the MQTT broker 127\.0\.0\.1:\d+: .*ref"
    ):
        probe(options(broker.port))
    try:
        with channel_to(broker.port, timeout_s=0.3) as channel:
            with pytest.raises(DeliveryError, match="cannot be reached: connection refused"):
                channel.send(make_alert())
            broker.start()
            until(lambda: delivered(channel))
    finally:
        broker.stop()


def delivered(channel: MqttChannel) -> bool:
    try:
        channel.send(make_alert())
    except DeliveryError:
        return False
    return True


KILLED = """
import sys, time
from maskwatch.alerts.open import open_channel
from maskwatch.alerts.mqtt import MqttOptions
from maskwatch.events import AlertKind
from tests.alerts.conftest import make_alert
channel = open_channel(
    MqttOptions(name="m", host="127.0.0.1", port=int(sys.argv[1]), site="Haus"),
    kinds_of={"lobby": AlertKind},
)
channel.send(make_alert())
print("sent", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_who_is_killed_is_offline(broker: Broker) -> None:
    root = Path(__file__).parents[2]
    with (
        listening(broker.port) as listener,
        subprocess.Popen(
            [sys.executable, "-c", KILLED, str(broker.port)], cwd=root, stdout=subprocess.PIPE
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"sent\n"
        until(lambda: listener.last.get("maskwatch/Haus/availability") == "online")
        process.send_signal(signal.SIGKILL)
        until(lambda: listener.last["maskwatch/Haus/availability"] == "offline")
    with listening(broker.port) as later:
        until(lambda: later.last.get("maskwatch/Haus/availability") == "offline")


@pytest.mark.skipif(shutil.which("mosquitto_passwd") is None, reason="no mosquitto_passwd")
def test_user_and_password(tmp_path: Path) -> None:
    users = tmp_path / "users"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(users), "me", "hush"], check=True)
    with broker_of(tmp_path, "allow_anonymous false", f"password_file {users}") as broker:
        right = options(broker.port, username="me", password="hush")
        probe(right)
        channel = open_channel(right)
        channel.send(make_alert())
        channel.close()
        for login in ({}, {"username": "me", "password": "wrong-one"}):
            with pytest.raises(DeliveryError, match="refused the connection: Not auth") as caught:
                probe(options(broker.port, **login))
            with pytest.raises(DeliveryError, match="refused the connection: Not auth") as held:
                open_channel_and_send(options(broker.port, **login, timeout_s=0.5))
            assert not isinstance(held.value, DeliveryRefused), "messages wait for a right password"
            assert "wrong-one" not in str(caught.value)


def open_channel_and_send(given: MqttOptions) -> None:
    channel = open_channel(given)
    try:
        channel.send(make_alert())
    finally:
        channel.close()


def test_tls(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    files = (f"certfile {certificate[0]}", f"keyfile {certificate[1]}")
    with broker_of(tmp_path, *files) as broker:
        open_channel_and_send(options(broker.port, tls=True, ca_file=certificate[0]))
        probe(options(broker.port, tls=True, ca_file=certificate[0]))
        with pytest.raises(DeliveryError, match="its certificate is not trusted"):
            probe(options(broker.port, tls=True))
        with pytest.raises(DeliveryError, match="its certificate is not trusted"):
            open_channel_and_send(options(broker.port, tls=True, timeout_s=0.3))


def test_a_check_tells_nobody(broker: Broker) -> None:
    with listening(broker.port) as listener:
        probe(options(broker.port, home_assistant=True))
        time.sleep(0.2)
        assert not listener.heard


def test_cameras_that_share_a_topic_are_refused() -> None:
    with pytest.raises(UsageError, match=r"'a/b' and 'a_b' would share the MQTT topic .*/a_b"):
        MqttChannel(options(1883), kinds_of=dict.fromkeys(["a/b", "a_b"], AlertKind))


@pytest.mark.parametrize(
    "changes", [{"phases": ["new"]}, {"topic": "a/#"}, {"topic": ""}, {"host": ""}]
)
def test_options_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        options(1883, **changes)


def test_a_port_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError):
        options(0)


def test_a_sensor_that_nothing_feeds_is_not_shown() -> None:
    topics = Topics("maskwatch", "Haus", {"lobby": {AlertKind.VIOLATION}, "yard": set()})
    assert dict(topics.states([])) == {"maskwatch/Haus/lobby/violation": "OFF"}
    shown = [topic.split("/")[3] for topic, config in topics.discovery("homeassistant") if config]
    taken_away = [config for _, config in topics.discovery("homeassistant") if not config]
    assert (shown, len(taken_away)) == (["violation"], 5)
