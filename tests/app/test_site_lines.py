import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maskwatch.app.site.lines import Key, lines_of, nearest_line

EXAMPLE = Path(__file__).parents[2] / "examples" / "site.toml"
# The keys of each line are named in the comment at its end, or in the line before.
TEXT = """# [[camera]] in a comment
name = "a # b [c]"   # name
"quoted key" = 1
'kl\u00e4r#' = 1
size.width = 1
size . "height" = 2

[[camera]]
name = '''
[[camera]]
rate = 1
'''
zones = [
  [0.1, 0.2],  # ]
  [0.3, 0.4],
]
path = 'C:\\'
inline = { rate = 5, deep = { x = 1 } }

   [[ camera ]]  # indented
rate = \"\"\"one "quote" \\
  line\"\"\"
  [camera.more]
  x = \"\"\"a\"\"\"\"\"
  [[camera.part]]
  y = ["]", '''
]''',
]
  [[camera.part]]
  y = 1979-05-27T07:32:00Z
[[camera]]
[[camera.part]]
y = true
[storage."a.b"]
[size-2]
"\u043a\u043b\u044e\u0447" = "\u00fc\u2028"
last = 1"""
LINES: dict[Key, int] = {
    ("name",): 2,
    ("quoted key",): 3,
    ("kl\u00e4r#",): 4,
    ("size", "width"): 5,
    ("size", "height"): 6,
    ("camera",): 8,
    ("camera", 0): 8,
    ("camera", 0, "name"): 9,
    ("camera", 0, "zones"): 13,
    ("camera", 0, "zones", 1, 0): 13,
    ("camera", 0, "path"): 17,
    ("camera", 0, "inline", "deep", "x"): 18,
    ("camera", 1): 20,
    ("camera", 1, "rate"): 21,
    ("camera", 1, "more"): 23,
    ("camera", 1, "more", "x"): 24,
    ("camera", 1, "part", 0): 25,
    ("camera", 1, "part", 0, "y"): 26,
    ("camera", 1, "part", 1, "y"): 30,
    ("camera", 2): 31,
    ("camera", 2, "part", 0, "y"): 33,
    ("storage", "a.b"): 34,
    ("size-2", "\u043a\u043b\u044e\u0447"): 36,
    ("size-2", "last"): 37,
}


def keys_of(value: Any, key: Key = ()) -> Iterator[Key]:
    """All keys of a content, however deep."""
    yield key
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for part, inner in value.items():
            yield from keys_of(inner, (*key, part))


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_keys_stand_where_they_stand(line_end: str) -> None:
    found = lines_of(TEXT.replace("\n", line_end))
    assert {key: found.get(key) for key in LINES} == LINES


@pytest.mark.parametrize("text", [TEXT, EXAMPLE.read_text("utf-8")])
def test_every_key_of_a_text_has_its_line(text: str) -> None:
    found = lines_of(text)
    keys = [key for key in keys_of(tomllib.loads(text)) if key]
    assert set(found) - {()} == set(keys)
    rows = text.split("\n")
    for key in keys:
        # An item of an array has the line of the array's key.
        name = next(part for part in reversed(key) if isinstance(part, str))
        assert name in rows[found[key] - 1]


def test_a_key_that_is_missing_is_looked_for_in_its_table() -> None:
    lines = lines_of("a = 1\n[[camera]]\nname = 'x'\n[[camera]]\nname = 'y'\n")
    assert nearest_line(("camera", 1, "source"), lines) == 4
    assert nearest_line(("storage", "keep"), lines) == 1


def test_a_lone_table_is_spoken_of_as_the_first_of_many() -> None:
    lines = lines_of("a = 1\n[camera]\nname = 'x'\nrate = 5\n")
    assert nearest_line(("camera", 0, "rate"), lines) == 4
