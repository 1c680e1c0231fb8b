"""Broken site files: every mistake is told, with its line, and no secret."""

import re
from pathlib import Path

import pytest

from maskwatch import UsageError
from maskwatch.app.site.load import load_site
from maskwatch.app.site.mistakes import SiteError

EXAMPLE = Path(__file__).parents[2] / "examples" / "site.toml"
SECRET = "hunter2"
# A file with about everything wrong. After #! stands, as a pattern, what is said of the line.
BROKEN = r"""
name = "Clinic/1"  #! name: expected a name without \+ # / \$
time_zone = "europe/berlin"  #! time_zone: expected a time zone .* did you mean 'Europe/Berlin'
colour = "hunter2"  #! colour: there is no such key here; the keys are name, time_zone, detect
[detect]
classifier = "standrd"  #! detect.classifier: expected standard or small.*'standrd'.*'standard'
score = 2  #! detect.score: expected a number from 0 to 1, got 2
tiles = 2.5  #! detect.tiles: expected a whole number from 1 to 16, got 2.5
device = "gpu"  #! detect.device: expected auto, cpu or cuda, got 'gpu'
out = "results"  #! detect.out: there is no such key here; the keys are classifier, detector, mode
threads = true  #! detect.threads: expected a whole number from 0 to 1024, got true
long_side = nan  #! detect.long_side: expected a whole number from 32 to 8192, got nan
[[camera]]
name = "lobby"
source = "rtsp://user:${LOBBY_PW}@10.0.0.5/x"  #! camera.source: the environment .* LOBBY_PW; set it
rate = 90  #! camera.rate: expected a number from 1 to 30, got 90
decode = "keys"  #! camera.decode: expected all, reference or key, got 'keys'; did you mean 'key'
min_face = "large"  #! camera.min_face: expected a number of at least 0, got 'large'
timeout = "5 minutes"  #! camera.timeout: expected a span of time such as .*, got '5 minutes'
hours = ["Mon 07:00-19:00", "Xyz"]  #! camera.hours: expected hours such as .*, got 'Xyz'
include = [  #! camera.include, item 1: .* cross .* corners 1 and 3 #! camera.include, item 2: .* 2
  [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]],
  [[0.1, 0.1], [0.9, 0.1]],
]
ignore = [[0.1, 0.1], [1.9, 0.1], [0.5, 0.5]]  #! camera.ignore: expected a list of polygons, got
rat = 5  #! camera.rat: there is no such key here; did you mean 'rate'
loop = "maybe"  #! camera.loop: expected true or false, got 'maybe'
[[camera]]
name = "lobby"  #! camera.name: expected a name of its own, got that of line 14; choose another
source = "httq://admin:hunter2@10.0.0.5/"  #! camera.source: expected an address that begins with
[[camera]]  #! camera.source: is missing. The index of a device
name = "a/b"  #! camera.name: expected 1 to 64 of the letters .*, got 'a/b'
[[camera]]
name = "hall"
source = -1  #! camera.source: expected the index of a device
[[rule]]
name = "no mask"
when = "violation"
below = 0.9  #! rule.below: goes with when = 'compliance' only; leave it out
states = ["no_mask", "mask"]  #! rule.states, item 2: expected no_mask or incorrect, got 'mask'
cameras = ["loby"]  #! rule.cameras, item 1: there is no camera 'loby'; did you mean 'lobby'
channels = ["desk", "x", "dsk"]  #! rule.channels, item 3: .* 'dsk'; did you mean 'desk'
lasting = -5  #! rule.lasting: expected a span of time such as .*, got -5
[[rule]]
name = "rate"
when = "complience"  #! rule.when: expected violation, compliance or camera-lost, got 'complience'
below = 90  #! rule.below: expected a number from 0.01 to 1, got 90
window = "0s"  #! rule.window: expected a span of time of at least 1 s, got '0s'
at_least = 0  #! rule.at_least: expected a whole number of at least 1, got 0
[[rule]]  #! rule.name: is missing. What alerts call the rule
when = "camera-lost"
lasting = true  #! rule.lasting: expected a span of time, got true
cameras = []  #! rule.cameras: expected a list that is not empty, got a list
[[channel]]
name = "desk"
type = "webhook"
url = "hunter2"  #! channel.url: expected an address such as https://host/path
secret = 5  #! channel.secret: expected a text in quotes$
headers = { Authorization = 7 }  #! channel.headers.Authorization: expected a text in quotes$
pasword = "hunter2"  #! channel.pasword: there is no such key here
[[channel]]  #! channel.sender: is missing. The address that mail comes from
name = "mail"
type = "email"
host = "mail.example.org"
port = 99999  #! channel.port: expected a whole number from 1 to 65535, got 99999
password = "hunter2ü"  #! channel.password: expected ASCII letters
to = "guard"  #! channel.to: expected a list in square brackets, got 'guard'
ca_file = "ca.pem"  #! channel.ca_file: expected the path of a file that is there, got '.*ca.pem'
security = "ssl"  #! channel.security: expected starttls, tls or none, got 'ssl'
[[channel]]
name = "x"
type = "webhok"  #! channel.type: expected terminal, log, .* 'webhok'; did you mean 'webhook'
[[channel]]  #! channel.type: is missing; expected terminal, log
name = "y"
[[channel]]
name = "z"
type = "mqtt"
host = "localhost"
topic = "a/#"  #! channel.topic: expected a text that fits .*, got 'a/#'
port = true  #! channel.port: expected a whole number from 1 to 65535, got true
[storage]
events = "mysql://root:hunter2@host/db"  #! storage.events: .* expected a path, sqlite:///PATH or
keep = "for ever"  #! storage.keep: expected a span of time such as .*, got 'for ever'
keep_counts = "1s"  #! storage.keep_counts: expected a span of time of at least 1 min, got '1s'
snapshot_folder = 5  #! storage.snapshot_folder: expected a path in quotes, got 5
[metrics]
listen = "everywhere"  #! metrics.listen: expected a host and a port .*, got 'everywhere'
"""


def mistakes_of(folder: Path, text: str | bytes, **environment: str) -> list[str]:
    """The lines of the message of a broken file, without its name."""
    path = folder / "site.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SiteError) as caught:
        load_site(path, environment=environment)
    lines = str(caught.value).split("\n")
    assert [f"{path}:{mistake}" for mistake in caught.value.mistakes] == lines
    return [line.removeprefix(f"{path}:") for line in lines]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_every_mistake_is_told_with_its_line(tmp_path: Path, line_end: str) -> None:
    expected = [
        f"{number}: {said.strip()}"
        for number, line in enumerate(BROKEN.split("\n"), start=1)
        for said in line.split("#!")[1:]
    ]
    assert len(expected) > 50
    told = mistakes_of(tmp_path, BROKEN.replace("\n", line_end))
    for pattern, line in zip(expected, told, strict=True):
        assert re.match(pattern, line), f"expected {pattern}, got {line}"


def test_no_secret_is_told(tmp_path: Path) -> None:
    told = "\n".join(mistakes_of(tmp_path, BROKEN, LOBBY_PW=SECRET))
    assert SECRET not in told
    assert "LOBBY_PW" not in told


ONE = '[[camera]]\nname = "a"\nsource = 0\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# nothing\n", ["1: camera: there is none; add [[camera]] with a name and a source"]),
        ("x = 1\n", ["1: camera: there is none", "1: x: there is no such key here; the keys"]),
        ("\ncamera = 5\n", ["2: camera: expected tables that begin with [[camera]], got 5"]),
        ("\ncamera = [5]\n", ["2: camera: expected a table, got 5"]),
        ("a = 1\n\nb = \n", ["3: this is not TOML: Invalid value; look for a quote"]),
        ("a = 1\na = 2\n", ["2: this is not TOML: Cannot overwrite a value; look for"]),
        ('\nname = "', ["2: this is not TOML: "]),
        ("a = " + "9" * 5000, ["1: this is not TOML: "]),
        (f"{ONE}[detct]\n", ["4: detct: there is no such key here; did you mean 'detect'?"]),
        (f"detect = 5\n{ONE}", ["1: detect: expected a table, got 5"]),
        (
            f'{ONE}[detect]\nmode = "fast"\nclassifier = "small"\n',
            ["4: detect: the mode fast takes states from the detector and would not ask small"],
        ),
        (f"storage = []\n{ONE}", ["1: storage: expected a table, got a list"]),
        (f"{ONE}[storage]\nkeep = []\n", ["5: storage.keep: expected a span of time such as"]),
        (f"{ONE}rate = 1e999\n", ["4: camera.rate: expected a number from 1 to 30, got inf"]),
        (f"{ONE}hours = 07:00:00\n", ["4: camera.hours: expected hours as a text such as"]),
        (f"{ONE}hours = []\n", ["4: camera.hours: expected hours such as"]),
        (f"name = 2024-01-01\n{ONE}", ["1: name: expected a text in quotes, got 2024-01-01"]),
        (f"time_zone = 5\n{ONE}", ["1: time_zone: expected a time zone such as"]),
        (f'time_zone = "../x"\n{ONE}', ["1: time_zone: expected a time zone such as"]),
        (f'time_zone = "Europe"\n{ONE}', ["1: time_zone: expected a time zone such as"]),
        (f'name = "{"é" * 65}"\n{ONE}', ["1: name: expected 1 to 64 letters in one line, got"]),
        (f"{ONE}[[rule]]\n", ["4: rule.name: is missing.", "4: rule.when: is missing."]),
        (f"{ONE}[[channel]]\nname = 5\n", ["4: channel.type: is missing; expected terminal"]),
        (
            '[camera]\nname = "a"\nrate = 99\n[[rule]]\n',
            [
                "1: camera: expected [[camera]] in two pairs of brackets, got one",
                "1: camera.source: is missing.",
                "3: camera.rate: expected a number from 1 to 30, got 99",
                "4: rule.name: is missing.",
                "4: rule.when: is missing.",
            ],
        ),
    ],
)
def test_files_with_few_mistakes(tmp_path: Path, text: str, told: list[str]) -> None:
    lines = mistakes_of(tmp_path, text)
    assert [line[: len(start)] for line, start in zip(lines, told, strict=True)] == told


def test_what_comes_from_the_environment_is_not_shown(tmp_path: Path) -> None:
    text = '[[camera]]\nname = "${A}"\nsource = "${B}"\ntimeout = "${A}"\nhours = ["${A}"]\n'
    told = mistakes_of(tmp_path, text, A="s3cret/", B="s3cret://s3cret")
    assert [line.split(":")[1] for line in told] == [
        " camera.name", " camera.source", " camera.timeout", " camera.hours"
    ]  # fmt: skip
    assert "s3cret" not in "\n".join(told)


def test_all_variables_that_are_missing_are_named(tmp_path: Path) -> None:
    text = (
        '[[camera]]\nname = "a"\nsource = "rtsp://${USER1}:${PW}@h/"\n[storage]\nevents = "${DB}"'
    )
    assert mistakes_of(tmp_path, text) == [
        "3: camera.source: the environment has no variable USER1, PW; set it before the start",
        "5: storage.events: the environment has no variable DB; set it before the start",
    ]


@pytest.mark.parametrize(
    "raw", ['name = "Müller"\n'.encode("latin-1"), "\ufeffa = 1".encode("utf-16")]
)
def test_files_of_another_encoding(tmp_path: Path, raw: bytes) -> None:
    told = mistakes_of(tmp_path, b"\n\n" + raw)
    assert told == ["3: expected text in UTF-8, got other bytes; save the file as UTF-8"]


@pytest.mark.parametrize("text", ["", " \n\t\n", "\ufeff"])
def test_an_empty_file_says_how_to_begin(tmp_path: Path, text: str) -> None:
    (tmp_path / "site.toml").write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"site\.toml is empty; begin with \[\[camera\]\]"):
        load_site(tmp_path / "site.toml")


def test_a_file_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no site file .*none\.toml"):
        load_site(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="is a folder; name the site file in it"):
        load_site(tmp_path)


def test_brackets_without_end(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("x = " + "[" * 100_000)
    with pytest.raises(UsageError, match="nests brackets too deeply|not TOML"):
        load_site(tmp_path / "site.toml")


def test_the_cause_of_a_mistake_is_not_kept(tmp_path: Path) -> None:
    """A log with the whole story of an error would show what pydantic saw."""
    path = tmp_path / "site.toml"
    path.write_text(BROKEN, "utf-8")
    with pytest.raises(SiteError) as caught:
        load_site(path, environment={})
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "odd", ['"hunter2"', "-1", "true", "[]", '[["hunter2"]]', '{ hunter2 = "hunter2" }', "07:00:00"]
)
def test_an_odd_value_of_any_key_is_told_in_its_line(tmp_path: Path, odd: str) -> None:
    rows = EXAMPLE.read_text("utf-8").split("\n")
    environment = dict.fromkeys(re.findall(r"\$\{(\w+)\}", EXAMPLE.read_text("utf-8")), "x")
    path, told = tmp_path / "site.toml", 0
    for index, row in enumerate(rows):
        if not (found := re.match(r"(\w+) = ", row)):
            continue
        path.write_text("\n".join([*rows[:index], found[0] + odd, *rows[index + 1 :]]), "utf-8")
        try:
            load_site(path, environment=environment)
        except SiteError as error:
            told += 1
            # A name that is gone is missed elsewhere, and so are the keys of a type.
            if found[1] not in ("name", "type", "when"):
                assert {mistake.line for mistake in error.mistakes} == {index + 1}
            if found[1] in ("source", "url", "password", "secret", "headers", "urls", "events"):
                assert "hunter2" not in str(error)
    assert told > 20
