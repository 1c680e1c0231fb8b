"""What the commands of a set let a user choose; imports nothing heavy, as each start reads it."""

from enum import StrEnum

NEAR_BITS = 6
"""Of 64. Recompressed, scaled and slightly cropped pictures differ by less; two portraits of one
pose begin to at 8."""
TINY_PX = 32
PERSON = r"^(.*?[^\W\d_]{3,}.*?)[\s_.(-]*\d+\)?$"
"""A file name's stem that ends in a number: what comes before names the person, unless it is made
of words such as image or mask."""


class Form(StrEnum):
    """How a labelled set is written."""

    COCO = "coco"
    VOC = "voc"
    YOLO = "yolo"
    FOLDERS = "folders"


class Group(StrEnum):
    """What holds pictures together when a set is split."""

    NEAR_DUPLICATES = "near-duplicates"
    PERSON = "person"


class Balance(StrEnum):
    """How the training part gets as many pictures of each state."""

    UNDER = "under"
    OVER = "over"


class Which(StrEnum):
    """Which of the faces that are found in a picture are cut out."""

    LARGEST = "largest"
    ALL = "all"


class Without(StrEnum):
    """What becomes of a picture in which no face is found."""

    SKIP = "skip"
    WHOLE = "whole"


class Fault(StrEnum):
    """What a check of a set may find, in the words of `--fail-on`."""

    UNUSED = "unused"
    UNREADABLE = "unreadable"
    EMPTY = "empty"
    ONE_CLASS = "one-class"
    BAD_BOXES = "bad-boxes"
    TINY = "tiny"
    DUPLICATES = "duplicates"
    NEAR_DUPLICATES = "near-duplicates"
    CONFLICT = "conflict"
    SAME_PERSON = "same-person"
    LEAKS = "leaks"


class Judged(StrEnum):
    """What is judged in a picture without labelled boxes: faces that are found, or all of it."""

    LARGEST = "largest"
    ALL = "all"
    PICTURE = "picture"


class Missed(StrEnum):
    """How a picture is judged in which no face is found: as a whole, or as one told wrong."""

    WHOLE = "whole"
    WRONG = "wrong"
