from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from maskwatch import Settings, UsageError


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("score", 1.5, "--score must be between 0 and 1, got 1.5"),
        ("score", -0.1, "--score must be between 0 and 1"),
        ("score", float("nan"), "--score must be between"),
        ("nms", 2, "--nms must be between"),
        ("long_side", 8, "--long-side must be between 32 and 8192"),
        ("threads", -1, "--threads must be between"),
        ("min_face", -3, "--min-face must be at least 0"),
        ("max_pixels", 0, "--max-pixels must be at least 1"),
        ("device", "tpu", "device must be auto, cpu or cuda"),
        ("every", "often", "count of frames or a time span"),
        ("score", "0.5", "--score must be a number, got '0.5'"),
        ("fail_on", "rain", "fail_on must be violation, unknown, no-face or None"),
    ],
)
def test_values_out_of_range_are_named(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Settings(**{name: value})


def test_resume_and_overwrite_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        Settings(resume=True, overwrite=True)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(UsageError, match="no setting 'treshold'; choose from"):
        Settings().but(treshold=0.5)


def test_every_setting_says_what_it_does() -> None:
    for field in fields(Settings):
        assert field.metadata["help"].endswith((".", ")"))
        assert field.metadata["group"]


def test_words_and_numbers_of_python_are_taken() -> None:
    settings = Settings(out="out", records="r.jsonl", every=5)  # type: ignore[arg-type]
    assert (settings.out, settings.records, settings.every) == (Path("out"), Path("r.jsonl"), "5")
