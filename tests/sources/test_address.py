import pytest

from maskwatch.sources.address import is_address, redacted


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("rtsp://user:secret@host/a", "rtsp://user:***@host/a"),
        ("rtsp://user:p@ss@host/a", "rtsp://user:***@host/a"),
        ("rtsp://user@host/a", "rtsp://user@host/a"),
        ("https://h/a?token=abc&x=1", "https://h/a?token=***&x=1"),
        ("https://h/a?x=1&Password=abc#f", "https://h/a?x=1&Password=***#f"),
        ("http://h/a", "http://h/a"),
        ("RTSP://u:p@h", "RTSP://u:***@h"),
    ],
)
def test_passwords_are_masked(address: str, expected: str) -> None:
    assert redacted(address) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://h", True),
        ("HTTP://h/a", True),
        ("C:/a.jpg", False),
        ("a.jpg", False),
        ("x://y", False),
    ],
)
def test_addresses(text: str, expected: bool) -> None:
    assert is_address(text) is expected
