"""Several detectors side by side: frames of different cameras need not wait for each other."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

from onnxruntime import get_available_providers

from maskwatch.app.detector import MaskDetector
from maskwatch.app.settings import Settings
from maskwatch.types import Frame, Result

_MOST = 8


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
        self._changing = threading.Lock()
        self._detectors: SimpleQueue[MaskDetector] = SimpleQueue()
        for _ in range(count):
            self._detectors.put(MaskDetector(own))
        self._pool = ThreadPoolExecutor(count, "maskwatch-eye")

    @property
    def free(self) -> int:
        """How many have nothing to do."""
        return self._detectors.qsize()

    def look(
        self, frames: Sequence[Frame], when_done: Callable[[], object] = lambda: None
    ) -> "Future[list[Result]]":
        """The results of the frames, in their order, once one of the free eyes has looked."""
        future = self._pool.submit(self._look, self._detectors.get(), frames)
        future.add_done_callback(lambda _: when_done())
        return future

    def _look(self, detector: MaskDetector, frames: Sequence[Frame]) -> list[Result]:
        begun_s = time.perf_counter()
        try:
            return detector.analyse(frames)
        finally:
            with self._changing:
                self.busy_s += time.perf_counter() - begun_s
            self._detectors.put(detector)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)
