"""In which line of a TOML text each key stands; the standard library's reader does not say."""

import tomllib
from collections.abc import Iterator
from typing import Any

Key = tuple[str | int, ...]
"""Where a value is: ("camera", 1, "rate") is the key `rate` of the second [[camera]]."""


def lines_of(text: str) -> dict[Key, int]:
    """The line in which each key of a valid TOML text begins, counted from 1.

    What an array or inline table holds has the line of its key.
    """
    lines: dict[Key, int] = {}
    latest: dict[Key, int] = {}
    table: Key = ()
    for line, statement, content in _statements(text):
        if statement.lstrip().startswith("["):
            table = _header(content, line, lines, latest)
        else:
            _note(table, content, line, lines)
    return lines


def nearest_line(key: Key, lines: dict[Key, int]) -> int:
    """The line of a key, or of the table that it is missing from, or the first."""
    for length in range(len(key), 0, -1):
        start = key[:length]
        # A lone [camera] has no number, but is spoken of as the first [[camera]].
        for known in (start, tuple(part for part in start if isinstance(part, str))):
            if known in lines:
                return lines[known]
    return 1


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The headers and key-value pairs, each with its first line and what it says.

    A statement that goes on in the next line is no valid TOML before its end.
    """
    start, held = 1, ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        held += line + "\n"
        if "#" not in line and line.rstrip().endswith((",", "[")):
            continue  # Nothing ends like that; long arrays would be parsed at each line.
        try:
            content = tomllib.loads(held)
        except tomllib.TOMLDecodeError:
            continue
        if content:
            yield start, held, content
        start, held = number + 1, ""


def _header(
    content: dict[str, Any], line: int, lines: dict[Key, int], latest: dict[Key, int]
) -> Key:
    """The table that a header opens; `latest` counts the tables of each [[array]] from 0."""
    key: Key = ()
    while content:
        [(name, inner)] = content.items()
        key += (name,)
        lines.setdefault(key, line)
        if isinstance(inner, list):
            latest[key] = latest.get(key, -1) + 1
            inner = {}
        if key in latest:
            key += (latest[key],)
            lines.setdefault(key, line)
        content = inner
    return key


def _note(key: Key, value: Any, line: int, lines: dict[Key, int]) -> None:
    lines.setdefault(key, line)
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for part, inner in value.items():
            _note((*key, part), inner, line, lines)
