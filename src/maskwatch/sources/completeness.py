"""Whether a video file was cut off: libav reads what is there and says nothing.

The containers name their own length at the start; a file shorter than that was cut.
"""

from pathlib import Path
from typing import BinaryIO

_EBML_SEGMENT = b"\x18\x53\x80\x67"


def is_cut_off(path: Path) -> bool:
    """Whether an MP4, MOV, AVI, MKV or WebM file ends before its container says; else False."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _declared_size(file, size) > size
    except OSError:
        return False


def _declared_size(file: BinaryIO, size: int) -> int:
    head = file.read(64)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid"):
        return _end_of_boxes(file, size)
    if head[:4] == b"RIFF":
        return 8 + int.from_bytes(head[4:8], "little")
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return _end_of_segment(head)
    return 0


def _end_of_boxes(file: BinaryIO, size: int) -> int:
    """Where the last top-level box of an MP4 ends (ISO 14496-12, 4.2)."""
    position = 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8:  # 0 means "to the end of the file".
            return size
        position += length
    return position


def _end_of_segment(head: bytes) -> int:
    """Where the segment of a Matroska file ends (RFC 8794); 0 where it does not say."""
    start = head.find(_EBML_SEGMENT)
    if start < 0 or start + 12 > len(head):
        return 0
    first = head[start + 4]
    width = 9 - first.bit_length()
    raw = head[start + 4 : start + 4 + width]
    length = int.from_bytes(raw, "big") & ((1 << (7 * width)) - 1)
    unknown = length == (1 << (7 * width)) - 1
    return 0 if unknown else start + 4 + width + length
