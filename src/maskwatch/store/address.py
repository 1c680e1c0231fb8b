"""Where the database is, and how to say it without the password."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from maskwatch.errors import StoreError

_EXPECTED = "expected a path, sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"


@dataclass(frozen=True, slots=True)
class Address:
    """A file of SQLite (`path`), or a database of PostgreSQL; `shown` is fit for messages."""

    url: URL
    path: Path | None
    shown: str

    def masked(self, text: str) -> str:
        """A text without the password."""
        secrets = [self.url.password, self.url.query.get("password")]
        for secret in secrets:
            if isinstance(secret, str) and secret:
                text = text.replace(secret, "***")
        return text


def parse_address(text: str) -> Address:
    """The address that a path or URL means.

    Raises:
        StoreError: it is neither; passwords are not in the message.
    """
    if "://" not in text:
        return _of_file(text)
    scheme = text.partition("://")[0].partition("+")[0].lower()
    if scheme not in ("sqlite", "postgresql", "postgres"):
        raise StoreError(f"the event store cannot be kept in {scheme}://...: {_EXPECTED}")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Their messages and traces quote the address, so the password too.
        raise StoreError(
            f"the address {scheme}://... of the event store cannot be understood: {_EXPECTED}"
        ) from None
    if scheme == "sqlite":
        if url.host or url.query:
            raise StoreError(f"{scheme}://... names more than a file: expected sqlite:///PATH")
        return _of_file(url.database or "")
    if "@" in (url.host or ""):
        raise StoreError(f"write an @ in the password of {scheme}://... as %40")
    url = url.set(drivername="postgresql+psycopg")
    shown = url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
    return Address(url, None, shown)


def _of_file(name: str) -> Address:
    if not name or name == ":memory:":
        raise StoreError(f"the event store needs a file that lasts: {_EXPECTED}, got {name!r}")
    # Absolute, so that a change of the working folder does not move it.
    path = Path(name).absolute()
    return Address(URL.create("sqlite", database=str(path)), path, name)
