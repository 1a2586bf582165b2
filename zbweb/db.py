"""The database: typed columns, the organisation fence and the unit of work.

Three rules live here and nowhere else:

* Every row of an `OrganisationOwned` model belongs to one organisation, and while a session knows
  whose work it does (`work_for`) every ORM statement is fenced to it. The execution option `unfenced`
  is for the few questions across organisations (which ones a person belongs to).
* Writing is one unit of work: commit at the end, roll back on any error. On SQLite it takes the
  write lock at its start (BEGIN IMMEDIATE), because a reader that turns writer cannot wait.
* What must happen after a commit (enqueue a job) is said with `after_commit()` and is forgotten
  when the unit rolls back: nothing is announced that did not happen.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import repeat
from typing import Annotated, Any, ClassVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    Numeric,
    String,
    Text,
    TypeDecorator,
    event,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Connection as DatabaseConnection
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    ORMExecuteState,
    Session,
    declared_attr,
    mapped_column,
    with_loader_criteria,
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; SQLite has no time zones, so they are put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def __repr__(self) -> str:
        return "UtcDateTime()"

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is not None and value.tzinfo is None:
            raise ValueError("times are stored in UTC and must be aware")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal that stays exact: NUMERIC on PostgreSQL, a scaled integer on SQLite, which has only floats.

    Sums and comparisons in SQL stay exact on both, since the scale is fixed per column.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, scale: int) -> None:
        super().__init__(20, scale)
        self.scale = scale

    def __repr__(self) -> str:
        return f"ExactDecimal({self.scale})"

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else Numeric(20, self.scale))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return int(Decimal(value).scaleb(self.scale).to_integral_value())

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None or dialect.name != "sqlite":
            return value if value is None else Decimal(value)
        return Decimal(value).scaleb(-self.scale)


_Identity = BigInteger().with_variant(Integer, "sqlite")

PrimaryKey = Annotated[int, mapped_column(_Identity, primary_key=True)]
REMEMBERED: Mapping[str, Any] = {"sqlite_autoincrement": True}
"""Table options for rows whose ids are remembered when they are gone (journal, links, entries): else SQLite gives the
id of the last row to the next one, who inherits a history."""
UtcTime = Annotated[datetime, mapped_column(UtcDateTime)]
Money = Annotated[Decimal, mapped_column(ExactDecimal(4))]
"""An amount; already rounded to its currency's exponent (at most 4 places), never a float."""
Precise = Annotated[Decimal, mapped_column(ExactDecimal(6))]
"""A quantity, unit price or percentage, to 6 places."""
Rate = Annotated[Decimal, mapped_column(ExactDecimal(10))]
"""An exchange rate, to 10 places: a rupiah is some 0.00006 of a dollar."""
Name = Annotated[str, mapped_column(String(255))]
Code = Annotated[str, mapped_column(String(64))]
LongText = Annotated[str, mapped_column(Text)]
JsonObject = Annotated[dict[str, Any], mapped_column(JSON)]


class Base(DeclarativeBase):
    """Root of the models; constraints are named by convention so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class OrganisationOwned:
    """A row that belongs to one organisation; see the fence below.

    Where other indexes begin with the organisation and a first sync writes very many rows, one by it alone only costs.
    """

    is_indexed_by_others: ClassVar[bool] = False

    @declared_attr
    def organisation_id(cls) -> Mapped[int]:  # noqa: N805  declared_attr passes the class
        owner = ForeignKey("organisations.id", ondelete="CASCADE")
        return mapped_column(_Identity, owner, index=not cls.is_indexed_by_others)


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})

_INFO_ORGANISATION = "organisation_id"
_INFO_ANNOUNCEMENTS = "announcements"


@event.listens_for(Session, "do_orm_execute")
def _fence(state: ORMExecuteState) -> None:
    """Scope every ORM statement to the session's organisation, relationship loads included."""
    organisation_id = state.session.info.get(_INFO_ORGANISATION)
    if organisation_id is None or state.is_column_load or state.execution_options.get("unfenced"):
        return
    if state.is_select or state.is_update or state.is_delete:
        state.statement = state.statement.options(
            with_loader_criteria(
                OrganisationOwned, lambda cls: cls.organisation_id == organisation_id, include_aliases=True
            )
        )


def work_for(session: Session, organisation_id: int | None) -> None:
    """Fence `session` to one organisation from now on; None lifts the fence (log-in, the scheduler)."""
    session.info[_INFO_ORGANISATION] = organisation_id


def organisation_of(session: Session) -> int:
    """Whose work this session does; it is a bug to ask before `work_for()`."""
    organisation_id = session.info[_INFO_ORGANISATION]
    assert isinstance(organisation_id, int), "this session works for no organisation"
    return organisation_id


@contextmanager
def unit_of_work() -> Iterator[Session]:
    """One unit of work on the current context's session: commit at the end, roll back on any error."""
    session = db.session()
    session.rollback()  # end a read snapshot: SQLite cannot turn it into a write
    session.connection(execution_options={"zb_write": True})
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        session.info.pop(_INFO_ANNOUNCEMENTS, None)
        raise
    for announce in session.info.pop(_INFO_ANNOUNCEMENTS, {}).values():
        announce()


class _CurtainFalls(Exception):
    """Ends a rehearsal."""


@contextmanager
def rehearsal() -> Iterator[Session]:
    """A unit of work that is always rolled back: what would happen, without its happening or being announced."""
    with suppress(_CurtainFalls), unit_of_work() as session:
        yield session
        raise _CurtainFalls


@contextmanager
def side_unit_of_work(engine: Engine) -> Iterator[Session]:
    """A unit of work of its own, beside the context's session: for threads, which have no context."""
    with Session(engine, expire_on_commit=False) as session:
        session.connection(execution_options={"zb_write": True})
        yield session
        session.commit()


_LAST_ID = text("SELECT seq FROM sqlite_sequence WHERE name = :table")


def reserve_ids(session: Session, model: type[Base], count: int) -> list[int]:
    """Ids for `count` new rows, so that many can be inserted in one executemany and still be known.

    PostgreSQL's sequence gives them out; on SQLite the unit of work holds the write lock, so nobody else can. There
    the table must be one of those whose ids are REMEMBERED.
    """
    if session.get_bind().dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(model.__tablename__, "id")
        return list(session.scalars(select(func.nextval(sequence)).select_from(func.generate_series(1, count))))
    last = session.scalar(_LAST_ID, {"table": model.__tablename__}) or 0
    return list(range(last + 1, last + 1 + count))


def tolerant_insert(session: Session, model: type[Base]) -> PostgresqlInsert | SqliteInsert:
    """An INSERT that can be told what to do on a conflict, in the words of the session's database."""
    return postgresql_insert(model) if session.get_bind().dialect.name == "postgresql" else sqlite_insert(model)


def insert_rows(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows that hold the same columns, every one given.

    The values go through the columns' own types, as in `session.execute(insert(model), rows)`, but column by column
    and straight to the driver's executemany: half the time of a first sync was spent preparing each row anew.
    """
    if not rows:
        return
    connection = session.connection()
    plan = _insert_plan(model, tuple(rows[0]), connection.dialect)
    connection.exec_driver_sql(plan.statement, plan.parameters(rows))


@dataclass(frozen=True, slots=True)
class _InsertPlan:
    """A compiled insert: the driver's statement, and how each column's values are made ready for it."""

    statement: str
    columns: tuple[tuple[str, Callable[[Any], Any] | None], ...]
    is_positional: bool

    def parameters(self, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """The rows as the driver wants them."""
        lines = zip(*(_ready([row[name] for row in rows], ready) for name, ready in self.columns), strict=False)
        if self.is_positional:
            return list(lines)
        names = [name for name, _ in self.columns]
        return [dict(zip(names, line, strict=True)) for line in lines]


def _ready(values: list[Any], ready: Callable[[Any], Any] | None) -> Iterable[Any]:
    """A column's values for the driver; one that all rows share, which is most of them, is made ready once."""
    first = values[0]
    if values.count(first) == len(values):
        plain = str(first) if isinstance(first, str) else first  # drivers look long at a StrEnum
        return repeat(ready(plain) if ready else plain, len(values))
    return map(ready, values) if ready else values


@lru_cache(maxsize=64)
def _insert_plan(model: type[Base], names: tuple[str, ...], dialect: Dialect) -> _InsertPlan:
    table = model.__table__
    compiled = insert(table).compile(dialect=dialect, column_keys=list(names))  # type: ignore[arg-type]
    order = compiled.positiontup or names if compiled.positional else names
    ready = {name: table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names}
    return _InsertPlan(str(compiled), tuple((name, ready[name]) for name in order), compiled.positional)


def after_commit(session: Session, key: str, announce: Callable[[], None]) -> None:
    """Run `announce` once this unit of work has committed; the same key is announced once."""
    session.info.setdefault(_INFO_ANNOUNCEMENTS, {})[key] = announce


def prepare_engine(engine: Engine) -> None:
    """Give an engine its manners: WAL, foreign keys and explicit BEGIN on SQLite; no sharing across fork."""
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "wal_autocheckpoint=8000",  # 32 MB: a batch of a sync is 4, and need not be copied over by each commit
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "busy_timeout=30000",
            "cache_size=-32000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: DatabaseConnection) -> None:
        write = connection.get_execution_options().get("zb_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
