"""What is wrong with a site file, with line and key."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maskwatch.errors import UsageError


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake: `key` as in `camera.rate`, and a sentence without any secret."""

    line: int
    key: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.line}: {self.key + ': ' if self.key else ''}{self.sentence}"


class SiteError(UsageError):
    """A site file has mistakes; the message lists all, one a line."""

    def __init__(self, path: Path, mistakes: Sequence[Mistake]) -> None:
        self.path, self.mistakes = path, tuple(sorted(mistakes, key=lambda mistake: mistake.line))
        super().__init__("\n".join(f"{path}:{mistake}" for mistake in self.mistakes))
