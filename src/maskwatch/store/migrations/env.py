"""How Alembic runs the steps: on the connection that the store gives it."""

from alembic import context

from maskwatch.store.migrate import VERSION_TABLE
from maskwatch.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
