"""Channels of this machine: the terminal, a log, a sound."""

import json
import subprocess
import sys
import time
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from maskwatch.alerts.log import LogOptions
from maskwatch.alerts.open import open_channel, probe
from maskwatch.alerts.sound import SoundChannel, SoundOptions, two_tones
from maskwatch.alerts.terminal import TerminalOptions
from maskwatch.errors import DeliveryError
from maskwatch.events import Phase

from .conftest import make_alert


def test_a_line_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    channel = open_channel(TerminalOptions(name="here"))
    channel.send(make_alert(sentence="Nobody\x1b[2J\nwears a mask."))
    channel.close()
    clock = time.strftime("%H:%M:%S", time.localtime(1_800_000_000))
    captured = capsys.readouterr()
    assert captured.err == f"\a{clock} Nobody [2J wears a mask.\n"
    assert not captured.out


def test_a_dashboard_may_own_the_terminal() -> None:
    lines: list[str] = []
    open_channel(TerminalOptions(name="here", bell=False), write=lines.append).send(make_alert())
    [line] = lines
    assert line.endswith(" Lobby: somebody has worn no mask for 5 s.\n")
    assert "\a" not in line


def test_a_terminal_that_is_gone_or_halted(tmp_path: Path) -> None:
    def gone(text: str) -> None:
        with (tmp_path / "no" / "terminal").open("w") as file:
            file.write(text)

    with pytest.raises(DeliveryError, match="cannot write to the terminal: no such file"):
        open_channel(TerminalOptions(name="here"), write=gone).send(make_alert())
    halted = open_channel(
        TerminalOptions(name="here", timeout_s="100ms"), write=lambda _: time.sleep(1.3)
    )
    with pytest.raises(DeliveryError, match=r"the terminal took longer than 0\.1 s"):
        halted.send(make_alert())
    with pytest.raises(DeliveryError, match="has not come back from an earlier attempt"):
        halted.send(make_alert())


def test_a_log_of_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    options = LogOptions(name="log", path=path)
    probe(options)
    assert not path.exists()
    channel = open_channel(options)
    alerts = [make_alert(sentence="Tür:\nohne"), make_alert(number=1, phase=Phase.END)]
    for alert in alerts:
        channel.send(alert)
    path.rename(tmp_path / "old")
    channel.send(alerts[0])
    lines = (tmp_path / "old").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [alert.as_json() for alert in alerts]
    assert len(path.read_text("utf-8").splitlines()) == 1
    probe(options)


def test_a_log_that_cannot_be_written(tmp_path: Path) -> None:
    missing = LogOptions(name="log", path=tmp_path / "no" / "log")
    with pytest.raises(DeliveryError, match="cannot write to .*no such file"):
        open_channel(missing).send(make_alert())
    with pytest.raises(DeliveryError, match="the folder .* is missing; make it"):
        probe(missing)
    with pytest.raises(DeliveryError, match="must be a file"):
        probe(LogOptions(name="log", path=tmp_path))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk() -> None:
    with pytest.raises(DeliveryError, match="no space left"):
        open_channel(LogOptions(name="log", path=Path("/dev/full"))).send(make_alert())


FULL_DISK = """
import resource, sys
from pathlib import Path
from maskwatch.alerts.open import LogChannel, LogOptions
from maskwatch.errors import DeliveryError
from tests.alerts.conftest import make_alert
path = Path(sys.argv[1])
channel = LogChannel(LogOptions(name="log", path=path))
channel.send(make_alert())
size = path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, resource.RLIM_INFINITY))
try:
    channel.send(make_alert(number=1))
except DeliveryError as error:
    print(error)
assert path.stat().st_size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
channel.send(make_alert(number=1))
"""


def test_a_line_that_fits_in_part_is_taken_back(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    path = tmp_path / "log"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], cwd=root, capture_output=True, text=True
    )
    assert "took a part of the line only" in done.stdout, done.stderr
    assert [json.loads(line)["number"] for line in path.read_text().splitlines()] == [0, 1]


@pytest.fixture
def _no_loudspeaker(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")


def encoded(path: Path, codec: str) -> Path:
    """Two tones again, in another format."""
    with wave.open(two_tones()) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=44_100, layout="stereo", options={"strict": "-2"})
        stereo = np.repeat(samples.astype(np.float32) / 32768, 2).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(stereo, format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 44_100, 0, Fraction(1, 44_100)
        for part in (frame, None):
            out.mux(stream.encode(part))
    return path


def test_the_sound_that_is_made() -> None:
    with wave.open(two_tones()) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(float)
        assert (sound.getnchannels(), sound.getframerate()) == (1, 44_100)
    assert 0.5 < len(samples) / 44_100 < 1
    assert 10_000 < abs(samples).max() < 32_000
    for half, tone_hz in zip(np.split(samples, 2), (659.3, 523.3), strict=True):
        peak_hz = np.fft.rfftfreq(len(half), 1 / 44_100)[abs(np.fft.rfft(half)).argmax()]
        assert peak_hz == pytest.approx(tone_hz, abs=3)
        assert abs(half[-1]) < 0.1 * abs(half).max()


@pytest.mark.usefixtures("_no_loudspeaker")
def test_a_sound_is_played() -> None:
    import pygame

    channel = SoundChannel(SoundOptions(name="bell", volume=0.5))
    channel.check()
    assert not pygame.mixer.get_busy()
    start = time.monotonic()
    channel.send(make_alert())
    channel.close()
    # It is heard to its end, and no longer.
    assert 0.6 < time.monotonic() - start < 3
    assert pygame.mixer.get_init() is None
    channel.send(make_alert())
    channel.close()


@pytest.mark.usefixtures("_no_loudspeaker")
@pytest.mark.parametrize(
    ("name", "codec"), [("a.wav", "pcm_s16le"), ("a.ogg", "vorbis"), ("a.mp3", "libmp3lame")]
)
def test_sound_files(tmp_path: Path, name: str, codec: str) -> None:
    probe(SoundOptions(name="bell", file=encoded(tmp_path / name, codec)))


@pytest.mark.usefixtures("_no_loudspeaker")
def test_a_file_that_is_no_sound(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_text("no sound")
    channel = open_channel(SoundOptions(name="bell", file=file))
    for attempt in (
        lambda: channel.send(make_alert()),
        lambda: probe(SoundOptions(name="bell", file=file)),
    ):
        with pytest.raises(DeliveryError, match=r"a\.wav must be WAV, OGG or MP3"):
            attempt()
    file.unlink()
    with pytest.raises(DeliveryError, match=r"a\.wav must be WAV, OGG or MP3"):
        channel.send(make_alert())
    channel.close()


def test_without_a_sound_device(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_AUDIODRIVER", "none-such")
    with pytest.raises(DeliveryError, match="there is no sound device"):
        probe(SoundOptions(name="bell"))
