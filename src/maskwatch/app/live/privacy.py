"""What a site keeps, where, and for how long: for those who must answer for it."""

from collections.abc import Iterator
from dataclasses import dataclass

from maskwatch.alerts.log import LogOptions
from maskwatch.alerts.mail import EmailOptions
from maskwatch.app.site.tables import Site
from maskwatch.durations import words_of
from maskwatch.store.address import parse_address


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of data: what it says of people, where it lies, how long it stays."""

    what: str
    contents: str
    where: str
    how_long: str


def privacy_report(site: Site) -> Iterator[Kept]:
    """All kinds of data that a site keeps or sends, and those that it does not."""
    storage = site.storage
    where, keep = parse_address(storage.events).shown, words_of(storage.keep_s)
    yield Kept("frames", "the cameras' pictures", "memory only", "until the next frame")
    yield Kept(
        "faces",
        "boxes, probabilities, the mean colour of the clothes below",
        "memory only",
        "while the person is in view",
    )
    yield Kept("identities", "none: no embedding, name or face is computed", "nowhere", "never")
    yield Kept(
        "episodes",
        "camera, state, start and end of a visit under a random number, mean probabilities, "
        "largest face in pixels",
        where,
        keep,
    )
    yield Kept("alerts", "camera, rule, time, state, the same random number", where, keep)
    yield Kept(
        "counts", "people by state, camera and minute", where, words_of(storage.keep_counts_s)
    )
    yield Kept("cameras", "name, address without its password, whether it works", where, "always")
    yield Kept("receipts", "what was deleted when, as counts", where, "always")
    if storage.snapshots:
        contents = "the frame of an alert, each face reduced to 8 by 8 values"
        yield Kept("snapshots", contents, str(storage.snapshot_folder), keep)
    else:
        yield Kept("snapshots", "none", "nowhere", "never")
    for channel in site.channels:
        contents = "alerts: camera, rule, time, state, random number"
        if storage.snapshots:
            sent = "the snapshot" if isinstance(channel, EmailOptions) else "the snapshot's path"
            contents += f"; {sent}"
        if isinstance(channel, LogOptions):
            where, how_long = str(channel.path), "until you delete it"
        else:
            where, how_long = f"sent by {channel.type}", "theirs to say"
        yield Kept(f"channel {channel.name}", contents, where, how_long)
    if site.metrics.listen is not None:
        yield Kept(
            "metrics", "counts since the start", f"http://{site.metrics.listen}", "until it ends"
        )
