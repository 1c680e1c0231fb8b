import pytest

from maskwatch.durations import seconds_of, words_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("5s", 5),
        ("15m", 900),
        ("24h", 86400),
        ("30d", 2592000),
        (2.5, 2.5),
        ("7", 7),
    ],
)
def test_spans_as_people_write_them(text: str | float, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "fast", "-3s", "5 weeks", True, "nan", "1e3s"])
def test_anything_else_is_refused(text: str | bool) -> None:
    with pytest.raises(ValueError, match="expected a span of time"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(4.52, "4.5 s"), (5.0, "5 s"), (0.2, "0.2 s"), (59.96, "60 s"), (90, "2 min"), (3600, "1 h"),
     (12000, "3 h 20 min"), (200000, "2 d")],
)  # fmt: skip
def test_spans_in_few_words(seconds: float, words: str) -> None:
    assert words_of(seconds) == words
