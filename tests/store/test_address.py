"""Addresses, and that passwords are in no message."""

import traceback
from pathlib import Path

import pytest

from maskwatch.errors import StoreError
from maskwatch.store.address import parse_address


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("events.db", "events.db"),
        ("sqlite:///data/events.db", "data/events.db"),
        ("postgresql://me:secret@db.example:5433/site", "postgresql://me:***@db.example:5433/site"),
        ("postgres://me:secret@db/site", "postgresql://me:***@db/site"),
        ("postgresql://db/site?user=me&password=secret", "postgresql://db/site"),
        ("postgresql+psycopg://me:se%40cret@db/site", "postgresql://me:***@db/site"),
    ],
)
def test_what_is_shown_of_it(text: str, shown: str) -> None:
    assert parse_address(text).shown == shown


def test_both_ways_to_name_a_file_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a b#?.db"
    assert parse_address(str(path)).path == path
    assert parse_address("sqlite:////var/lib/events.db").path == Path("/var/lib/events.db")
    assert parse_address("sqlite:///events.db").path == Path("events.db").absolute()


@pytest.mark.parametrize(
    "text", ["postgresql://me:se%40cret@db/site", "postgresql://db/site?user=me&password=se%40cret"]
)
def test_what_a_server_says_is_shown_without_the_password(text: str) -> None:
    assert parse_address(text).masked('me gave "se@cret"') == 'me gave "***"'


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "needs a file"),
        (":memory:", "needs a file"),
        ("sqlite://", "needs a file"),
        ("sqlite:///x.db?mode=memory", "more than a file"),
        ("sqlite://server/x.db", "more than a file"),
        ("mysql://me:secret@db/site", "cannot be kept in mysql"),
        ("postgresql://me:secret/db", "cannot be understood"),
        ("postgresql://me:secret@db:secret/site", "cannot be understood"),
        ("postgresql://me:top@secret@db/site", "%40"),
    ],
)
def test_other_addresses_are_refused_without_their_secrets(text: str, match: str) -> None:
    with pytest.raises(StoreError, match=match) as caught:
        parse_address(text)
    assert "secret" not in "".join(traceback.format_exception(caught.value)).split("StoreError")[-1]
    assert caught.value.__cause__ is None
