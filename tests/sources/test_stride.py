import pytest

from maskwatch.errors import UsageError
from maskwatch.sources.stride import Stride


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, Stride()),
        ("5", Stride(5)),
        ("1s", Stride(1, 1.0)),
        ("0.5s", Stride(1, 0.5)),
        ("250ms", Stride(1, 0.25)),
    ],
)
def test_parse(text: str | None, expected: Stride) -> None:
    assert Stride.parse(text) == expected


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "s", "0s", "1m", "", "five"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="count of frames or a time span"):
        Stride.parse(text)


def passed(stride: str, times: list[float]) -> list[int]:
    gate = Stride.parse(stride).gate()
    return [i for i, time in enumerate(times) if gate.passes(i, time)]


def test_every_third_frame() -> None:
    assert passed("3", [0.0] * 8) == [0, 3, 6]


def test_one_a_second_holds_its_rate() -> None:
    assert len(passed("1s", [i / 30 for i in range(300)])) == 10
    assert passed("1s", [0, 0.9, 1.1, 1.9, 2.0, 7.5, 7.6, 8.0]) == [0, 2, 4, 5, 7]
