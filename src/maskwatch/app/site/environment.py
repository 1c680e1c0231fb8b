"""Variables of the environment in the texts of a file: `${NAME}`; `$${` stands for `${`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maskwatch.app.site.lines import Key

_VARIABLE = re.compile(r"\$?\$\{([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Filling:
    """Fills texts; `filled` are the keys that hold a variable, `missing` the names not found."""

    environment: Mapping[str, str]
    filled: set[Key] = field(default_factory=set)
    missing: dict[Key, list[str]] = field(default_factory=dict)

    def fill(self, value: Any, key: Key = ()) -> Any:
        """The value with the variables of all texts in it replaced; a missing one stays."""
        if isinstance(value, dict):
            return {name: self.fill(inner, (*key, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner, (*key, index)) for index, inner in enumerate(value)]
        return self._text(value, key) if isinstance(value, str) else value

    def _text(self, text: str, key: Key) -> str:
        def content(match: re.Match[str]) -> str:
            if match[0].startswith("$$"):
                return match[0][1:]
            self.filled.add(key)
            if match[1] not in self.environment:
                self.missing.setdefault(key, []).append(match[1])
            return self.environment.get(match[1], match[0])

        return _VARIABLE.sub(content, text)
