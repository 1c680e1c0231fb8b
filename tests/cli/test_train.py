"""Training from the command line, to a classifier that is used at once."""

from pathlib import Path

import pytest

pytest.importorskip("lightning")

from tests.cli.conftest import Run
from tests.training.workshop.conftest import faces, weights  # noqa: F401

QUIET = {"PYTHONWARNINGS": "ignore", "HF_HUB_OFFLINE": "1"}
SMALL = ("--backbone", "mobilenetv2_035", "--input-size", "32", "--epochs", "2", "--batch", "8")


def test_train_evaluate_export(maskwatch: Run, faces: Path, weights: Path, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "run"
    words = (
        "train",
        "--data",
        faces,
        "--out",
        out,
        *SMALL,
        "--weights",
        weights,
        "--head",
        "avg,8",
    )
    done = maskwatch(*words, **QUIET)
    assert done.returncode == 0, done.stderr
    assert "2 epochs in" in done.stderr
    again = maskwatch(*words, **QUIET)
    assert again.returncode == 2
    assert "is a finished run" in again.stderr
    told = maskwatch(
        "evaluate", out, "--data", faces, "--part", "val", "--report", tmp_path / "report", **QUIET
    )
    assert told.returncode == 0, told.stderr
    page = (tmp_path / "report" / "index.html").read_text()
    assert "Its training" in page
    assert page.count("data:image/png") >= 9
    made = maskwatch("export", out, "--format", "onnx", "--out", tmp_path / "export", **QUIET)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "export" / "onnx" / "bundle.json").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--head", "middle,3"), "--head takes max, avg, flatten"),
        (("--backbone", "mobilnet"), "no backbone is called 'mobilnet'"),
        (("--lr", "0"), "lr must be above 0"),
        (("--classes", "hat=cap"), "--classes takes NAME=STATE"),
        (("--augment", "blur=3"), "--augment does not know 'blur=3'"),
    ],
)
def test_words_that_are_refused(
    maskwatch: Run,
    faces: Path,  # noqa: F811
    tmp_path: Path,
    words: tuple[str, ...],
    sentence: str,
) -> None:
    done = maskwatch("train", "--data", faces, "--out", tmp_path / "run", *words, **QUIET)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr


def test_weights_that_cannot_be_had(maskwatch: Run, faces: Path, tmp_path: Path) -> None:  # noqa: F811
    done = maskwatch("train", "--data", faces, "--out", tmp_path / "run", **QUIET)
    assert done.returncode == 1
    assert "name the file with --weights FILE" in done.stderr
    other = maskwatch("bundle", "import", tmp_path / "none.h5", **QUIET)
    assert other.returncode == 2
    assert "none.h5 is not there" in other.stderr
