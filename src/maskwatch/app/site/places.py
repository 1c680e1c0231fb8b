"""Which table of the schema a place in a file's content belongs to."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from maskwatch.app.site.detect import DetectTable
from maskwatch.app.site.lines import Key
from maskwatch.app.site.rules import RULE_TABLES, kind_of
from maskwatch.app.site.table import fields_of
from maskwatch.app.site.tables import (
    CHANNEL_TABLES,
    CameraTable,
    MetricsTable,
    Site,
    StorageTable,
)

ARRAYS = ("camera", "rule", "channel")
_SINGLE: dict[str, type[BaseModel]] = {
    "detect": DetectTable,
    "storage": StorageTable,
    "metrics": MetricsTable,
}
_SECRET = re.compile(r"pass|secret|token|key|auth|url|source|events|header|proxy|user|command")

Content = dict[str, Any]


def tables_in(content: Content) -> Iterator[tuple[Key, Content, type[BaseModel]]]:
    """Every table whose kind is known: where it is, what it holds, what it should be."""
    yield (), content, Site
    for name, schema in _SINGLE.items():
        if isinstance(content.get(name), dict):
            yield (name,), content[name], schema
    for name in ARRAYS:
        for index, table in enumerate(listed(content, name)):
            if kind := _kind(name, table):
                yield (name, index), table, kind


def _kind(array: str, table: Content) -> type[BaseModel] | None:
    match array:
        case "camera":
            return CameraTable
        case "rule":
            return RULE_TABLES[kind_of(table)]
        case _:
            return CHANNEL_TABLES.get(str(table.get("type")))


def listed(content: Content, array: str) -> list[Content]:
    """The tables of [[array]]; what is none counts as an empty one."""
    tables = content.get(array)
    if not isinstance(tables, list):
        return []
    return [table if isinstance(table, dict) else {} for table in tables]


def schema_at(key: Key, content: Content) -> tuple[type[BaseModel], Key] | None:
    """The schema of the innermost table around a key, and the rest of the key within it."""
    around = [
        (schema, key[len(start) :])
        for start, _, schema in tables_in(content)
        if key[: len(start)] == start
    ]
    return max(around, key=lambda found: -len(found[1]), default=None)


def field_at(key: Key, content: Content) -> FieldInfo | None:
    """What the schema says of a key, None where there is none."""
    found = schema_at(key, content)
    if found is None or len(found[1]) != 1:
        return None
    schema, (name,) = found
    return fields_of(schema).get(str(name))


def value_at(key: Key, content: Any) -> tuple[Key, Any]:
    """As much of a key as there is in the content, and the value there."""
    known: Key = ()
    for part in key:
        if isinstance(content, list):
            content = dict(enumerate(content))
        if not isinstance(content, dict) or part not in content:
            break
        content = content[part]
        known += (part,)
    return known, content


def is_secret(key: Key) -> bool:
    """Whether a value must not be repeated, judged by the names of its key."""
    return any(isinstance(part, str) and _SECRET.search(part.lower()) for part in key)


def written(key: Key) -> str:
    """A key for people: `camera.include, item 2`; the line tells which camera."""
    names = [part for part in key if isinstance(part, str)]
    numbers = [part for part in key[2:] if isinstance(part, int)]
    return ".".join(names) + (f", item {numbers[0] + 1}" if numbers else "")
