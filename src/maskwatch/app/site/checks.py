"""What no table can know on its own: names that meet, and names that lead nowhere."""

from collections.abc import Collection, Iterator
from typing import Any, get_args

from pydantic.fields import FieldInfo

from maskwatch.app.site.lines import Key, nearest_line
from maskwatch.app.site.places import ARRAYS, Content, listed, tables_in
from maskwatch.app.site.table import fields_of
from maskwatch.app.site.wording import number
from maskwatch.app.site.words import meant


def checked(content: Content, lines: dict[Key, int]) -> Iterator[tuple[Key, str]]:
    """Mistakes between tables, and some that pydantic lets pass; wrong types are left to it."""
    if content.get("camera", []) == []:
        yield ("camera",), "there is none; add [[camera]] with a name and a source"
    for array in ARRAYS:
        yield from _taken(content, array, lines)
    for index, rule in enumerate(listed(content, "rule")):
        yield from _leading_nowhere(rule, ("rule", index), content)
    for key, table, schema in tables_in(content):
        for name, field in fields_of(schema).items():
            if isinstance(table.get(name), bool) and _is_number(field):
                yield (*key, name), f"expected {number(field)}, got {str(table[name]).lower()}"


def _taken(content: Content, array: str, lines: dict[Key, int]) -> Iterator[tuple[Key, str]]:
    first: dict[str, Key] = {}
    for index, table in enumerate(listed(content, array)):
        name, key = table.get("name"), (array, index, "name")
        if not isinstance(name, str):
            continue
        if name in first:
            line = nearest_line(first[name], lines)
            yield key, f"expected a name of its own, got that of line {line}; choose another"
        first.setdefault(name, key)


def _leading_nowhere(rule: Content, key: Key, content: Content) -> Iterator[tuple[Key, str]]:
    for array in ("camera", "channel"):
        names = rule.get(f"{array}s")
        known = _names(content, array)
        for index, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str) and name not in known:
                cure = meant(name, known) or f"; there is {', '.join(known) or 'none'}"
                yield (*key, f"{array}s", index), f"there is no {array} {name!r}{cure}"


def _names(content: Content, array: str) -> Collection[str]:
    names = [table.get("name") for table in listed(content, array)]
    return [name for name in names if isinstance(name, str)]


def _is_number(field: FieldInfo) -> bool:
    return bool({int, float} & set(_kinds(field.annotation)))


def _kinds(annotation: Any) -> Iterator[Any]:
    """A type, or the types that it is made of."""
    parts = get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        parts = parts[:1]
    if not parts:
        yield annotation
    for part in parts:
        yield from _kinds(part)
