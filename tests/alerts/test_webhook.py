import importlib.util
import json
import os
import queue
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

from maskwatch.alerts.address import Address
from maskwatch.alerts.open import open_channel, probe
from maskwatch.alerts.options import RetryLater
from maskwatch.alerts.webhook import WebhookOptions
from maskwatch.errors import DeliveryError, DeliveryRefused
from maskwatch.events import Phase

from .conftest import WebServer, free_port, make_alert, serving, web_server

RECEIVER = Path(__file__).parents[2] / "examples" / "webhook_receiver.py"


def options(url: str, **changes: Any) -> WebhookOptions:
    return WebhookOptions(name="hook", url=url, **{"timeout_s": 5, **changes})


def post(url: str, **changes: Any) -> None:
    channel = open_channel(options(url, **changes))
    channel.send(make_alert())
    channel.close()


@pytest.fixture
def receiver() -> ModuleType:
    spec = importlib.util.spec_from_file_location("webhook_receiver", RECEIVER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def receiving(secret: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    port = free_port()
    with subprocess.Popen(
        [sys.executable, str(RECEIVER), str(port)],
        env={**os.environ, "MASKWATCH_SECRET": secret},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                with socket.socket() as sock:
                    if sock.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/alerts", process
        finally:
            process.terminate()


def test_the_example_receiver_takes_an_alert_once_and_no_forged_one() -> None:
    with receiving("s3cret") as (url, process):
        with pytest.raises(DeliveryError, match=r"127\.0\.0\.1:\d+ answered 401"):
            post(url, secret="wrong")
        with pytest.raises(DeliveryError, match="answered 401"):
            post(url)
        channel = open_channel(options(url, secret="s3cret"))
        channel.send(make_alert())
        channel.send(make_alert())
        channel.send(make_alert(number=1, phase=Phase.END, sentence="It is over."))
        process.terminate()
        assert process.stdout is not None
        assert process.stdout.read().splitlines() == [
            "new lobby Lobby: somebody has worn no mask for 5 s.",
            "end lobby It is over.",
        ]


def test_what_is_posted(web: WebServer, receiver: ModuleType) -> None:
    post(f"{web.url}/a%20b/ü?x=1&y=ä", secret="s3cret", headers={"X-Room": "12"})
    [(path, headers, body)] = web.requests
    assert path == "/a%20b/%C3%BC?x=1&y=%C3%A4"
    assert json.loads(body) == make_alert().as_json()
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("maskwatch/")
    assert headers["X-Maskwatch-Id"] == "a1b2-0"
    assert headers["X-Room"] == "12"
    assert headers["Host"] == f"127.0.0.1:{web.server_port}"
    assert abs(int(headers["X-Maskwatch-Timestamp"]) - time.time()) < 10
    assert receiver.is_genuine("s3cret", headers, body)
    assert not receiver.is_genuine("s3cret", headers, body.replace(b"lobby", b"cellar"))
    old = {**headers, "X-Maskwatch-Timestamp": "1000000000"}
    assert not receiver.is_genuine("s3cret", old, body)


def test_without_a_secret_there_is_no_signature(web: WebServer) -> None:
    post(web.url)
    assert "X-Maskwatch-Signature" not in web.requests[0][1]


def test_a_server_that_fails_and_recovers(web: WebServer) -> None:
    page = b"<h1>Oops</h1>\r\n\x1b[31m" + b"long " * 100
    web.answers = [(500, {}, page)]
    channel = open_channel(options(web.url))
    with pytest.raises(DeliveryError) as caught:
        channel.send(make_alert())
    message = str(caught.value)
    assert message.startswith(f"{web.url} answered 500: <h1>Oops</h1> [31mlong long")
    assert message.isprintable()
    assert len(message) <= len(f"{web.url} answered 500: ") + 200
    assert not isinstance(caught.value, RetryLater)
    channel.send(make_alert())
    assert [headers["X-Maskwatch-Id"] for _, headers, _ in web.requests] == ["a1b2-0"] * 2


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_all_of_2xx_is_success(web: WebServer, status: int) -> None:
    web.answers = [(status, {}, b"")]
    post(web.url)


@pytest.mark.parametrize("status", [400, 410, 413, 422])
def test_what_a_server_calls_our_fault_is_refused_for_good(web: WebServer, status: int) -> None:
    web.answers = [(status, {}, b"no such thing")]
    with pytest.raises(DeliveryRefused, match=f"answered {status}: no such thing"):
        post(web.url)


@pytest.mark.parametrize("status", [302, 401, 403, 404, 408, 425, 429, 500, 503, 507])
def test_what_may_pass_is_not_refused_for_good(web: WebServer, status: int) -> None:
    web.answers = [(status, {"Retry-After": "7"}, b"")]
    with pytest.raises(DeliveryError) as caught:
        post(web.url)
    assert not isinstance(caught.value, DeliveryRefused)


def test_redirects_are_not_followed(web: WebServer) -> None:
    web.answers = [(301, {"Location": f"{web.url}/elsewhere"}, b"")]
    with pytest.raises(DeliveryError, match="answered 301, a redirect, which is not followed"):
        post(web.url)
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    ("value", "least_s", "most_s"),
    [
        ("120", 120, 120),
        ("0", 0, 0),
        (format_datetime(datetime.now(UTC) + timedelta(minutes=10)), 500, 600),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("9" * 400, 3600, 3600),
    ],
)
def test_a_server_may_ask_to_be_left_alone(
    web: WebServer, value: str, least_s: float, most_s: float
) -> None:
    web.answers = [(503, {"Retry-After": value}, b"busy")]
    with pytest.raises(RetryLater, match="answered 503: busy") as caught:
        post(web.url)
    assert least_s <= caught.value.retry_after_s <= most_s


def test_a_wish_that_makes_no_sense_is_none(web: WebServer) -> None:
    web.answers = [(503, {"Retry-After": "soon"}, b"")]
    with pytest.raises(DeliveryError) as caught:
        post(web.url)
    assert not isinstance(caught.value, RetryLater)


def test_nobody_listens() -> None:
    with pytest.raises(DeliveryError, match="cannot post to http://127.0.0.1:.*refused"):
        post(f"http://127.0.0.1:{free_port()}")


def test_a_server_that_never_answers() -> None:
    def silent(caller: socket.socket) -> None:
        while caller.recv(4096):
            pass

    with serving(silent) as port:
        start = time.monotonic()
        with pytest.raises(DeliveryError, match=r"no answer in time|took longer than 0\.4 s"):
            post(f"http://127.0.0.1:{port}", timeout_s=0.4)
        assert time.monotonic() - start < 3


def trickle(caller: socket.socket) -> None:
    """One byte of a header at a time, for as long as the other side listens."""
    caller.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: "[:-10])
    while True:
        caller.sendall(b"2")
        time.sleep(0.05)


def drip_tls(caller: socket.socket) -> None:
    """A handshake that is promised and comes byte by byte."""
    caller.recv(4096)
    caller.sendall(b"\x16\x03\x03\x3f\xff")
    while True:
        caller.sendall(b"\x02")
        time.sleep(0.05)


@pytest.mark.parametrize(("scheme", "talk"), [("http", trickle), ("https", drip_tls)])
def test_a_server_that_trickles_is_cut_off(scheme: str, talk: Any) -> None:
    # The server's threads end only when their connection does: none may be left.
    with serving(talk) as port:
        channel = open_channel(options(f"{scheme}://127.0.0.1:{port}", timeout_s=0.5))
        for _ in range(2):
            start = time.monotonic()
            with pytest.raises(DeliveryError, match=r"took longer than 0\.5 s"):
                channel.send(make_alert())
            assert time.monotonic() - start < 3
    names = [thread.name for thread in threading.enumerate()]
    assert "maskwatch-alert" not in names


@pytest.mark.parametrize("answer", [b"", b"\x00\x01\x02\r\n\r\n", b"HTTP/1.1 999999 No\r\n\r\n"])
def test_a_server_that_talks_nonsense(answer: bytes) -> None:
    def talk(caller: socket.socket) -> None:
        caller.recv(4096)
        caller.sendall(answer)

    with serving(talk) as port, pytest.raises(DeliveryError) as caught:
        post(f"http://127.0.0.1:{port}")
    assert str(caught.value).isprintable()


def test_tls_trusts_the_file_and_nobody_else(
    certificate: tuple[Path, Path], server_tls: ssl.SSLContext
) -> None:
    with web_server(server_tls) as web:
        with pytest.raises(DeliveryError, match="its certificate is not trusted"):
            post(web.url)
        post(web.url, ca_file=certificate[0])
        probe(options(web.url, ca_file=certificate[0]))
        with pytest.raises(DeliveryError, match="must hold certificates in PEM format"):
            post(web.url, ca_file=RECEIVER)
        assert len(web.requests) == 1


def test_user_and_password_are_sent_and_not_shown(web: WebServer) -> None:
    url = web.url.replace("http://", "http://me:p%40ss%3Aword@") + "/hook/T0K3N"
    web.answers = [(404, {}, b"Cannot POST /hook/T0K3N as p@ss:word Basic bWU6cEBzczp3b3Jk key-1")]
    given = options(url, headers={"X-Key": "key-1"}, secret="s3cret")
    with pytest.raises(DeliveryError) as caught:
        open_channel(given).send(make_alert())
    assert web.requests[0][1]["Authorization"] == "Basic bWU6cEBzczp3b3Jk"
    for text in (str(caught.value), repr(given), str(given)):
        for secret in ("p@ss", "p%40ss", "T0K3N", "bWU6", "key-1", "s3cret"):
            assert secret not in text


def test_a_check_connects_and_says_nothing() -> None:
    heard: queue.Queue[bytes] = queue.Queue()
    with serving(lambda caller: heard.put(caller.recv(100))) as port:
        probe(options(f"http://127.0.0.1:{port}"))
        assert heard.get(timeout=5) == b""
    with pytest.raises(DeliveryError, match="cannot post to"):
        probe(options(f"http://127.0.0.1:{free_port()}"))


def test_proxies_of_the_environment_are_not_used(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    post(web.url)


def test_plain_http_through_a_proxy(web: WebServer) -> None:
    proxy = web.url.replace("http://", "http://me:pass@")
    post("http://far.invalid/hook", proxy=proxy)
    [(path, headers, _)] = web.requests
    assert path == "http://far.invalid/hook"
    assert headers["Host"] == "far.invalid"
    assert headers["Proxy-Authorization"] == "Basic bWU6cGFzcw=="


def test_tls_through_a_proxy(certificate: tuple[Path, Path], server_tls: ssl.SSLContext) -> None:
    asked: list[bytes] = []

    def relay(caller: socket.socket) -> None:
        asked.append(caller.recv(4096))
        if b"Proxy-Authorization" not in asked[-1]:
            caller.sendall(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
            return
        host, port = asked[-1].split()[1].decode().split(":")
        with socket.create_connection((host, int(port))) as far:
            caller.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(far, caller))
            back.start()
            pump(caller, far)
            back.join()

    def pump(one: socket.socket, other: socket.socket) -> None:
        while data := one.recv(4096):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)

    with web_server(server_tls) as web, serving(relay) as port:
        post(web.url, ca_file=certificate[0], proxy=f"http://me:pass@127.0.0.1:{port}")
        assert len(web.requests) == 1
        with pytest.raises(DeliveryError, match=r"the proxy http://127.0.0.1:\d+ answered 407"):
            post(web.url, ca_file=certificate[0], proxy=f"http://127.0.0.1:{port}")
    assert asked[0].startswith(f"CONNECT 127.0.0.1:{web.server_port} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize(
    "url", ["ftp://a/b", "just words", "http://", "http://me:pa/ss@host/x", "http://a..b/", "http://h:99999/"]
)  # fmt: skip
def test_what_is_no_address_is_refused_unseen(url: str) -> None:
    with pytest.raises(ValidationError, match="expected an address such as") as caught:
        options(url)
    assert "pa" not in str(caught.value).split("path;")[0].replace("password", "")
    assert url not in str(caught.value)


@pytest.mark.parametrize(
    "headers", [{"Content-Type": "x"}, {"X-Maskwatch-Id": "x"}, {"A B": "x"}, {"A": "x\r\nB: y"}]
)
def test_headers_that_would_break_the_request_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        options("http://a/", headers=headers)


def test_an_address_that_cannot_be_taken_apart_shows_nothing_of_it() -> None:
    with pytest.raises(ValueError, match="expected an address such as") as caught:
        Address.parse("https://guard:geheim\uff1a99@example.org/hook")
    assert "geheim" not in str(caught.value)
