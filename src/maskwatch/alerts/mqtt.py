"""MQTT: events, the state of each camera, and whether maskwatch is there at all."""

import queue
import ssl
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, FilePath, SecretStr

from maskwatch.alerts.limit import TimeLimit
from maskwatch.alerts.line import trusting
from maskwatch.alerts.options import ChannelOptions, Host, Port
from maskwatch.alerts.text import json_line, why
from maskwatch.alerts.topics import KindsOf, Topics
from maskwatch.errors import DeliveryError
from maskwatch.events import Alert, Phase, new_id

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessageInfo

_KEEPALIVE_S = 30
# An alert should be told in seconds, and a try costs a broker nothing.
_LONGEST_PAUSE_S = 5
_LEAVING_S = 2.0


def _all_phases(phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
    if set(phases) != set(Phase):
        raise ValueError("expected new, update and end: states of cameras are made of all three")
    return phases


class MqttOptions(ChannelOptions):
    """An MQTT broker."""

    type: Literal["mqtt"] = Field(default="mqtt", description="An MQTT broker.")
    phases: Annotated[tuple[Phase, ...], AfterValidator(_all_phases)] = Field(
        default=tuple(Phase), description="All phases; they are told apart in what is sent."
    )
    host: Host = Field(description="The broker.")
    port: Port | None = Field(
        default=None, description="Its port; without it 8883 with TLS, else 1883."
    )
    username: str | None = Field(default=None, description="The user to log in as.")
    password: SecretStr = Field(default=SecretStr(""), description="That user's password.")
    tls: bool = Field(default=False, description="Whether the connection is encrypted.")
    ca_file: FilePath | None = Field(
        default=None, description="Certificates in PEM format to trust instead of the system's."
    )
    topic: str = Field(
        default="maskwatch",
        pattern=r"^[^+#$\x00][^+#\x00]*$",
        description="What all topics begin with.",
    )
    site: str = Field(default="site", min_length=1, description="The second level of all topics.")
    home_assistant: bool = Field(
        default=False,
        description="Whether Home Assistant is told of the cameras, so that it shows them.",
    )
    discovery_topic: str = Field(
        default="homeassistant",
        pattern=r"^[^+#$\x00][^+#\x00]*$",
        description="What Home Assistant's discovery topics begin with.",
    )


class MqttChannel:
    """Publishes alerts; the connection is kept up in the background.

    Until an alert says otherwise, a camera is connected and without violation.

    Args:
        options: the broker and topics.
        kinds_of: of each camera of the site the kinds of alerts that come here; states are told of
            these.

    Raises:
        UsageError: two cameras would share a topic.
        DeliveryError: the file of certificates cannot be read.
    """

    def __init__(self, options: MqttOptions, *, kinds_of: KindsOf | None = None) -> None:
        self._options = options
        self._topics = Topics(options.topic, options.site, kinds_of or {})
        self._port = options.port or (8883 if options.tls else 1883)
        self._broker = f"the MQTT broker {options.host}:{self._port}"
        self._open: dict[str, Alert] = {}
        self._told: dict[str, str] = {}
        self._changing = threading.Lock()
        self._connected = threading.Event()
        self._trouble: str | None = None
        self._started = False
        self._client = self._new_client()
        self._client.will_set(self._topics.availability, "offline", qos=1, retain=True)
        self._client.reconnect_delay_set(min_delay=1, max_delay=_LONGEST_PAUSE_S)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect

    def start(self) -> None:
        """Begin to connect, and to be seen as available once that is done."""
        if not self._started:
            self._started = True
            self._client.connect_async(self._options.host, self._port, _KEEPALIVE_S)
            self._client.loop_start()

    def send(self, alert: Alert) -> None:
        """Publish one phase, and the state of its camera.

        Raises:
            DeliveryError: the broker is away, does not let us in, or did not acknowledge in time.
        """
        self.start()
        end = time.monotonic() + self._options.timeout_s
        with self._changing:
            if alert.phase is Phase.END:
                self._open.pop(alert.id, None)
            else:
                self._open[alert.id] = alert
        if not self._connected.wait(self._options.timeout_s):
            raise DeliveryError(f"{self._broker} {self._trouble or 'does not answer'}")
        with self._changing:
            sent = [self._client.publish(self._topics.events, json_line(alert), qos=1)]
            sent += self._tell_states()
        for item in sent:
            self._wait(item, end)

    def _wait(self, sent: "MQTTMessageInfo", end: float) -> None:
        try:
            sent.wait_for_publish(max(end - time.monotonic(), 0.001))
            there = sent.is_published()
        except (RuntimeError, ValueError):
            there = False
        if not there:
            raise DeliveryError(f"{self._broker} did not acknowledge the alert in time")

    def _tell_states(self) -> "list[MQTTMessageInfo]":
        """Publish what changed, or after a new connection all."""
        states = dict(self._topics.states(self._open.values()))
        changed = [item for item in states.items() if self._told.get(item[0]) != item[1]]
        self._told = states
        return [self._retain(*item) for item in changed]

    def _retain(self, topic: str, payload: str) -> "MQTTMessageInfo":
        return self._client.publish(topic, payload, qos=1, retain=True)

    def _on_connect(self, client: "Client", data: Any, flags: Any, code: Any, more: Any) -> None:
        self._trouble = f"refused the connection: {code}" if code.is_failure else None
        if code.is_failure:
            return
        with self._changing:
            if self._options.home_assistant:
                for item in self._topics.discovery(self._options.discovery_topic):
                    self._retain(*item)
            self._told = {}
            self._tell_states()
            self._retain(self._topics.availability, "online")
        self._connected.set()

    def _on_connect_fail(self, *_: Any) -> None:
        # Called while the error is handled, and not told of it.
        error = sys.exc_info()[1]
        if isinstance(error, Exception):
            self._trouble = f"cannot be reached: {why(error)}"

    def _on_disconnect(self, *_: Any) -> None:
        self._connected.clear()

    def _new_client(self) -> "Client":
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        options = self._options
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"maskwatch-{new_id()[:12]}")
        client.connect_timeout = options.timeout_s
        if options.username is not None:
            client.username_pw_set(options.username, options.password.get_secret_value())
        if options.tls:
            context = trusting(options.ca_file)
            context.sslsocket_class = _TidySocket
            client.tls_set_context(context)
        return client

    def check(self) -> None:
        """Whether the broker lets us in; nothing is published.

        Raises:
            DeliveryError: it does not.
        """
        TimeLimit(self._options.timeout_s, what=self._broker).run(self._greet)

    def _greet(self) -> None:
        codes: queue.Queue[Any] = queue.Queue()
        client = self._new_client()
        client.on_connect = lambda *values: codes.put(values[3])
        try:
            client.connect(self._options.host, self._port, _KEEPALIVE_S)
            client.loop_start()
            code = codes.get(timeout=self._options.timeout_s)
        except queue.Empty:
            raise DeliveryError(f"{self._broker} does not answer") from None
        except OSError as error:
            raise DeliveryError(f"cannot reach {self._broker}: {why(error)}") from error
        finally:
            client.disconnect()
            client.loop_stop()
        if code.is_failure:
            raise DeliveryError(f"{self._broker} refused the connection: {code}")

    def close(self) -> None:
        """Say that we leave, and leave."""
        if self._started:
            with suppress(DeliveryError):
                TimeLimit(_LEAVING_S, what=self._broker).run(self._leave)

    def _leave(self) -> None:
        if self._connected.is_set():
            with suppress(RuntimeError, ValueError):
                self._retain(self._topics.availability, "offline").wait_for_publish(_LEAVING_S / 2)
        self._client.disconnect()
        self._client.loop_stop()
        # It closes its last sockets when nobody knows it, and must not be held by itself.
        self._client.on_connect = self._client.on_connect_fail = self._client.on_disconnect = None


class _TidySocket(ssl.SSLSocket):
    """Closes itself after a handshake that failed; paho forgets to."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise
