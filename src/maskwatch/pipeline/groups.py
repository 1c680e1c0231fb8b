"""Frames in small groups, so that their faces share a batch."""

from collections.abc import Iterable, Iterator

from maskwatch.types import Frame


def groups(
    frames: Iterable[Frame], size: int, most_bytes: int = 32 * 2**20
) -> Iterator[list[Frame]]:
    """Lists of up to `size` frames and `most_bytes`; a live frame never waits for another."""
    group: list[Frame] = []
    nbytes = 0
    for frame in frames:
        group.append(frame)
        nbytes += frame.nbytes
        if frame.live or len(group) >= size or nbytes >= most_bytes:
            yield group
            group, nbytes = [], 0
    if group:
        yield group
