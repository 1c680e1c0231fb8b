"""Several detectors side by side: frames of different cameras need not wait for each other."""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from onnxruntime import get_available_providers

from maskwatch.app.detector import MaskDetector
from maskwatch.app.settings import Settings
from maskwatch.types import Frame, Result

_MOST = 8
_BATCH = 8


class Eyes:
    """Looks at the frames of many cameras at once.

    Two runs of one thread each get more frames done than one run of two threads. With
    `settings.threads` as 0 there is a detector for each core; else as many as fill the cores.
    On a GPU there is one. `busy_s` are the seconds that all of them have worked.

    Raises:
        MaskwatchError: a model cannot be opened.
    """

    def __init__(self, settings: Settings) -> None:
        threads = settings.threads or 1
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        on_gpu = settings.device != "cpu" and "CUDAExecutionProvider" in get_available_providers()
        count = 1 if on_gpu else max(1, min(_MOST, (cores or 1) // threads))
        own = settings.but(threads=threads)
        self.busy_s = 0.0
        self._count = count
        self._free: SimpleQueue[MaskDetector] = SimpleQueue()
        for _ in range(count):
            self._free.put(MaskDetector(own))
        self._pool = ThreadPoolExecutor(count, "maskwatch-eye")

    def analyse(self, frames: Sequence[Frame]) -> Iterator[Result]:
        """The results of the frames, in their order, each as soon as it is there."""
        # Faces of some frames share a batch, which takes less than one by one.
        size = max(1, min(_BATCH, -(-len(frames) // self._count)))
        shares = [frames[start : start + size] for start in range(0, len(frames), size)]
        for results, seconds in self._pool.map(self._look, shares):
            self.busy_s += seconds
            yield from results

    def _look(self, frames: Sequence[Frame]) -> tuple[list[Result], float]:
        detector = self._free.get()
        begun_s = time.perf_counter()
        try:
            results = detector.analyse(frames)
        finally:
            self._free.put(detector)
        return results, time.perf_counter() - begun_s

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)
