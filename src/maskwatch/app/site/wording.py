"""What pydantic found, in plain sentences: what was expected, what came, what to do."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from maskwatch.app.site.lines import Key
from maskwatch.app.site.places import ARRAYS, Content, field_at, is_secret, schema_at, value_at
from maskwatch.app.site.rules import RULE_TABLES
from maskwatch.app.site.table import fields_of
from maskwatch.app.site.tables import CHANNEL_TABLES
from maskwatch.app.site.words import choice, meant
from maskwatch.durations import seconds_of, words_of

_EXPECTED = {
    "string_type": "a text in quotes",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list in square brackets",
    "tuple_type": "a list in square brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "path_type": "a path in quotes",
    "path_not_file": "the path of a file that is there",
    "too_short": "a list that is not empty",
    "string_too_short": "a text that is not empty",
}
_LIMITS = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}
_NUMBERS = ("int_", "float_", "greater_than", "less_than", "finite_number")
_CHOICES = ("literal_error", "enum", "union_tag_invalid")


def told(error: ErrorDetails, content: Content, filled: set[Key]) -> tuple[Key, str]:
    """The key and the sentence of one thing that pydantic found.

    Args:
        error: what it found; its own text is in no user's words, and may hold secrets.
        content: the file's content, in which keys are looked up.
        filled: keys whose values come from the environment, which are not shown.
    """
    kind, notes = error["type"], error.get("ctx", {})
    key, value = value_at(_without_kind(error["loc"]), content)
    match kind:
        case "missing":
            key = (*key, error["loc"][-1])
            return key, _missing(key, content)
        case "extra_forbidden":
            return key, _unknown(key, content)
        case "union_tag_not_found":
            return (*key, "type"), f"is missing; expected {choice(CHANNEL_TABLES)}"
        case "union_tag_invalid":
            key, value = (*key, "type"), notes["tag"]
        case "path_not_file":
            value = str(error["input"])
    # A list is not shown either if one of its items must not be.
    hidden = is_secret(key) or any(one[: len(key)] == key[: len(one)] for one in filled)
    if kind == "value_error":
        return key, _own(str(notes["error"]), value, hidden)
    got = "" if hidden else f", got {_shown(value)}"
    if kind in _CHOICES:
        words = _choices(key, notes)
        near = "" if hidden else meant(str(value), words)
        return key, f"expected {choice(words)}{got}{near}"
    return key, f"expected {_expected(error, key, content)}{got}"


def _without_kind(loc: tuple[int | str, ...]) -> Key:
    """Where it is in the file; between a rule or channel and its keys, pydantic names its kind."""
    return loc[:2] + loc[3:] if loc[:1] in (("rule",), ("channel",)) else loc


def _missing(key: Key, content: Content) -> str:
    field = field_at(key, content)
    return f"is missing. {field.description if field else ''}".strip()


def _unknown(key: Key, content: Content) -> str:
    found = schema_at(key, content)
    keys = list(fields_of(found[0])) if found else []
    name = str(key[-1])
    kinds = [kind for kind, table in RULE_TABLES.items() if name in fields_of(table)]
    if key[0] == "rule" and kinds:
        words = " or ".join(f"when = '{kind}'" for kind in kinds)
        return f"goes with {words} only; leave it out, or change when"
    return "there is no such key here" + (meant(name, keys) or f"; the keys are {', '.join(keys)}")


def _own(sentence: str, value: Any, hidden: bool) -> str:
    """A sentence of our own checks, without the value where that must not be shown."""
    if hidden:
        sentence = sentence.partition(", got ")[0]
        if isinstance(value, str) and value and value in sentence:
            return "expected something else; the value is not shown here"
    return sentence


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value[:200]) if isinstance(value, str) else str(value)


def _choices(key: Key, notes: dict[str, Any]) -> list[str]:
    if key[-1] == "when":
        return list(RULE_TABLES)
    if key[-1] == "type":
        return list(CHANNEL_TABLES)
    return [word.strip(" '") for word in notes["expected"].replace(" or ", ",").split(",")]


def _expected(error: ErrorDetails, key: Key, content: Content) -> str:
    kind = error["type"]
    if kind.startswith(_NUMBERS):
        field = field_at(key, content)
        return number(field) if field else "another number"
    if len(key) == 1 and key[0] in ARRAYS:
        return f"tables that begin with [[{key[0]}]]"
    if kind == "string_pattern_mismatch":
        return f"a text that fits {error['ctx']['pattern']}"
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    return error["msg"].rpartition("should be ")[2]


def number(field: FieldInfo) -> str:
    """The numbers that a key may hold: `a number from 0.2 to 30`."""
    what = "a whole number" if "int" in str(field.annotation) else "a number"
    shown: Callable[[float], str] = "{:g}".format
    bounds: dict[str, Any] = {}
    for note in _notes(field):
        if isinstance(note, Ge | Gt | Le | Lt):
            bounds |= asdict(note)
        if isinstance(note, BeforeValidator) and note.func is seconds_of:
            what, shown = "a span of time", words_of
    if "ge" in bounds and "le" in bounds:
        return f"{what} from {shown(bounds['ge'])} to {shown(bounds['le'])}"
    limits = [f"{word} {shown(bounds[key])}" for key, word in _LIMITS.items() if key in bounds]
    return " ".join([what, " and ".join(limits)]).strip()


def _notes(field: FieldInfo) -> Iterator[Any]:
    """What is noted of a field, or of the kind that it may be instead of nothing."""
    yield from field.metadata
    for kind in get_args(field.annotation):
        for note in getattr(kind, "__metadata__", ()):
            yield from note.metadata if isinstance(note, FieldInfo) else (note,)
