"""What a training tells the system's allocator."""

import ctypes
import sys
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Have glibc keep what is freed for the next step instead of giving it back.

    Every step frees and takes the same gigabytes of activations; fetching them anew, page by page,
    costs a training on two cores a good part of its time.
    """
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):  # Another C library.
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_MMAP_MAX, 0)
            mallopt(_M_TRIM_THRESHOLD, _NEVER)
            mallopt(_M_ARENA_MAX, 1)
