"""Several detectors side by side: frames of different cameras need not wait for each other."""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue

from onnxruntime import get_available_providers

from maskwatch.app.detector import MaskDetector
from maskwatch.app.settings import Settings
from maskwatch.sources.cameras import Glimpse
from maskwatch.types import Frame, Result

_logger = logging.getLogger(__name__)
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
        self,
        frames: Sequence[Frame | Glimpse],
        when_done: Callable[[], object] = lambda: None,
    ) -> "Future[list[Result]]":
        """The results of the frames, in their order, once one of the free eyes has looked.

        Pixels that are not made yet are made by the eye: neither who reads a camera nor who hands
        out its frames waits for them.
        """
        future = self._pool.submit(self._look, self._detectors.get(), frames)
        future.add_done_callback(lambda _: when_done())
        return future

    def _look(self, detector: MaskDetector, frames: Sequence[Frame | Glimpse]) -> list[Result]:
        try:
            ready = [one if isinstance(one, Frame) else _developed(one) for one in frames]
            begun_s = time.perf_counter()
            try:
                return detector.analyse(ready)
            finally:
                with self._changing:
                    self.busy_s += time.perf_counter() - begun_s
        finally:
            self._detectors.put(detector)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)


def _developed(glimpse: Glimpse) -> Frame:
    try:
        return glimpse.developed()
    except Exception as error:  # One frame that cannot be read must not end the watch.
        _logger.exception("a frame of %s cannot be read", glimpse.frame.path)
        return replace(glimpse.frame, error=f"cannot be read: {type(error).__name__}")
