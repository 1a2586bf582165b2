"""Lists by keyset: a page begins after the last row of the one before, so page 4,000 is as quick as page 1.

A cursor is the id of a row; where it stands in the order is looked up, so it stays right when rows come and
go. A cursor whose row is gone means the first page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

T = TypeVar("T")

PAGE_SIZE = 25
COUNT_LIMIT = 10_000
"""Rows are counted up to here; beyond, a list says "more than 10,000", since counting would cost more than it tells."""

_PORTION = 500


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted: by `column`, then by `key`, the id, which makes the order total."""

    column: InstrumentedAttribute[Any]
    key: InstrumentedAttribute[int]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Which page is wanted: the rows after one row, or those before one; neither is the first page."""

    after: int | None = None
    before: int | None = None
    size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page. `total` stops at COUNT_LIMIT + 1; `before` and `after` are the neighbours' cursors, if any."""

    rows: tuple[T, ...]
    total: int
    before: int | None
    after: int | None

    @property
    def total_in_words(self) -> str:
        """The number of rows as a person reads it."""
        return f"{self.total:,}" if self.total <= COUNT_LIMIT else f"more than {COUNT_LIMIT:,}"


def fetch(session: Session, statement: Select[T], *, order: Order, window: Window) -> Page[T]:
    """The page of `statement` (unsorted, its filters set) that `window` asks for; at most three queries."""
    backwards = window.before is not None
    anchor = _anchor(session, order, window.before if backwards else window.after)
    backwards = backwards and anchor is not None
    down = order.descending != backwards
    columns = (order.column, order.key)
    wanted = statement.order_by(*(each.desc() if down else each.asc() for each in columns)).limit(window.size + 1)
    if anchor is not None:
        here = tuple_(*columns)
        there = tuple_(*(literal(value, each.type) for value, each in zip(anchor, columns, strict=True)))
        wanted = wanted.where(here < there if down else here > there)
    found = list(session.scalars(wanted))
    more, rows = len(found) > window.size, found[: window.size]
    if backwards:
        rows.reverse()
    total = len(rows) if anchor is None and not more else count(session, statement, order.key)
    ids = [getattr(row, order.key.key) for row in rows]
    return Page(
        rows=tuple(rows),
        total=total,
        before=ids[0] if ids and (more if backwards else anchor is not None) else None,
        after=ids[-1] if ids and (backwards or more) else None,
    )


def fetch_found(session: Session, statement: Select[T], *, order: Order, window: Window) -> Page[T]:
    """The page of a search. A search looks through everything, so its first page is found and counted in one walk."""
    if window.after is not None or window.before is not None:
        return fetch(session, statement, order=order, window=window)
    found = statement.with_only_columns(order.column.label("place"), order.key.label("id"))
    some = found.order_by(*_sorted(order, order.column, order.key)).limit(COUNT_LIMIT + 1).cte()
    total = select(func.count()).select_from(some).scalar_subquery()
    ahead = select(some.c.id, total).order_by(*_sorted(order, some.c.place, some.c.id)).limit(window.size + 1)
    first = session.execute(ahead).all()
    ids = [row_id for row_id, _ in first[: window.size]]
    rows = {getattr(row, order.key.key): row for row in session.scalars(statement.where(order.key.in_(ids)))}
    return Page(
        rows=tuple(rows[row_id] for row_id in ids if row_id in rows),
        total=first[0][1] if first else 0,
        before=None,
        after=ids[-1] if len(first) > window.size else None,
    )


def portions(session: Session, statement: Select[T], *, order: Order) -> Iterator[Sequence[T]]:
    """Every row of `statement`, some hundreds at a time, so that the length of a list costs no memory."""
    whole = statement.order_by(*_sorted(order, order.column, order.key)).execution_options(yield_per=_PORTION)
    yield from session.scalars(whole).partitions()


def _sorted(order: Order, *columns: Any) -> list[Any]:
    return [each.desc() if order.descending else each.asc() for each in columns]


def count(session: Session, statement: Select[Any], key: InstrumentedAttribute[int]) -> int:
    """How many rows the statement finds, counted to one more than COUNT_LIMIT."""
    some = statement.with_only_columns(key).order_by(None).limit(COUNT_LIMIT + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _anchor(session: Session, order: Order, row_id: int | None) -> tuple[Any, ...] | None:
    if row_id is None:
        return None
    row = session.execute(select(order.column, order.key).where(order.key == row_id)).first()
    return tuple(row) if row is not None else None
