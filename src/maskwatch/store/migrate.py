"""Bring a database to the newest schema, whatever version of maskwatch made it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text

from maskwatch.errors import StoreError

VERSION_TABLE = "maskwatch_schema"
_FOLDER = Path(__file__).with_name("migrations")
_LOCK = 0x6D61736B  # Any number that other users of the database do not take.


def is_current(connection: Connection, shown: str) -> bool:
    """Whether the schema is the newest one.

    Raises:
        StoreError: the tables are not ours, or of a newer maskwatch.
    """
    # Looked for before the version: another program that makes both now commits them together.
    tables = set(inspect(connection).get_table_names()) - {VERSION_TABLE}
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    found = context.get_current_revision()
    scripts = ScriptDirectory(str(_FOLDER))
    newest = scripts.get_current_head()
    if found == newest:
        return True
    if found is None:
        if tables:
            raise StoreError(
                f"{shown} holds tables of another program; expected an empty database or one "
                "that maskwatch made"
            )
        return False
    try:
        scripts.get_revision(found)
    except CommandError as error:
        raise StoreError(
            f"{shown} was made by a newer maskwatch: its schema is {found}, this one knows up to "
            f"{newest}; update maskwatch"
        ) from error
    return False


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing, within the transaction of the connection."""
    if connection.dialect.name == "postgresql":
        # Of two programs that start at once the second waits here, and finds all done.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    command.upgrade(config, "head")
