"""Several detectors side by side: frames of different cameras need not wait for each other."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from maskwatch.app.detector import MaskDetector
from maskwatch.app.settings import Settings
from maskwatch.types import Frame, Result

_MOST = 8


class Eyes:
    """Looks at the frames of many cameras at once.

    Two runs of one thread each get more frames done than one run of two threads. With
    `settings.threads` as 0 there is a detector for each core; else as many as fill the cores.
    On a GPU there is one.

    Raises:
        MaskwatchError: a model cannot be opened.
    """

    def __init__(self, settings: Settings) -> None:
        threads = settings.threads or 1
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        count = 1 if settings.device == "cuda" else max(1, min(_MOST, (cores or 1) // threads))
        own = settings.but(threads=threads)
        self._detectors = [MaskDetector(own) for _ in range(count)]
        self._pool = ThreadPoolExecutor(count, "maskwatch-eye")

    def analyse(self, frames: Sequence[Frame]) -> list[Result]:
        """The results of the frames, in their order."""
        count = min(len(self._detectors), len(frames))
        shares = [frames[start::count] for start in range(count)]
        looks = self._pool.map(MaskDetector.analyse, self._detectors, shares)
        results: list[Result | None] = [None] * len(frames)
        for start, share in enumerate(looks):
            results[start::count] = share
        return [result for result in results if result is not None]

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()
