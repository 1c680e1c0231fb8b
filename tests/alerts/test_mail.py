import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import ValidationError

from maskwatch.alerts.mail import EmailOptions, _is_for_good
from maskwatch.alerts.open import open_channel, probe
from maskwatch.errors import DeliveryError, DeliveryRefused
from maskwatch.events import Phase

from .conftest import free_port, make_alert, serving


class Mailroom:
    """Keeps what comes; `refusing` are addresses that it takes nothing for."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.verdict = "250 kept"
        self.refusing: set[str] = set()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _: Any
    ) -> str:
        if address in self.refusing:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.verdict.startswith("250"):
            assert isinstance(envelope.content, bytes)
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
            self.recipients.append(envelope.rcpt_tos)
        return self.verdict


def allow(*values: Any) -> AuthResult:
    data = values[4]
    assert isinstance(data, LoginPassword)
    known = (data.login, data.password) == (b"me", b"pass word")
    return AuthResult(success=known, handled=False)


@contextmanager
def mail_server(**changes: Any) -> Iterator[tuple[Mailroom, int]]:
    room, port = Mailroom(), free_port()
    controller = Controller(room, hostname="127.0.0.1", port=port, **changes)
    controller.start()
    try:
        yield room, port
    finally:
        controller.stop()


def options(port: int, **changes: Any) -> EmailOptions:
    values: dict[str, Any] = {
        "name": "post",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "Maskwatch <watch@example.org>",
        "to": ["guard@example.org", "Ännchen <chief@example.org>"],
        "timeout_s": 5,
    }
    return EmailOptions(**{**values, **changes})


def test_a_message() -> None:
    with mail_server() as (room, port):
        channel = open_channel(options(port))
        channel.send(make_alert())
        channel.send(make_alert(number=2, phase=Phase.END, sentence="It is over."))
        channel.close()
    first, last = room.messages
    assert room.recipients[0] == ["guard@example.org", "chief@example.org"]
    assert first["Subject"] == "Lobby: somebody has worn no mask for 5 s."
    assert first["From"] == "Maskwatch <watch@example.org>"
    assert first["To"] == "guard@example.org, Ännchen <chief@example.org>"
    assert first["Date"].datetime.timestamp() == 1_800_000_000
    assert first["Message-ID"] == "<a1b2-0@example.org>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first.get_content().splitlines() == [
        "Lobby: somebody has worn no mask for 5 s.",
        "",
        "camera: lobby",
        "rule: masks",
        "phase: new",
        "time: 2027-01-15T08:00:00.250+00:00",
        "since: 2027-01-15T07:59:55.000+00:00",
    ]
    assert last["References"] == first["Message-ID"]
    assert last["Message-ID"] == "<a1b2-2@example.org>"


def test_names_cannot_add_headers_or_lines() -> None:
    nasty = "lobby\r\nBcc: thief@example.org\r\n\r\nhello"
    with mail_server() as (room, port):
        open_channel(options(port)).send(make_alert(camera=nasty, sentence=f"{nasty} is bare"))
    [message] = room.messages
    assert message["Bcc"] is None
    assert message["Subject"] == "lobby Bcc: thief@example.org hello is bare"
    lines = message.get_content().splitlines()
    assert lines[2:4] == ["camera: lobby Bcc: thief@example.org hello", "rule: masks"]
    assert room.recipients == [["guard@example.org", "chief@example.org"]]


def test_the_snapshot_is_attached(tmp_path: Path) -> None:
    picture = tmp_path / "ä b.jpg"
    picture.write_bytes(b"\xff\xd8 blurred")
    with mail_server() as (room, port):
        channel = open_channel(options(port))
        channel.send(make_alert(snapshot=str(picture)))
        picture.unlink()
        channel.send(make_alert(snapshot=str(picture)))
    first, second = room.messages
    [attached] = first.iter_attachments()
    assert attached.get_content() == b"\xff\xd8 blurred"
    assert attached.get_content_type() == "image/jpeg"
    assert attached.get_filename() == "ä b.jpg"
    assert not list(second.iter_attachments())


def test_starttls_and_login(certificate: tuple[Path, Path], server_tls: ssl.SSLContext) -> None:
    secure = {"tls_context": server_tls, "require_starttls": True, "authenticator": allow}
    login = {"security": "starttls", "username": "me", "password": "pass word"}
    with mail_server(**secure) as (room, port):
        with pytest.raises(DeliveryError, match="its certificate is not trusted"):
            open_channel(options(port, **login)).send(make_alert())
        login["ca_file"] = str(certificate[0])
        open_channel(options(port, **login)).send(make_alert())
        probe(options(port, **login))
        wrong = options(port, **{**login, "password": "hush-hush"})
        with pytest.raises(DeliveryError, match=r"refused the login \(535\)") as caught:
            probe(wrong)
        assert not isinstance(caught.value, DeliveryRefused), "messages wait for a right password"
        assert "hush" not in f"{caught.value} {wrong!r}"
    assert len(room.messages) == 1


def test_tls_from_the_start(certificate: tuple[Path, Path], server_tls: ssl.SSLContext) -> None:
    with mail_server(ssl_context=server_tls) as (room, port):
        open_channel(options(port, security="tls", ca_file=certificate[0])).send(make_alert())
    assert len(room.messages) == 1


def test_a_server_without_starttls_gets_nothing() -> None:
    with mail_server() as (room, port), pytest.raises(DeliveryError, match="STARTTLS"):
        open_channel(options(port, security="starttls")).send(make_alert())
    assert not room.messages


def test_a_server_that_refuses_and_recovers() -> None:
    with mail_server() as (room, port):
        channel = open_channel(options(port))
        room.verdict = "451 later,\tperhaps"
        with pytest.raises(DeliveryError, match="it answered 451 later, perhaps") as caught:
            channel.send(make_alert())
        assert not isinstance(caught.value, DeliveryRefused)
        room.verdict = "554 not that one"
        with pytest.raises(DeliveryRefused, match="it answered 554 not that one"):
            channel.send(make_alert())
        room.verdict = "250 kept"
        channel.send(make_alert())
    assert len(room.messages) == 1


def test_one_recipient_of_two_is_unknown(caplog: pytest.LogCaptureFixture) -> None:
    with mail_server() as (room, port):
        channel = open_channel(options(port))
        room.refusing = {"guard@example.org"}
        channel.send(make_alert())
        assert "does not take mail for guard@example.org" in caplog.text
        room.refusing |= {"chief@example.org"}
        with pytest.raises(
            DeliveryRefused, match=r"no mail for the recipients \(550 no such person"
        ):
            channel.send(make_alert())
    assert room.recipients == [["chief@example.org"]]


def test_a_server_that_is_down_for_a_while() -> None:
    port = free_port()
    channel = open_channel(options(port))
    with pytest.raises(DeliveryError, match=f"the mail server 127.0.0.1:{port} .*refused"):
        channel.send(make_alert())
    room = Mailroom()
    controller = Controller(room, hostname="127.0.0.1", port=port)
    controller.start()
    channel.send(make_alert())
    controller.stop()
    assert len(room.messages) == 1


@pytest.mark.parametrize("greeting", [b"220-wait\r\n", b"x"])
def test_a_server_that_trickles_is_cut_off(greeting: bytes) -> None:
    def talk(caller: socket.socket) -> None:
        caller.settimeout(0.05)
        while True:
            caller.sendall(greeting)
            try:
                if not caller.recv(1):
                    return
            except TimeoutError:
                pass

    with serving(talk) as port:
        channel = open_channel(options(port, timeout_s=0.4))
        for _ in range(2):
            with pytest.raises(DeliveryError, match=r"took longer than 0\.4 s"):
                channel.send(make_alert())


def test_a_check_sends_no_message() -> None:
    with mail_server() as (room, port):
        probe(options(port))
    assert not room.messages
    with pytest.raises(DeliveryError, match="refused"):
        probe(options(free_port()))


@pytest.mark.parametrize(
    "changes",
    [
        {"sender": "nobody"},
        {"to": ["a@b.c\nBcc: d@e.f"]},
        {"to": ["a@b.c, d@e.f"]},
        {"to": []},
        {"host": "smtp://a"},
        {"password": "pässword"},
    ],
)
def test_options_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        options(25, **changes)


@pytest.mark.parametrize(
    ("error", "for_good"),
    [
        (smtplib.SMTPDataError(554, b"spam"), True),
        (smtplib.SMTPDataError(451, b"later"), False),
        (smtplib.SMTPSenderRefused(552, b"too large", "me"), True),
        (smtplib.SMTPSenderRefused(530, b"authentication required", "me"), False),
        (smtplib.SMTPSenderRefused(553, b"not yours", "me"), False),
        (smtplib.SMTPConnectError(554, b"too many from your address"), False),
        (smtplib.SMTPRecipientsRefused({"a": (550, b"unknown")}), True),
        (smtplib.SMTPRecipientsRefused({"a": (530, b"log in first")}), False),
        (smtplib.SMTPRecipientsRefused({"a": (550, b"unknown"), "b": (450, b"busy")}), False),
    ],
)
def test_only_what_is_about_the_message_is_for_good(error: OSError, for_good: bool) -> None:
    assert _is_for_good(error) is for_good
