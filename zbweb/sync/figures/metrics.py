"""A customer's figures in the CRM: outstanding, overdue, total sales and the last invoice's date, in fields of ours.

They are owed whenever an invoice changes, whichever modules are synced, and when the calendar day turns what was
due into overdue. Before they are written they are read, so that nothing is written that stands there already.
"""

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import Session

from zbweb.billing import books, journal, receivables
from zbweb.billing.journal import Actor, put_in_outbox
from zbweb.billing.models import OutboxRow, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.crm import own_fields
from zbweb.crm.errors import CrmError
from zbweb.crm.port import Record
from zbweb.db import db
from zbweb.sync import runs
from zbweb.sync.core.verdicts import refusal
from zbweb.sync.core.words import Entity, LinkState, SyncedModule
from zbweb.sync.live import LiveRun
from zbweb.sync.models import Connection, Link
from zbweb.sync.outbox import claims
from zbweb.sync.outbox.claims import METRICS, Claimed
from zbweb.sync.outbox.courier import Courier
from zbweb.sync.pairs import records_of

MODULES = ("Accounts", "Contacts")
LABELS = {
    "outstanding": "Outstanding Receivables",
    "overdue": "Overdue Receivables",
    "total_sales": "Total Sales",
    "last_invoice_date": "Last Invoice Date",
}
"""What the fields are called in the CRM."""
_DAY = "as_of"
"""In `Connection.metric_fields`, beside the modules: the day up to which overdue figures have been told."""


# --- who is owed ------------------------------------------------------------------------------------


def owe_after(session: Session, connection: Connection, transaction_ids: Collection[int]) -> None:
    """Have the figures of linked customers wait whose invoices are among these changed documents."""
    if not connection.push_metrics or not transaction_ids:
        return
    statement = _linked_customers(connection.id).where(
        Transaction.id.in_(transaction_ids), Transaction.kind == Kind.INVOICE, Transaction.status != Status.DRAFT
    )
    put_in_outbox(session, METRICS, sorted(session.scalars(statement)))


def owe_since(session: Session, connection: Connection, moment: datetime.datetime) -> None:
    """The same for customers that were linked after `moment` and have invoices already."""
    if not connection.push_metrics:
        return
    linked = _linked_customers(connection.id, Link.created_at >= moment)
    statement = linked.where(Transaction.kind == Kind.INVOICE, Transaction.status == Status.SENT)
    put_in_outbox(session, METRICS, sorted(session.scalars(statement)))


def owe_newcomers(live: LiveRun) -> None:
    """The last phase of a run: customers that it linked and that have documents already."""
    with live.unit() as (_, desk):
        linked = select(Link.entity_id).where(
            Link.connection_id == live.connection_id, Link.entity == Entity.CUSTOMER, Link.state == LinkState.ACTIVE,
            Link.created_at >= live.started_at,
        )  # fmt: skip
        claims.wake_documents(desk.session, linked)
        owe_since(desk.session, desk.session.get_one(Connection, live.connection_id), live.started_at)


def owe_all(session: Session, connection: Connection) -> None:
    """The same for every linked customer with invoices: the figures were switched on, or their fields were lost."""
    owe_since(session, connection, datetime.datetime.min.replace(tzinfo=datetime.UTC))


def owe_after_midnight(session: Session, connection: Connection) -> None:
    """The same for customers whose invoices became overdue since the day that was looked at last."""
    today, seen = books.today(session), connection.metric_fields.get(_DAY)
    if seen is not None and seen >= today.isoformat():
        return
    if seen is not None and connection.push_metrics:
        statement = _linked_customers(connection.id).where(
            Transaction.kind == Kind.INVOICE, Transaction.status == Status.SENT,
            Transaction.paid < Transaction.total, Transaction.due_date < today,
            Transaction.due_date >= datetime.date.fromisoformat(seen),
        )  # fmt: skip
        put_in_outbox(session, METRICS, sorted(session.scalars(statement)))
    connection.metric_fields = {**connection.metric_fields, _DAY: today.isoformat()}


def _linked_customers(connection_id: int, *of_link: ColumnElement[bool]) -> Select[int]:
    """Ids of linked customers, by their documents; further conditions on the link."""
    is_linked = exists().where(
        Link.entity_id == Transaction.customer_id,
        Link.entity == Entity.CUSTOMER,
        Link.connection_id == connection_id,
        Link.state == LinkState.ACTIVE,
        *of_link,
    )
    return select(Transaction.customer_id).where(is_linked.correlate(Transaction)).distinct()


def switch(session: Session, connection: Connection, *, enabled: bool, actor: Actor) -> None:
    """Begin or stop telling the CRM; whoever begins has everything told."""
    connection.push_metrics = enabled
    journal.record(session, "connection", connection.id, action="figures_on" if enabled else "figures_off", actor=actor)
    if enabled:
        begin_anew(session, connection)


def begin_anew(session: Session, connection: Connection) -> None:
    """Look for the CRM's fields anew and have all figures told."""
    connection.metric_fields = {_DAY: books.today(session).isoformat()}
    owe_all(session, connection)


@dataclass(frozen=True, slots=True)
class Overview:
    """How the figures stand: fields the CRM does not let us have, and customers whose figures it refuses."""

    enabled: bool
    missing: tuple[str, ...]
    failing: int
    problem: str
    labels: tuple[str, ...] = tuple(LABELS.values())


def overview(session: Session, connection: Connection) -> Overview:
    """For the details page."""
    kept = [connection.metric_fields.get(module) or {} for module in MODULES]
    missing = {LABELS[key] for names in kept for key, name in names.items() if not name}
    failed = select(OutboxRow.error_message).where(OutboxRow.entity == METRICS, OutboxRow.error_code != "")
    words = session.scalars(failed.order_by(OutboxRow.id)).all()
    return Overview(connection.push_metrics, tuple(sorted(missing)), len(words), words[0] if words else "")


# --- telling ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Figures:
    """One customer's row, a CRM record of theirs and the figures by key."""

    row: Claimed
    crm_id: str
    values: Mapping[str, Any]


def push(courier: Courier) -> None:
    """Tell the CRM the figures that are in hand; what it refuses waits with the reason."""
    rows = {row.entity_id: row for row in courier.rows_of(METRICS)}
    if not rows:
        return
    links = records_of(db.session(), courier.connection_id, rows)
    linked = {link.entity_id for link in links}
    by_module = {module: _gather(rows, links, module) for module in MODULES}
    with courier.plain_unit() as session:
        claims.delivered(session, courier.claim, [row for key, row in rows.items() if key not in linked])
    for module, figures in by_module.items():
        if figures:
            _tell(courier, module, figures)


def _gather(rows: Mapping[int, Claimed], links: Sequence[Link], module: str) -> list[_Figures]:
    return [
        _Figures(rows[link.entity_id], link.crm_id, _values(db.session(), link.entity_id))
        for link in links
        if link.crm_module == module
    ]


def _values(session: Session, customer_id: int) -> dict[str, Any]:
    found = receivables.metrics(session, customer_id)
    return {key: getattr(found, key) for key in LABELS}


def _tell(courier: Courier, module: str, figures: list[_Figures]) -> None:
    """Each row has one fate, though a customer may have several records."""
    rows = {each.row.row_id: each.row for each in figures}
    try:
        names = _fields(courier, module)
        there = courier.client.get_many(module, [each.crm_id for each in figures], list(names.values()) or ["id"])
        present = {str(record["id"]): record for record in there}
        changed = [each for each in figures if each.crm_id in present and _differs(each, present[each.crm_id], names)]
        records = [{"id": each.crm_id, **{names[key]: each.values[key] for key in names}} for each in changed]
        trigger = _trigger(courier)
        verdicts = courier.client.update(module, records, trigger=trigger) if records else []
    except CrmError as error:
        courier.put_off(list(rows.values()), error)
        return
    refused = {each.row.row_id: verdict for each, verdict in zip(changed, verdicts, strict=True) if not verdict.ok}
    with courier.plain_unit() as session:
        for row_id, verdict in refused.items():
            said = refusal(verdict.code, verdict.message, verdict.details)
            claims.refused(session, courier.claim, rows[row_id], code=said.code, words=said.words)
        claims.delivered(session, courier.claim, [row for key, row in rows.items() if key not in refused])


def _trigger(courier: Courier) -> bool:
    setup = runs.setup_of(db.session(), courier.connection_id, SyncedModule.CUSTOMERS)
    return setup is not None and setup.fire_triggers


def _differs(each: _Figures, record: Record, names: Mapping[str, str]) -> bool:
    return any(not _same(record.get(name), each.values[key]) for key, name in names.items())


def _same(theirs: Any, ours: Any) -> bool:
    if isinstance(ours, Decimal):
        return theirs is not None and Decimal(theirs) == ours
    return (theirs or None) == (ours.isoformat() if ours else None)


def _fields(courier: Courier, module: str) -> dict[str, str]:
    """The fields by key, made if need be and remembered; without those the CRM does not let us have."""
    connection = db.session.get_one(Connection, courier.connection_id)
    kept: dict[str, str] | None = connection.metric_fields.get(module)
    if kept is None:
        kept = _made(courier, module)
        with courier.plain_unit() as session:
            connection = session.get_one(Connection, courier.connection_id)
            connection.metric_fields = {**connection.metric_fields, module: kept}
    return {key: name for key, name in kept.items() if name}


def _made(courier: Courier, module: str) -> dict[str, str]:
    is_same_money = _counts_alike(courier.connection_id)
    types = dict.fromkeys(LABELS, "currency" if is_same_money else "double") | {"last_invoice_date": "date"}
    return {
        key: own_fields.find_or_make(courier.client, module, label=label, data_type=types[key]) or ""
        for key, label in LABELS.items()
    }


def _counts_alike(connection_id: int) -> bool:
    """Whether the CRM's money is ours; else an amount of ours must not carry its currency's sign."""
    connection = db.session.get_one(Connection, connection_id)
    return connection.crm_currency in ("", books.own(db.session()).base_currency)
