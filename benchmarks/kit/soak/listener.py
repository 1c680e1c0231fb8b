"""Somebody at a broker who hears every event, and comes back at once when the broker does."""

import json
import threading
import time
from contextlib import suppress
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

_AGAIN_S = 0.02


class Listener:
    """Hears events while entered; `events` are the alerts as JSON, in the order of their coming."""

    def __init__(self, port: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._port = port
        self._closed = False
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def _listen(self) -> None:
        while not self._closed:
            client = Client(CallbackAPIVersion.VERSION2)
            client.on_connect = lambda client, *_: client.subscribe("maskwatch/#", qos=1)
            client.on_message = self._hear
            with suppress(OSError):
                client.connect("127.0.0.1", self._port)
                while client.loop(_AGAIN_S) == MQTTErrorCode.MQTT_ERR_SUCCESS and not self._closed:
                    pass
            time.sleep(_AGAIN_S)

    def _hear(self, client: Client, data: Any, message: MQTTMessage) -> None:
        if message.topic.endswith("/events"):
            self.events.append(json.loads(message.payload))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._thread.join(5)
