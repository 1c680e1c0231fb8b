"""From a site file to a `Site`, or to all its mistakes at once."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from maskwatch.app.site.checks import checked
from maskwatch.app.site.environment import Filling
from maskwatch.app.site.footage import check_footage, name_nearby
from maskwatch.app.site.lines import Key, lines_of, nearest_line
from maskwatch.app.site.mistakes import Mistake, SiteError
from maskwatch.app.site.places import ARRAYS, Content, written
from maskwatch.app.site.tables import Site
from maskwatch.app.site.wording import told
from maskwatch.errors import UsageError
from maskwatch.sources.address import is_address, output_name

_LOOK = "look for a quote, bracket or = that is missing or too many, or a key that stands twice"

_SOURCES = "a site file (.toml), the index of a camera, an address (rtsp://...) or a video"


def load_site(path: Path, *, environment: Mapping[str, str] = os.environ) -> Site:
    """Read a site file; `${NAME}` in its texts is taken from the environment.

    Raises:
        SiteError: it has mistakes; all are told, without secrets.
        UsageError: it cannot be read, or is empty.
    """
    text = _text_of(path)
    content = _content_of(text, path)
    lines = lines_of(text)
    read = _read(content, lines, path.absolute().parent, environment)
    if isinstance(read, Site):
        return read
    raise SiteError(
        path,
        [
            Mistake(nearest_line(key, lines), written(key), sentence)
            for key, sentence in read.items()
        ],
    )


def site_of(source: str) -> Site:
    """What a user means by a site file, or by a single camera, address or video.

    Raises:
        SiteError: the file has mistakes.
        UsageError: it is none of these.
    """
    if source.endswith(".toml"):
        return load_site(Path(source))
    check_footage(source, expected=_SOURCES)
    return site_of_camera(source)


def site_of_camera(source: str) -> Site:
    """What is watched without a file: one camera, each violation of 5 s told on the terminal.

    Raises:
        UsageError: it is no camera, address or file.
    """
    content: Content = {
        "camera": [{"name": _camera_name(source), "source": source.replace("${", "$${")}],
        "rule": [{"name": "violation", "when": "violation"}],
        "channel": [{"name": "terminal", "type": "terminal"}],
    }
    read = _read(content, {}, Path.cwd(), {})
    if isinstance(read, Site):
        return read
    raise UsageError("; ".join(read.values()))


def _camera_name(source: str) -> str:
    if source.isdecimal():
        return f"camera {source}"[:64]
    name = str(output_name(source)) if is_address(source) else Path(source).stem
    return re.sub(r"[^A-Za-z0-9 _-]+", "_", name)[:64].strip() or "camera"


def _text_of(path: Path) -> str:
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name the site file in it")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        near = name_nearby(path)
        raise UsageError(f"there is no site file {path}; name one, or a camera{near}") from None
    except OSError as error:
        raise UsageError(f"cannot read the site file {path}: {error.strerror}") from error
    try:
        # Editors of Windows mark UTF-8 with three bytes.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        sentence = "expected text in UTF-8, got other bytes; save the file as UTF-8"
        raise SiteError(path, [Mistake(line, "", sentence)]) from None
    if not text.strip():
        raise UsageError(f"the site file {path} is empty; begin with [[camera]], name and source")
    return text


def _content_of(text: str, path: Path) -> Content:
    try:
        return tomllib.loads(text)
    except ValueError as error:  # Also of a number with thousands of digits.
        found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        sentence, line = (found[1], found[2]) if found else (str(error), None)
        last = text.rstrip().count("\n") + 1
        mistake = Mistake(int(line or last), "", f"this is not TOML: {sentence}; {_LOOK}")
        raise SiteError(path, [mistake]) from None
    except RecursionError:
        raise UsageError(f"the site file {path} nests brackets too deeply") from None


def _read(
    content: Content, lines: dict[Key, int], folder: Path, environment: Mapping[str, str]
) -> Site | dict[Key, str]:
    """The site, or else what is wrong with it; of each key the first mistake."""
    filling = Filling(environment)
    content = filling.fill(content)
    mistakes: dict[Key, str] = {
        key: f"the environment has no variable {', '.join(names)}; set it before the start"
        for key, names in filling.missing.items()
    }
    for array in ARRAYS:
        if isinstance(content.get(array), dict):
            mistakes[(array,)] = f"expected [[{array}]] in two pairs of brackets, got one"
            content[array] = [content[array]]
    for key, sentence in checked(content, lines):
        mistakes.setdefault(key, sentence)
    try:
        site = Site.model_validate({"storage": {}, **content}, context={"folder": folder})
    except ValidationError as error:
        for found in error.errors(include_url=False):
            mistakes.setdefault(*told(found, content, filling.filled))
        return mistakes
    return mistakes or _with_its_name(site)


def _with_its_name(site: Site) -> Site:
    """The site, its name in the topics of channels that were given no other."""

    def named(channel: Any) -> Any:
        if "site" not in type(channel).model_fields or "site" in channel.model_fields_set:
            return channel
        return channel.model_copy(update={"site": site.name})

    return site.model_copy(update={"channels": tuple(map(named, site.channels))})
