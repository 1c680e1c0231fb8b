"""Small turns of phrase of complaints."""

from collections.abc import Iterable
from difflib import get_close_matches


def choice(words: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *some, last = words
    return f"{', '.join(some)} or {last}" if some else last


def meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'word'?`, or nothing if no known word comes near."""
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.7)
    return f"; did you mean {by_lower[near[0]]!r}?" if near else ""
