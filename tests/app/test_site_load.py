"""Site files that are right, and what is made of them."""

import re
import tomllib
from datetime import datetime
from pathlib import Path

import platformdirs
import pytest
from pydantic import BaseModel, ValidationError

from maskwatch import Settings, UsageError
from maskwatch.alerts.log import LogOptions
from maskwatch.alerts.mqtt import MqttOptions
from maskwatch.alerts.terminal import TerminalOptions
from maskwatch.alerts.webhook import WebhookOptions
from maskwatch.app.site.detect import DetectTable
from maskwatch.app.site.load import load_site, site_of_camera
from maskwatch.app.site.rules import (
    RULE_TABLES,
    CameraLostTable,
    ComplianceTable,
    ViolationTable,
)
from maskwatch.app.site.table import fields_of
from maskwatch.app.site.tables import (
    CHANNEL_TABLES,
    CameraTable,
    MetricsTable,
    Site,
    StorageTable,
)
from maskwatch.types import MaskState

EXAMPLE = Path(__file__).parents[2] / "examples" / "site.toml"
ONE = '[[camera]]\nname = "a"\nsource = 0\n'
TABLES = [
    Site, CameraTable, StorageTable, MetricsTable, DetectTable, *RULE_TABLES.values(),
    *CHANNEL_TABLES.values(),
]  # fmt: skip


def loaded(folder: Path, text: str, **environment: str) -> Site:
    path = folder / "site.toml"
    path.write_bytes(text.encode())
    return load_site(path, environment=environment)


@pytest.fixture(scope="module")
def example() -> Site:
    names = re.findall(r"(?<!\$)\$\{(\w+)\}", EXAMPLE.read_text("utf-8"))
    return load_site(EXAMPLE, environment={name: f"the-{name}" for name in names})


def test_the_example_says_what_it_shows(example: Site) -> None:
    assert (example.name, str(example.time_zone)) == ("Clinic", "Europe/Berlin")
    assert [camera.name for camera in example.cameras] == ["lobby", "desk", "trial"]
    lobby, desk, trial = example.cameras
    assert lobby.source == "rtsp://user:the-LOBBY_PASSWORD@10.0.0.5/stream"
    assert lobby.shown == "rtsp://user:***@10.0.0.5/stream"
    assert (lobby.rate, lobby.min_face, lobby.timeout_s) == (5.0, 24.0, 10.0)
    assert lobby.patience_s == 2.0
    assert lobby.hours.open_at(datetime(2024, 1, 1, 7)) is True
    assert lobby.hours.open_at(datetime(2024, 1, 7, 7)) is False
    assert lobby.zones.include == (((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)),)
    assert (desk.source, desk.zones.include, desk.loop) == ("0", (), False)
    assert (trial.source, trial.loop) == (str(EXAMPLE.parent / "footage.mp4"), True)
    assert {channel.type for channel in example.channels} == set(CHANNEL_TABLES)
    assert example.storage.events == str(EXAMPLE.parent / "events.db")
    assert example.storage.keep_s == 30 * 86400
    assert example.metrics.address == ("127.0.0.1", 9100)


def test_the_rules_of_the_example(example: Site) -> None:
    violation, compliance, lost = example.rules
    assert isinstance(violation, ViolationTable)
    assert violation.states == (MaskState.NO_MASK, MaskState.INCORRECT)
    assert (violation.lasting_s, violation.cooldown_person_s) == (5.0, 600.0)
    assert violation.cameras == ("lobby", "desk")
    assert isinstance(compliance, ComplianceTable)
    assert (compliance.below, compliance.window_s, compliance.at_least) == (0.9, 900.0, 10)
    assert (compliance.cameras, compliance.channels) == (None, None)
    assert isinstance(lost, CameraLostTable)
    assert (lost.lasting_s, lost.channels) == (30.0, ("operator",))


def test_what_the_example_calls_the_default_is_the_default(example: Site) -> None:
    shown = tomllib.loads(EXAMPLE.read_text("utf-8"))
    assert example.settings == Settings(**shown["detect"])
    for table in example.rules:
        fresh = type(table).model_validate({"name": table.name, "when": table.when})
        given = {"name", "when", "cameras", "channels", "cooldown_camera_s"}
        assert table.model_dump(exclude=given) == fresh.model_dump(exclude=given)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_the_example_holds_every_key(table: type[BaseModel]) -> None:
    text = EXAMPLE.read_text("utf-8")
    for key, field in fields_of(table).items():
        assert re.search(rf"^(# )?{key} = |^\[\[?{key}\]\]?", text, re.M), key
        assert field.description
        assert field.description.endswith((".", ")"))


def test_the_file_needs_a_camera_only(tmp_path: Path) -> None:
    site = loaded(tmp_path, ONE)
    assert (site.name, site.time_zone, site.rules, site.channels) == ("maskwatch", None, (), ())
    assert site.settings == Settings()
    data = platformdirs.user_data_path("maskwatch", appauthor=False)
    assert site.storage.events == str(data / "events.db")
    assert site.storage.snapshot_folder == tmp_path / "snapshots"
    assert (site.storage.snapshots, site.metrics.address) == (False, None)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("0", "0"),
        ('"7"', "7"),
        ('"rtsps://10.0.0.5/x?a=1"', "rtsps://10.0.0.5/x?a=1"),
        ('"clips/a.mp4"', "FOLDER/clips/a.mp4"),
        ('"/clips/a.mp4"', "/clips/a.mp4"),
        ('"~/a.mp4"', "HOME/a.mp4"),
        ('"${CLIP}.mp4"', "FOLDER/köln.mp4"),
        ('"$${CLIP}$x.mp4"', "FOLDER/${CLIP}$x.mp4"),
    ],
)
def test_what_is_watched(tmp_path: Path, text: str, source: str) -> None:
    site = loaded(tmp_path, f'[[camera]]\nname = "a"\nsource = {text}\n', CLIP="köln")
    expected = source.replace("FOLDER", str(tmp_path)).replace("HOME", str(Path.home()))
    assert site.cameras[0].source == expected


def test_the_environment_fills_numbers_lists_and_tables(tmp_path: Path) -> None:
    channel = '[[channel]]\nname = "w"\ntype = "webhook"\nurl = "https://h/${T}"\n'
    headers = 'headers = { Authorization = "Bearer ${T}" }\n'
    hours = 'rate = "${RATE}"\nhours = ["${DAY}", "Sun"]\n'
    site = loaded(tmp_path, f"{ONE}{hours}{channel}{headers}", T="tok", RATE="2.5", DAY="Sat")
    assert site.cameras[0].rate == 2.5
    assert site.cameras[0].hours.open_at(datetime(2024, 1, 6)) is True
    webhook = site.channels[0]
    assert isinstance(webhook, WebhookOptions)
    assert webhook.url.get_secret_value() == "https://h/tok"
    assert webhook.headers["Authorization"].get_secret_value() == "Bearer tok"


@pytest.mark.parametrize(
    ("events", "kept"),
    [
        ("sqlite:///a/events.db", "FOLDER/a/events.db"),
        ("sqlite:////var/events.db", "/var/events.db"),
        ("events.db", "FOLDER/events.db"),
        ("postgresql://me:pw@db/events", "postgresql://me:pw@db/events"),
    ],
)
def test_where_events_are_kept(tmp_path: Path, events: str, kept: str) -> None:
    site = loaded(tmp_path, f'{ONE}[storage]\nevents = "{events}"\n')
    assert site.storage.events == kept.replace("FOLDER", str(tmp_path))


def test_paths_are_meant_from_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site" / "own").mkdir(parents=True)
    (tmp_path / "site" / "ca.pem").touch()
    text = f"""{ONE}
[detect]
classifier = "own"
detector = "yunet"
detector_weights = "yunet.onnx"
[[channel]]
name = "log"
type = "log"
path = "alerts.jsonl"
[[channel]]
name = "hook"
type = "webhook"
url = "https://h/"
ca_file = "ca.pem"
[storage]
snapshot_folder = "pictures"
"""
    (tmp_path / "site" / "site.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    site = load_site(Path("site/site.toml"))
    folder = tmp_path / "site"
    settings = site.settings
    assert (settings.classifier, settings.detector) == (str(folder / "own"), "yunet")
    assert settings.detector_weights == folder / "yunet.onnx"
    log, hook = site.channels
    assert isinstance(log, LogOptions)
    assert isinstance(hook, WebhookOptions)
    assert (log.path, hook.ca_file) == (folder / "alerts.jsonl", folder / "ca.pem")
    assert site.storage.snapshot_folder == folder / "pictures"


def test_windows_files_and_letters_of_all_kinds(tmp_path: Path) -> None:
    text = f'\ufeffname = "Klinik Süd 東"\n{ONE}[[rule]]\nname = "ohne Maske – früh"\nwhen = "violation"\n'  # noqa: E501, RUF001
    site = loaded(tmp_path, text.replace("\n", "\r\n"))
    assert site.name == "Klinik Süd 東"
    assert site.rules[0].name == "ohne Maske – früh"  # noqa: RUF001


def test_mqtt_takes_the_name_of_the_site(tmp_path: Path) -> None:
    def channel(name: str) -> str:
        return f'[[channel]]\nname = "{name}"\ntype = "mqtt"\nhost = "localhost"\n'

    text = f'name = "Clinic"\n{ONE}{channel("a")}{channel("b")}site = "north"\n'
    own, other = loaded(tmp_path, text).channels
    assert isinstance(own, MqttOptions)
    assert isinstance(other, MqttOptions)
    assert (own.site, other.site) == ("Clinic", "north")


def test_a_site_can_be_shown_without_its_secrets(tmp_path: Path) -> None:
    camera = '[[camera]]\nname = "a"\nsource = "rtsp://u:hunter2@h/"\n'
    channel = '[[channel]]\nname = "w"\ntype = "webhook"\nurl = "https://h/hunter2"\n'
    storage = '[storage]\nevents = "postgresql://u:hunter2@h/db"\n'
    site = loaded(tmp_path, f"{camera}{channel}{storage}")
    assert site.cameras[0].source == "rtsp://u:hunter2@h/"
    assert "hunter2" not in f"{site} {site!r}"


def test_a_site_cannot_be_changed(tmp_path: Path) -> None:
    site = loaded(tmp_path, ONE)
    with pytest.raises(ValidationError, match="frozen"):
        site.name = "other"


def test_times_are_those_of_the_site(tmp_path: Path) -> None:
    there = loaded(tmp_path, f'time_zone = "Asia/Tokyo"\n{ONE}')
    assert there.local(0).replace(tzinfo=None) == datetime(1970, 1, 1, 9)
    here = loaded(tmp_path, ONE)
    assert here.local(0) == datetime.fromtimestamp(0)


def test_an_ipv6_address_to_listen_at(tmp_path: Path) -> None:
    site = loaded(tmp_path, f'{ONE}[metrics]\nlisten = "[::1]:9100"\n')
    assert site.metrics.address == ("::1", 9100)


@pytest.mark.parametrize(
    ("source", "name", "kept"),
    [
        ("0", "camera 0", "0"),
        ("rtsp://u:hunter2@10.0.0.5/live/1", "10_0_0_5_live_1", "rtsp://u:hunter2@10.0.0.5/live/1"),
        ("clips/front door.mp4", "front door", "FOLDER/clips/front door.mp4"),
        ("${x}.mp4", "_x_", "FOLDER/${x}.mp4"),
        ("東.mp4", "_", "FOLDER/東.mp4"),
    ],
)
def test_one_camera_without_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, name: str, kept: str
) -> None:
    monkeypatch.chdir(tmp_path)
    site = site_of_camera(source)
    [camera], [rule], [channel] = site.cameras, site.rules, site.channels
    assert (camera.name, camera.source) == (name, kept.replace("FOLDER", str(tmp_path)))
    assert isinstance(rule, ViolationTable)
    assert (rule.lasting_s, rule.channels) == (5.0, None)
    assert isinstance(channel, TerminalOptions)


def test_a_camera_that_is_none() -> None:
    with pytest.raises(UsageError, match="expected an address that begins with") as caught:
        site_of_camera("httq://u:hunter2@h/")
    assert "hunter2" not in str(caught.value)
