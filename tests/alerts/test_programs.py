"""Channels that run programs: a command of the user's, and pop-ups."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from maskwatch.alerts.command import CommandChannel, CommandOptions
from maskwatch.alerts.desktop import DesktopChannel, DesktopOptions
from maskwatch.alerts.open import open_channel, probe
from maskwatch.errors import DeliveryError
from maskwatch.events import Phase
from maskwatch.types import MaskState

from .conftest import make_alert

posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")
pytestmark = posix


def command(words: Any, **changes: Any) -> CommandChannel:
    values = {"timeout_s": 5, **changes}
    return CommandChannel(CommandOptions(name="run", command=words, **values))


def python(code: str, **changes: Any) -> CommandChannel:
    return command([sys.executable, "-c", code], **changes)


def test_a_program_gets_json_and_variables(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    code = (
        "import json, os, sys; found = {k: v for k, v in os.environ.items() if 'MASKWATCH_' in k};"
        f"json.dump([json.load(sys.stdin), found], open({str(out)!r}, 'w'))"
    )
    alert = make_alert(state=MaskState.NO_MASK, sentence="Lobby; rm -rf ~ $(id) `id`\0 'ü'")
    python(code).send(alert)
    given, variables = json.loads(out.read_text())
    assert given == alert.as_json()
    assert variables["MASKWATCH_CAMERA"] == "lobby"
    assert variables["MASKWATCH_SENTENCE"] == "Lobby; rm -rf ~ $(id) `id` 'ü'"
    assert variables["MASKWATCH_STATE"] == "no_mask"
    assert variables["MASKWATCH_PHASE"] == "new"
    assert variables["MASKWATCH_NUMBER"] == "0"
    assert variables["MASKWATCH_RATE"] == ""


def test_one_text_is_split_into_words_and_no_shell_reads_it(tmp_path: Path) -> None:
    command(f"touch '{tmp_path}/a b' {tmp_path}/$HOME;true").send(make_alert())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["$HOME;true", "a b"]


def test_a_program_that_fails() -> None:
    channel = python("import sys; sys.exit('first\\nthe printer\\x1b[31m is\\toff\\n\\n')")
    with pytest.raises(DeliveryError, match=r"ended with code 1: the printer \[31m is off$"):
        channel.send(make_alert())
    with pytest.raises(DeliveryError, match=r"false ended with code 1: it gave no reason"):
        command("false").send(make_alert())
    with pytest.raises(DeliveryError, match=r"sh ended with code -9"):
        command(["sh", "-c", "kill -9 $$"]).send(make_alert())


def test_a_program_that_is_missing_or_none(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no program")
    for words, reason in (("no-such-program-here", "no such file"), (str(text), "permission")):
        with pytest.raises(DeliveryError, match=f"cannot start .*{reason}"):
            command([words]).send(make_alert())
        with pytest.raises(DeliveryError, match="there is no program"):
            probe(CommandOptions(name="run", command=[words]))
    probe(CommandOptions(name="run", command="true"))
    with pytest.raises(DeliveryError, match="cannot start true: embedded null byte"):
        command(["true", "a\0b"]).send(make_alert())


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_program_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 60 & echo $$ $! > {pids}; wait; sleep 60"
    start = time.monotonic()
    with pytest.raises(DeliveryError, match=r"sh took longer than 0\.5 s and was stopped"):
        command(["sh", "-c", script], timeout_s=0.5).send(make_alert())
    assert time.monotonic() - start < 2
    deadline = time.monotonic() + 2
    found = [int(pid) for pid in pids.read_text().split()]
    assert len(found) == 2
    while any(map(is_running, found)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(is_running, found))


def test_a_program_may_leave_another_behind(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    start = time.monotonic()
    command(["sh", "-c", f"sleep 30 & echo $! > {pid}"]).send(make_alert())
    assert time.monotonic() - start < 3
    os.kill(int(pid.read_text()), signal.SIGKILL)  # It is still there.


def test_a_program_that_reads_and_writes_much_or_nothing() -> None:
    python("import sys; sys.stderr.write('x' * 10**6); print('y' * 10**6)").send(make_alert())
    command("true").send(make_alert(sentence="long " * 20_000))


@pytest.mark.parametrize("words", ["", [], "open 'quote", 7])
def test_commands_that_are_none_are_refused(words: Any) -> None:
    with pytest.raises(ValidationError):
        command(words)


Program = Callable[[str, str], Path]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Make a program that stands for one of the desktop's, and is found first."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def make(name: str, code: str) -> Path:
        path = folder / name
        path.write_text(f"#!{sys.executable}\nimport json, sys, time\n{code}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(folder))
        return path

    return make


def desktop(system: str, **changes: Any) -> DesktopChannel:
    return DesktopChannel(DesktopOptions(name="popup", **changes), system=system)


@pytest.mark.parametrize(
    ("system", "name", "last"),
    [
        ("Linux", "notify-send", ["--", "maskwatch", "A &lt;b&gt; \"q\" &amp; 'c' \\ $(id) d"]),
        ("Darwin", "osascript", ["end run", "maskwatch", "A <b> \"q\" & 'c' \\ $(id) d"]),
    ],
)
def test_a_pop_up(program: Program, tmp_path: Path, system: str, name: str, last: Any) -> None:
    out = tmp_path / "words.json"
    program(name, f"json.dump(sys.argv[1:], open({str(out)!r}, 'w'))")
    channel = desktop(system)
    channel.check()
    channel.send(make_alert(sentence="A <b> \"q\" & 'c' \\ $(id)\nd"))
    assert json.loads(out.read_text())[-3:] == last


def test_pop_ups_that_fail(program: Program) -> None:
    program("notify-send", "sys.exit('no desktop')")
    with pytest.raises(DeliveryError, match="notify-send ended with code 1: no desktop"):
        desktop("Linux").send(make_alert())
    program("notify-send", "time.sleep(60)")
    with pytest.raises(DeliveryError, match=r"notify-send took longer than 0\.4 s"):
        desktop("Linux", timeout_s=0.4).send(make_alert())
    with pytest.raises(DeliveryError, match="pop-ups need the program osascript"):
        desktop("Darwin").check()
    with pytest.raises(DeliveryError, match="cannot start osascript"):
        desktop("Darwin").send(make_alert())


@pytest.mark.skipif(not Path("/usr/bin/notify-send").exists(), reason="there is no notify-send")
def test_the_real_notify_send_without_a_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DeliveryError, match="notify-send ended with code 1: ."):
        desktop("Linux").send(make_alert())


NOTIFICATIONS = """
import dbus, dbus.service, json, sys
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

class Desktop(dbus.service.Object):
    @dbus.service.method("org.freedesktop.Notifications", "susssasa{sv}i", "u")
    def Notify(self, app, replaces, icon, title, body, actions, hints, lasts):
        json.dump([str(app), str(title), str(body)], open(sys.argv[1], "w"))
        return 1

    @dbus.service.method("org.freedesktop.Notifications", "", "as")
    def GetCapabilities(self):
        return ["body", "body-markup"]

    @dbus.service.method("org.freedesktop.Notifications", "", "ssss")
    def GetServerInformation(self):
        return "test", "test", "1", "1.2"

bus = dbus.SessionBus(mainloop=DBusGMainLoop())
name = dbus.service.BusName("org.freedesktop.Notifications", bus)
desktop = Desktop(bus, "/org/freedesktop/Notifications")
print("ready", flush=True)
GLib.MainLoop().run()
"""


def has_dbus() -> bool:
    probe = ["dbus-run-session", "--", "/usr/bin/python3", "-c", "import dbus, gi"]
    try:
        return subprocess.run(probe, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/usr/bin/notify-send").exists(), reason="there is no notify-send")
@pytest.mark.skipif(not has_dbus(), reason="there is no D-Bus with bindings for Python")
def test_the_real_notify_send_on_a_desktop_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen.json"
    code = ["/usr/bin/python3", "-c", NOTIFICATIONS, str(seen)]
    shell = 'echo "$DBUS_SESSION_BUS_ADDRESS"; exec "$@"'
    words = ["dbus-run-session", "--", "sh", "-c", shell, "sh", *code]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as session:
        try:
            assert session.stdout is not None
            address = session.stdout.readline().strip()
            assert session.stdout.readline() == "ready\n"
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
            open_channel(DesktopOptions(name="popup")).send(
                make_alert(phase=Phase.NEW, sentence="-A <b> & 'c'")
            )
        finally:
            session.terminate()
    assert json.loads(seen.read_text()) == ["maskwatch", "maskwatch", "-A &lt;b&gt; &amp; 'c'"]
