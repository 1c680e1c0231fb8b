import json
import logging
import socket
import sys
import time
from typing import Any

import pytest

from maskwatch.alerts.chat import ChatChannel, ChatOptions
from maskwatch.alerts.open import open_channel, probe
from maskwatch.errors import DeliveryError, MissingExtra
from maskwatch.events import Phase

from .conftest import WebServer, free_port, make_alert, serving

pytest.importorskip("apprise")
# apprise loads what is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.imghdr:DeprecationWarning")


def options(*urls: str, **changes: Any) -> ChatOptions:
    return ChatOptions(name="chat", urls=urls, **{"timeout_s": 5, **changes})


def test_a_service_is_told(web: WebServer) -> None:
    channel = open_channel(options(f"json://me:hush@127.0.0.1:{web.server_port}/T0K3N"))
    channel.send(make_alert(sentence="<b>Lobby</b>: nobody *wears* a mask."))
    channel.send(make_alert(number=1, phase=Phase.END, sentence="It is over."))
    channel.close()
    first, last = (json.loads(body) for _, _, body in web.requests)
    assert web.requests[0][0] == "/T0K3N"
    assert (first["title"], first["type"]) == ("maskwatch", "warning")
    assert first["message"] == "<b>Lobby</b>: nobody *wears* a mask."
    assert (last["message"], last["type"]) == ("It is over.", "success")


def test_a_service_that_fails_is_told_again_and_no_other(
    web: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    urls = [f"json://me:hush@127.0.0.1:{web.server_port}/{name}-T0K3N" for name in "ab"]
    given = options(*urls)
    channel = open_channel(given)
    web.answers = [(200, {}, b""), (500, {}, b"hush T0K3N")]
    with pytest.raises(DeliveryError, match="JSON did not take the alert") as caught:
        channel.send(make_alert())
    channel.send(make_alert())
    channel.send(make_alert(number=1))
    paths = [path[:2] for path, _, _ in web.requests]
    assert paths == ["/a", "/b", "/b", "/a", "/b"]
    for text in (caplog.text, str(caught.value), repr(given)):
        assert "hush" not in text
        assert "T0K3N" not in text


def test_nobody_listens_or_answers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(DeliveryError, match="JSON did not take the alert"):
        open_channel(options(f"json://127.0.0.1:{free_port()}/T0K3N")).send(make_alert())

    def talk(caller: socket.socket) -> None:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            caller.sendall(b"x")
            time.sleep(0.05)

    slow = r"a chat service took longer than 0\.3 s"
    with serving(talk) as port, pytest.raises(DeliveryError, match=slow):
        open_channel(options(f"json://127.0.0.1:{port}/T0K3N", timeout_s=0.3)).send(make_alert())
    assert "T0K3N" not in caplog.text


def test_urls_are_checked_without_telling_anybody(
    web: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good = f"json://127.0.0.1:{web.server_port}"
    probe(options(good))
    with pytest.raises(DeliveryError, match="URL 2 of 2 is none that apprise knows") as caught:
        probe(options(good, "nonsense://T0K3N"))
    assert not web.requests
    assert "T0K3N" not in caplog.text + str(caught.value)


def test_without_apprise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(MissingExtra, match=r"pip install 'maskwatch\[chat\]'"):
        ChatChannel(options("json://a"))
