"""What the commands of a set share: options, reading with a bar, and the words about it."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from maskwatch.cli.guard import say
from maskwatch.errors import UsageError

if TYPE_CHECKING:
    from maskwatch.data.facts import Facts
    from maskwatch.data.labelled import LabelledSet

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
Dataset = Annotated[
    Path,
    typer.Argument(help="Class folders, or a COCO, Pascal VOC or YOLO set; with parts or without."),
]
Classes = Annotated[
    str | None,
    typer.Option(help="What class names mean, where that is not clear: 0=mask,1=no_mask,hat=skip."),
]
Images = Annotated[
    Path | None, typer.Option(help="Where the pictures of a COCO file lie, if not beside it.")
]
Part = Annotated[str | None, typer.Option(help="Of this part alone: train, val or test.")]
Person = Annotated[
    str | None,
    typer.Option(help="Regular expression whose first group is the person in a file's name."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier run wrote.")]
NearBits = Annotated[
    int,
    typer.Option(min=0, max=20, help="Near duplicates differ in at most so many of 64 bits."),
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]


def read(dataset: Path, classes: str | None, images: Path | None = None) -> "LabelledSet":
    """Read a set; say how its class names were understood, and what could not be used."""
    from maskwatch.data.formats import read_set
    from maskwatch.data.names import SKIP, parse_classes

    labelled = read_set(dataset, parse_classes(classes), images)
    words = [f"{name} = {state or SKIP}" for name, state in labelled.classes.items()]
    say(f"{dataset}: {len(labelled.pictures)} pictures ({labelled.form}); {', '.join(words)}")
    for problem in labelled.problems:
        say(f"warning: {problem}")
    return labelled


def facts(labelled: "LabelledSet") -> "list[Facts]":
    """What can be told of each picture's file."""
    from maskwatch.data.facts import facts_of

    paths = [picture.path for picture in labelled.pictures]
    return list(with_bar(facts_of(paths), len(paths), f"reading {labelled.root.name}"))


def with_bar(things: Iterable[T], total: int, words: str) -> Iterator[T]:
    """The same things, with a bar on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    shown = console.is_terminal
    return iter(track(things, words, total, console=console, transient=True, disable=not shown))


def chosen(words: str, kinds: type[E], option: str, among: Sequence[E] = ()) -> list[E]:
    """What an option names with commas, of `among` where not all kinds will do.

    Raises:
        UsageError: a word that is none of them.
    """
    try:
        return [kinds(word.strip()) for word in words.split(",") if word.strip()]
    except ValueError as error:
        raise UsageError(f"{option}: {error}; choose from {', '.join(among or kinds)}") from error


def listed(paths: Sequence[object], most: int = 4) -> str:
    """Some of the paths in one line."""
    words = ", ".join(str(path) for path in paths[:most])
    return words if len(paths) <= most else f"{words} and {len(paths) - most} more"
