"""What sinks share that write files of their own for each result."""

from pathlib import Path
from types import TracebackType
from typing import Self


class FolderSink:
    """A sink without anything to finish."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None
