import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maskwatch.data.drawing import MaskStyle, Placement, draw_mask
from maskwatch.images import encode
from maskwatch.types import Image
from tests.cli.conftest import Run
from tests.conftest import LANDMARKS, MakeVideo


@pytest.fixture
def folder(tmp_path: Path, astronaut: Image) -> Path:
    encode(astronaut, tmp_path / "in" / "bare.jpg")
    worn = draw_mask(astronaut, LANDMARKS, Placement.WORN, MaskStyle())
    encode(worn, tmp_path / "in" / "Maß 名.png")
    return tmp_path / "in"


def test_one_photo_gives_a_table(maskwatch: Run, photo: Path) -> None:
    done = maskwatch("detect", photo)
    assert done.returncode == 0
    assert "No mask" in done.stdout
    assert "violations" in done.stdout
    assert not done.stderr.strip(), "nothing to warn of: our own detector ships"


def test_json_is_all_there_is_on_stdout(maskwatch: Run, folder: Path) -> None:
    done = maskwatch("detect", folder, "--json", "--records", "r.jsonl", "--csv", "r.csv")
    summary = json.loads(done.stdout)
    assert (summary["pictures"], summary["faces"], summary["violations"]) == (2, 2, 1)
    assert summary["states"] == {"mask": 1, "no_mask": 1, "incorrect": 0, "unknown": 0}


def test_quiet_says_nothing(maskwatch: Run, photo: Path) -> None:
    done = maskwatch("detect", photo, "--quiet")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["gone.jpg"], 1, "there is no file or folder gone.jpg"),
        (["empty"], 1, "holds no picture and no video"),
        (["text.jpg"], 1, "is not a picture that can be read"),
        (["zero.jpg"], 1, "is empty (0 bytes)"),
        (["bad.mp4"], 1, "cannot open bad.mp4 as a video"),
        (["93"], 1, "there is no camera 93"),
        (["rtsp://u:secret@127.0.0.1:1/x", "--timeout", "1"], 1, "cannot open rtsp://u:***@127.0.0.1"),
        (["text.jpg", "--detector", "yolo"], 2, "no detector is called 'yolo'"),
        (["text.jpg", "--detector", "yunet"], 1, "maskwatch models get yunet"),
        (["text.jpg", "--classifier", "best"], 2, "no classifier is called 'best'"),
        (["text.jpg", "--score", "7"], 2, "--score"),
        (["text.jpg", "--every", "often"], 2, "count of frames or a time span"),
        (["text.jpg", "--resume", "--overwrite"], 2, "exclude each other"),
        (["text.jpg", "--no-such-option"], 2, "no-such-option"),
        ([], 2, "Missing argument"),
        (["text.jpg", "--records", "text.jpg/r.jsonl"], 1, "cannot write text.jpg/r.jsonl"),
        (["text.jpg", "--records", "/dev/full"], 1, "cannot write /dev/full: No space left"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_sentence_and_a_code(
    maskwatch: Run, tmp_path: Path, words: list[str], code: int, sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.jpg").write_text("text")
    (tmp_path / "zero.jpg").write_bytes(b"")
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    done = maskwatch("detect", *words)
    assert done.returncode == code, done.stderr
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_debug_shows_where(maskwatch: Run, photo: Path) -> None:
    assert "Traceback" in maskwatch("detect", photo, "--detector", "yunet", "--debug").stderr


def test_one_bad_file_of_many(maskwatch: Run, folder: Path) -> None:
    (folder / "bad.jpg").write_bytes(b"")
    done = maskwatch("detect", folder, "--records", "r.jsonl", "--json")
    assert done.returncode == 1
    summary = json.loads(done.stdout)
    assert (summary["pictures"], summary["errors"]) == (2, 1)


@pytest.mark.parametrize(("fail_on", "code"), [("violation", 3), ("unknown", 0), ("no-face", 0)])
def test_fail_on(maskwatch: Run, photo: Path, fail_on: str, code: int) -> None:
    assert maskwatch("detect", photo, "--fail-on", fail_on).returncode == code


def test_an_error_comes_before_fail_on(maskwatch: Run, folder: Path) -> None:
    (folder / "bad.jpg").write_bytes(b"")
    assert maskwatch("detect", folder, "--fail-on", "violation").returncode == 1


def test_ctrl_c_finishes_and_exits_130(tmp_path: Path, make_video: MakeVideo) -> None:
    clip = make_video("in/clip.mp4", count=2000, size_wh=(640, 480))
    words = ["detect", str(clip), "--out", "out", "--records", "r.jsonl", "--detector", "haar"]
    with subprocess.Popen(
        [sys.executable, "-m", "maskwatch", *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        records = tmp_path / "r.jsonl"
        until = time.monotonic() + 60
        while not (records.exists() and records.stat().st_size) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; what was written so far is valid" in stderr
    assert "Traceback" not in stderr
    lines = [json.loads(line) for line in records.read_text().splitlines()]
    assert 0 < len(lines) < 2000
    assert (tmp_path / "out" / "clip.mp4").is_file()


def test_killed_in_the_middle_the_records_are_valid_and_resume_goes_on(
    maskwatch: Run, tmp_path: Path, astronaut: Image
) -> None:
    encode(astronaut, tmp_path / "in" / "000.jpg")
    for i in range(1, 150):
        os.link(tmp_path / "in" / "000.jpg", tmp_path / "in" / f"{i:03}.jpg")
    words = ["detect", "in", "--records", "r.jsonl", "--detector", "haar"]
    records = tmp_path / "r.jsonl"
    with subprocess.Popen(
        [sys.executable, "-m", "maskwatch", *words],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        until = time.monotonic() + 60
        while not (records.exists() and records.stat().st_size) and time.monotonic() < until:
            time.sleep(0.01)
        process.kill()
    before = [json.loads(line) for line in records.read_text().splitlines()]
    assert 0 < len(before) < 150
    done = maskwatch(*words, "--resume", "--json")
    assert json.loads(done.stdout)["done_before"] == len(before) - 1
    paths = [json.loads(line)["path"] for line in records.read_text().splitlines()]
    assert sorted(paths) == [f"in/{i:03}.jpg" for i in range(150)]


def test_python_m_and_help(maskwatch: Run) -> None:
    for words in (["--help"], ["detect", "--help"], ["models", "--help"], ["--version"]):
        done = maskwatch(*words)
        assert done.returncode == 0
        assert "maskwatch" in done.stdout
