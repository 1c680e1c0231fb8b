import json
from pathlib import Path

from tests.cli.conftest import Run


def test_models_lists_what_there_is(maskwatch: Run) -> None:
    done = maskwatch("models")
    assert done.returncode == 0
    for word in (
        "standard",
        "maskwatch",
        "yunet",
        "retinaface",
        "ssd",
        "haar",
        "mtcnn",
        "Apache-2.0",
        "MIT",
    ):
        assert word in done.stdout


def test_models_as_json(maskwatch: Run) -> None:
    rows = {row["name"]: row for row in json.loads(maskwatch("models", "--json").stdout)}
    assert rows["standard"]["status"] == "here, checksum right"
    assert "no yunet_2023mar.onnx" in rows["yunet"]["status"]
    assert rows["yunet"]["sha256"].startswith("8f2383e4")


def test_models_of_this_machine(maskwatch: Run, shared: Path) -> None:
    done = maskwatch("models", "--json", MASKWATCH_MODELS=str(shared / "weights"))
    rows = {row["name"]: row["status"] for row in json.loads(done.stdout)}
    assert "checksum right" in rows["yunet"]


def test_a_tampered_model_shows(maskwatch: Run, tmp_path: Path) -> None:
    (tmp_path / "yunet_2023mar.onnx").write_bytes(b"something else")
    done = maskwatch("models", "--json", MASKWATCH_MODELS=str(tmp_path))
    assert "damaged or not the published file" in done.stdout


def test_get_of_a_model_without_address(maskwatch: Run) -> None:
    done = maskwatch("models", "get", "retinaface")
    assert done.returncode == 1
    assert "cannot be downloaded" in done.stderr
    assert maskwatch("models", "get", "yolo").returncode == 2


def test_get_without_a_network(maskwatch: Run) -> None:
    done = maskwatch("models", "get", "yunet", https_proxy="http://127.0.0.1:1")
    assert done.returncode == 1
    assert "are you online?" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_finds_everything_in_order(maskwatch: Run) -> None:
    done = maskwatch("doctor", "--json")
    assert done.returncode == 0, done.stdout
    findings = {(f["part"], f["name"]): f for f in json.loads(done.stdout)}
    for name in ("standard", "small", "video"):
        assert findings["self-test", name]["good"] is True
    assert findings["models", "standard"]["good"] is True
    assert ("versions", "onnxruntime") in findings
    assert "ONNX Runtime" in maskwatch("doctor", "--no-cameras").stdout


def test_bench_measures_every_part(maskwatch: Run, photo: Path) -> None:
    words = ("bench", "--detector", "haar", "--seconds", "0.1", "--json")
    for extra in ((), (photo,)):
        rows = json.loads(maskwatch(*words, *extra).stdout)
        assert [row["part"] for row in rows] == [
            "decode JPEG", "find faces", "classify", "classify one", "draw", "encode H.264",
            "find and classify",
        ]  # fmt: skip
        assert all(row["milliseconds"] > 0 for row in rows)
    assert "encode H.264" in maskwatch("bench", "--detector", "haar", "--seconds", "0.1").stdout


def test_help_keeps_the_lines_of_its_examples(maskwatch: Run) -> None:
    for words in (["detect"], ["data", "synthesize"]):
        text = maskwatch(*words, "--help").stdout
        assert "\\b" not in text
        assert f"\n    maskwatch {' '.join(words)} " in text


def test_data_synthesize(maskwatch: Run, tmp_path: Path) -> None:
    done = maskwatch("data", "synthesize", tmp_path, "--out", "more", "--states", "incorrect,hat")
    assert done.returncode == 2
    assert "'hat' is not a valid MaskState; choose from mask, no_mask, incorrect\n" in done.stderr
