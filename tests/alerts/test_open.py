"""Options of all kinds, and the way from them to channels."""

import socket
import ssl
import subprocess
import sys
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from maskwatch.alerts.desktop import DesktopOptions, desktop_channel
from maskwatch.alerts.open import AnyChannel, open_channel
from maskwatch.alerts.options import ChannelOptions
from maskwatch.alerts.sound import SoundOptions
from maskwatch.alerts.text import one_line, why
from maskwatch.errors import MissingExtra
from maskwatch.events import Channel, Phase

ANY: TypeAdapter[AnyChannel] = TypeAdapter(AnyChannel)
KINDS: tuple[type[ChannelOptions], ...] = get_args(get_args(AnyChannel)[0])
SMALLEST: dict[str, dict[str, Any]] = {
    "terminal": {},
    "log": {"path": "alerts.jsonl"},
    "sound": {},
    "desktop": {},
    "command": {"command": "logger -t mask"},
    "webhook": {
        "url": "https://me:HUSH@a.example/HUSH",
        "secret": "HUSH",
        "headers": {"A": "HUSH"},
    },
    "mqtt": {"host": "broker", "password": "HUSH", "site": "here"},
    "email": {"host": "mail", "password": "HUSH", "sender": "a@b.example", "to": ["c@d.example"]},
    "chat": {"urls": ["tgram://HUSH/HUSH"]},
}


def parsed(kind: str, **changes: Any) -> ChannelOptions:
    return ANY.validate_python({"name": "one", "type": kind, **SMALLEST[kind], **changes})


def test_every_kind_has_its_options() -> None:
    assert {kind.model_fields["type"].default for kind in KINDS} == set(SMALLEST)


@pytest.mark.parametrize("kind", SMALLEST)
def test_the_options_of_a_kind(kind: str) -> None:
    options = parsed(kind, timeout="1m")
    assert options.timeout_s == 60
    assert parsed(kind, timeout_s=20).timeout_s == 20
    assert parsed(kind).timeout_s == 10
    assert options.phases == (tuple(Phase) if kind == "mqtt" else (Phase.NEW,))
    assert "HUSH" not in repr(options) + str(options)
    with pytest.raises(ValidationError, match="frozen"):
        options.name = "other"  # type: ignore[misc]
    for field in type(options).model_fields.values():
        assert field.description
        assert field.description.endswith(".")


@pytest.mark.parametrize("kind", SMALLEST)
@pytest.mark.parametrize(
    "changes",
    [{"colour": "HUSH"}, {"timeout": "HUSH"}, {"timeout": 0}, {"timeout": "1h"}, {"name": ""},
     {"phases": ["HUSH"]}, {"phases": []}],
)  # fmt: skip
def test_what_is_wrong_is_refused_without_being_shown(kind: str, changes: dict[str, Any]) -> None:
    options = next(one for one in KINDS if one.model_fields["type"].default == kind)
    with pytest.raises(ValidationError) as caught:
        options(**{"name": "one", **SMALLEST[kind], **changes})
    if "timeout" not in changes:
        assert "HUSH" not in str(caught.value)


@pytest.mark.parametrize("kind", [None, "pigeon"])
def test_kinds_that_there_are_not(kind: str | None) -> None:
    with pytest.raises(ValidationError, match=r"discriminator|does not match"):
        ANY.validate_python({"name": "one", "type": kind})


def test_a_table_of_all_options_can_be_made() -> None:
    definitions = ANY.json_schema()["$defs"]
    assert {f"{name}Options" for name in
            ("Terminal", "Log", "Sound", "Desktop", "Command", "Webhook", "Mqtt", "Email", "Chat")
            } <= set(definitions)  # fmt: skip


@pytest.mark.parametrize("kind", SMALLEST)
def test_every_kind_can_be_opened_and_closed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    for module in {"sound": "pygame", "chat": "apprise"}.get(kind, "json").split():
        pytest.importorskip(module)
    changes = {"host": "127.0.0.1", "port": 1} if kind == "mqtt" else {}
    channel: Channel = open_channel(parsed(kind, **changes), kinds_of={"lobby": set()})
    assert callable(channel.send)
    channel.close()
    channel.close()


def test_libraries_are_loaded_with_the_channel_that_needs_them() -> None:
    code = (
        "import sys, maskwatch.alerts.open;"
        "sys.exit(bool({'paho', 'apprise', 'pygame', 'requests'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_sound_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(MissingExtra, match=r"pip install 'maskwatch\[window\]'"):
        open_channel(SoundOptions(name="bell"))


def test_pop_ups_on_windows_go_through_apprise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Windows")
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(MissingExtra, match=r"maskwatch\[chat\]"):
        desktop_channel(DesktopOptions(name="popup"))


def test_words_of_others_become_one_short_line() -> None:
    assert one_line(" a\x00\x1b[31m\r\n\tb\u202e\u2028c ") == "a [31m b c"
    assert len(one_line("x" * 1000)) == 200


def test_reasons() -> None:
    assert why(ConnectionRefusedError(111, "Connection refused")) == "connection refused"
    assert why(TimeoutError()) == "no answer in time"
    assert why(socket.gaierror(-2, "x")) == "its name cannot be resolved"
    assert why(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong")).startswith("TLS failed")
    assert why(OSError("odd\nthing")) == "odd thing"
    assert why(ValueError()) == "ValueError"
