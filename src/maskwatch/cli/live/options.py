"""Options that the commands about watching share, and whether their extra is there."""

from typing import Annotated

import typer

from maskwatch.errors import MissingExtra

Since = Annotated[str | None, typer.Option(help="How far back: 90m, 24h, 30d.")]
Camera = Annotated[str | None, typer.Option(help="Of this camera only.")]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="The database, or the site file that names it. (default: the user's own)",
    ),
]


def needs_live() -> None:
    """Say how to install what watching needs, where it is not there.

    Raises:
        MissingExtra: it is not.
    """
    try:
        import alembic
        import prometheus_client
        import pydantic
        import scipy
        import sqlalchemy

        _ = alembic, prometheus_client, pydantic, scipy, sqlalchemy
    except ImportError as error:
        raise MissingExtra(
            f"watching needs an extra ({error.name} is missing): pip install 'maskwatch[live]'"
        ) from error
