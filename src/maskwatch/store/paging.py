"""Long answers, read page by page: whoever takes them slowly holds nothing open."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, tuple_

from maskwatch.store.database import Database

_PAGE = 1000


def paged(
    database: Database,
    query: Select[Any],
    key: Sequence[ColumnElement[Any]],
    *,
    limit: int | None = None,
    newest_first: bool = False,
) -> Iterator[Row[Any]]:
    """The rows of a query in the order of a key that is unique and never changes.

    Raises:
        StoreError: the database cannot be read.
    """
    order = [column.desc() for column in key] if newest_first else key
    query, position = query.order_by(*order), tuple_(*key)
    last: tuple[Any, ...] | None = None
    while limit is None or limit > 0:
        size = _PAGE if limit is None else min(limit, _PAGE)
        page = query.limit(size)
        if last is not None:
            page = page.where(position < last if newest_first else position > last)
        with database.reading() as connection:
            rows = connection.execute(page).all()
        yield from rows
        if len(rows) < size:
            return
        last = tuple(rows[-1]._mapping[column] for column in key)
        limit = None if limit is None else limit - size
