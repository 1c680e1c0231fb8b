import pytest

from maskwatch.sources.address import is_address, output_name, redacted


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
        ("rtsp://u:pa/ss@host/a", "rtsp://u:***@host/a"),
        ("rtsp://u:pa#ss@host:554/a", "rtsp://u:***@host:554/a"),
        ("rtsp://host/a@b", "rtsp://host/a@b"),
        ("rtsp://h/user=me_password=abc_channel=1", "rtsp://h/user=me_password=***_channel=1"),
        ("http://h/a?pw=abc&sig=def", "http://h/a?pw=***&sig=***"),
        ("rstp://u:p@h/a", "rstp://u:***@h/a"),
        ("holiday/token=1.jpg", "holiday/token=1.jpg"),
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
        ("x://y", True),
    ],
)
def test_addresses(text: str, expected: bool) -> None:
    assert is_address(text) is expected


def test_no_password_in_file_names() -> None:
    name = output_name("rtsp://me:abc@h:554/user=me_password=def_channel=1?token=ghi").as_posix()
    assert name.startswith("h_554_user_me_password")
    assert not any(secret in name for secret in ("abc", "def", "ghi"))
