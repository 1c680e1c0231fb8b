"""Finding, checking and fetching model files."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import platformdirs

from maskwatch.errors import ModelInvalid, ModelNotFound
from maskwatch.models.catalogue import ModelCard

FOLDER_VARIABLE = "MASKWATCH_MODELS"


def user_folder() -> Path:
    """The user's own folder of models, where `fetch` puts them."""
    return platformdirs.user_data_path("maskwatch", appauthor=False) / "models"


def folders() -> Iterator[Path]:
    """The folders that are searched, first one first."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        yield Path(named)
    yield user_folder()


def find(card: ModelCard, explicit: Path | None = None) -> Path:
    """The file of a model: the named one, or else the first in the searched folders.

    A found file is checked against the card's checksum; a named one is the user's own business.

    Raises:
        ModelNotFound: it is nowhere.
        ModelInvalid: its checksum is another.
    """
    if explicit is not None:
        if not explicit.is_file():
            raise ModelNotFound(f"there is no file {explicit} for the detector {card.name}")
        return explicit
    for folder in folders():
        path = folder / card.files[0]
        if path.is_file():
            if card.sha256:
                check(path, card.sha256)
            return path
    raise ModelNotFound(_how_to_get(card))


def _how_to_get(card: ModelCard) -> str:
    where = " or ".join(str(folder) for folder in folders())
    cure = (
        f"get it with: maskwatch models get {card.name}"
        if card.url
        else f"bring it yourself ({card.origin}) or name it with --detector-weights"
    )
    return f"no {card.files[0]} in {where}; {cure}"


def sha256_of(path: Path) -> str:
    """The checksum of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: Path, sha256: str) -> None:
    """Compare a file with its checksum.

    Raises:
        ModelInvalid: they differ, or the file cannot be read.
    """
    try:
        got = sha256_of(path)
    except OSError as error:
        raise ModelInvalid(f"cannot read {path}: {error.strerror}") from error
    if got != sha256:
        raise ModelInvalid(
            f"{path} is damaged or not the published file: "
            f"expected sha256 {sha256[:16]}…, got {got[:16]}…; delete it and get it again"
        )


def fetch(card: ModelCard, folder: Path | None = None, timeout_s: float = 30.0) -> Path:
    """Download a model into the user's folder, checked before it gets its name.

    Raises:
        ModelNotFound: the card has no address, or the address cannot be reached.
        ModelInvalid: what came has another checksum.
    """
    if card.url is None or card.sha256 is None:
        raise ModelNotFound(f"{card.name} cannot be downloaded: {card.origin}")
    target = (folder or user_folder()) / card.files[0]
    part = target.with_suffix(".part")
    import http.client
    import urllib.error
    import urllib.request

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(card.url, timeout=timeout_s) as reply:
            part.write_bytes(reply.read())
        check(part, card.sha256)
        part.replace(target)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise ModelNotFound(
            f"cannot download {card.name} from {card.url}: {reason}; are you online? "
            f"You can also copy the file to {target}"
        ) from error
    except OSError as error:
        raise ModelNotFound(f"cannot store {target}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return target
