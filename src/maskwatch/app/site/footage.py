"""Files that somebody names to be watched, looked at before anything is opened."""

from pathlib import Path

from maskwatch.app.site.words import meant
from maskwatch.errors import UsageError
from maskwatch.sources.address import is_address
from maskwatch.sources.inputs import VIDEO_SUFFIXES


def check_footage(source: str, *, expected: str) -> None:
    """Whether a source may be a video, where it is neither a camera's index nor an address.

    Raises:
        UsageError: it is not there, is a folder, or has the suffix of something else.
    """
    if source.isdecimal() or is_address(source):
        return
    path = Path(source)
    if not path.exists():
        raise UsageError(f"there is no file {source}; expected {expected}{name_nearby(path)}")
    if path.is_dir():
        raise UsageError(f"{source} is a folder; expected {expected}")
    # What has no suffix, or is a device, may be anything.
    if path.is_file() and path.suffix and path.suffix.lower() not in VIDEO_SUFFIXES:
        raise UsageError(f"{source} is no video by its suffix; expected {expected}")


def name_nearby(path: Path) -> str:
    """`; did you mean 'site.toml'?` if a file in that folder has nearly this name, or nothing."""
    try:
        names = [other.name for other in path.parent.iterdir()]
    except OSError:
        return ""
    return meant(path.name, names)
