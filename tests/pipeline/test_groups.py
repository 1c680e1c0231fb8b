from pathlib import PurePath

import numpy as np

from maskwatch.pipeline.groups import groups
from maskwatch.types import Frame


def frame(i: int, *, live: bool = False) -> Frame:
    return Frame("v", PurePath("v"), i, image=np.zeros((10, 10, 3), np.uint8), live=live)


def sizes(frames: list[Frame], size: int, most_bytes: int = 10**9) -> list[int]:
    return [len(group) for group in groups(frames, size, most_bytes)]


def test_groups_by_count() -> None:
    assert sizes([frame(i) for i in range(7)], 3) == [3, 3, 1]


def test_groups_by_bytes() -> None:
    assert sizes([frame(i) for i in range(5)], 4, most_bytes=600) == [2, 2, 1]


def test_live_frames_do_not_wait() -> None:
    assert sizes([frame(i, live=True) for i in range(3)], 4) == [1, 1, 1]


def test_order_is_kept() -> None:
    assert [f.index for group in groups([frame(i) for i in range(9)], 4) for f in group] == list(
        range(9)
    )
