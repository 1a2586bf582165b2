"""Quotes, sales orders and invoices: made, edited, copied, tied to a potential, deleted while drafts.

Their status is moved in moves.py and what is made from them in convert.py. The rhythm of each service:
lock the row, compose and check, apply, journal.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import balances, books, fulfilment, journal, money, numbering, payments, removal, standing, status
from zbweb.billing.changes import Changes, apply, differences, ensure_current, jsonable
from zbweb.billing.composing import Composed, compose
from zbweb.billing.drafts import Draft, LineDraft, Potential, from_transaction
from zbweb.billing.journal import Actor
from zbweb.billing.models import Line, Transaction
from zbweb.billing.standing import ENTITY, lock, touch
from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.db import organisation_of
from zbweb.errors import Conflict, Invalid, NotFound

_DERIVED = {"tax_table", "base_total", "subtotal", "discount_total", "tax_total"}


def get(session: Session, kind: Kind, transaction_id: int) -> Transaction:
    """The document, or NotFound."""
    statement = select(Transaction).where(Transaction.id == transaction_id, Transaction.kind == kind)
    found = session.scalar(statement)
    if found is None:
        raise NotFound(f"There is no such {kind.noun}. It may have been deleted.")
    return found


def find(session: Session, transaction_id: int) -> Transaction:
    """The document of any kind, or NotFound."""
    found = session.scalar(select(Transaction).where(Transaction.id == transaction_id))
    if found is None:
        raise NotFound("There is no such document. It may have been deleted.")
    return found


def preview(session: Session, draft: Draft, *, before: Transaction | None = None) -> money.Totals:
    """What the totals would be; writes nothing. Raises Invalid as saving would."""
    return compose(session, draft, before=before).totals


def create(session: Session, draft: Draft, *, actor: Actor) -> Transaction:
    """A new document in draft. It has no number yet, unless one was typed; raises Invalid.

    A draft whose `request_key` was seen before answers with the document that it made then.
    """
    if earlier := _made_by(session, draft):
        return earlier
    composed = compose(session, draft)
    if number := composed.values["number"]:
        numbering.reserve(session, draft.kind, number, owner_id=None)
    transaction = Transaction(
        organisation_id=organisation_of(session),
        status=Status.DRAFT,
        automation_key=draft.automation_key,
        conversion_key=_form_key(draft),
        origin=actor.origin,
        base_balance=composed.values["base_total"],
        **composed.values,
    )
    session.add(transaction)
    _put_lines(session, transaction, composed)
    session.flush()  # the journal needs the document's id
    fulfilment.ensure_within_order(session, transaction)
    changes: Changes = {"total": (None, transaction.total), "lines": (None, _describe(transaction))}
    journal.record(session, ENTITY, transaction.id, action="created", actor=actor, changes=_journal(changes))
    return transaction


def _made_by(session: Session, draft: Draft) -> Transaction | None:
    """What the same form made when it was sent before; two that come at once meet at the customer's row."""
    if draft.request_key is None:
        return None
    balances.lock_customer(session, draft.customer_id)
    return session.scalar(select(Transaction).where(Transaction.conversion_key == _form_key(draft)))


def _form_key(draft: Draft) -> str | None:
    return f"form-{draft.request_key}" if draft.request_key else None


def why_not_editable(session: Session, transaction: Transaction) -> str:
    """Why the document cannot be edited, as a sentence; empty when it can."""
    return standing.what_became(session, transaction) or status.why_not_editable(standing.facts(transaction))


def edit(session: Session, transaction: Transaction, draft: Draft, *, version: int | None, actor: Actor) -> Transaction:
    """Save a draft over a document; Stale if `version` is old, Conflict if it may not change, else Invalid."""
    transaction = lock(session, transaction.id)
    ensure_current(transaction, version)
    _hold_order(session, transaction)
    if sentence := why_not_editable(session, transaction):
        raise Conflict(sentence)
    payments.ensure_may_touch(transaction, actor)
    composed = compose(session, replace(draft, kind=Kind(transaction.kind)), before=transaction)
    _ensure_allowed(session, transaction, composed)
    changes = differences(transaction, composed.values)
    before, billed = _describe(transaction), fulfilment.billed(transaction)
    _put_lines(session, transaction, composed)
    if before != (after := _describe(transaction)):
        changes["lines"] = (before, after)
    if not changes:
        return transaction
    apply(transaction, {name: pair for name, pair in changes.items() if name != "lines"})
    balances.settle_invoice(session, transaction)
    touch(transaction)
    journal.record(session, ENTITY, transaction.id, action="updated", actor=actor, changes=_journal(changes))
    _settle_orders(session, transaction, billed, actor)
    return transaction


def delete(session: Session, transaction: Transaction, *, actor: Actor) -> None:
    """Delete a draft; Conflict for anything that has been sent, confirmed or answered, or would leave a gap among the
    numbers: that is voided instead."""
    transaction = lock(session, transaction.id)
    if transaction.status != Status.DRAFT:
        raise Conflict("Only a draft can be deleted. Void or decline the document instead, so that it stays on record.")
    standing.lock_all(session, [transaction.source_id] if transaction.source_id else [])  # before the number series
    if transaction.number and numbering.is_counted(session, transaction.kind, transaction.number):
        raise Conflict(
            f"The numbers have gone on after {transaction.number}, so deleting this draft would leave a gap. "
            "Void or decline it instead, so that it stays on record."
        )
    removal.announce(session, ENTITY, transaction.id)
    changes: Changes = {"total": (transaction.total, None), "lines": (_describe(transaction), None)}
    journal.record(session, ENTITY, transaction.id, action="deleted", actor=actor, changes=_journal(changes))
    source_id = transaction.source_id
    session.delete(transaction)
    session.flush()  # what is reopened must no longer count this document
    standing.settle_source(session, source_id, actor=actor)


def duplicate(session: Session, transaction: Transaction, *, actor: Actor) -> Transaction:
    """A new draft with the same content, dated today, with terms applied anew and no ties to the original's deal."""
    return create(session, renewed(transaction, date=books.today(session), potential=None, reference=""), actor=actor)


def renewed(transaction: Transaction, **changes: Any) -> Draft:
    """The draft of a new document with the content of this one: own lines, no number, dates to be found anew."""
    draft = from_transaction(transaction)
    lines = tuple(replace(line, id=None, source_line_id=None) for line in draft.lines)
    fresh = {"number": "", "due_date": None, "automation_key": None, "lines": lines}
    return replace(draft, **{**fresh, **changes})


def link_potential(session: Session, transaction: Transaction, potential: Potential, *, actor: Actor) -> None:
    """Tie a document to a potential of the CRM, in place of any it had."""
    _set_potential(session, transaction, potential, "potential_linked", actor)


def dissociate_potential(session: Session, transaction: Transaction, *, actor: Actor) -> None:
    """Untie a document from its potential."""
    _set_potential(session, transaction, None, "potential_dissociated", actor)


def follow_potential(
    session: Session, transaction: Transaction, potential: Potential, *, fate: str, actor: Actor
) -> None:
    """Note on a document what became of its potential ("won"), which an automation made it follow."""
    transaction = lock(session, transaction.id)
    changes = differences(transaction, _potential_values(potential))
    apply(transaction, changes)
    told: Changes = {**jsonable(changes), "fate": (None, fate)}
    journal.record(session, ENTITY, transaction.id, action="potential_followed", actor=actor, changes=told)


def _set_potential(
    session: Session, transaction: Transaction, potential: Potential | None, action: str, actor: Actor
) -> None:
    transaction = lock(session, transaction.id)
    if changes := differences(transaction, _potential_values(potential)):
        apply(transaction, changes)
        touch(transaction)
        journal.record(session, ENTITY, transaction.id, action=action, actor=actor, changes=jsonable(changes))


def _potential_values(potential: Potential | None) -> dict[str, str | None]:
    return {
        "potential_id": potential.id if potential else None,
        "potential_name": potential.name if potential else "",
        "potential_stage": potential.stage if potential else "",
    }


def _ensure_allowed(session: Session, transaction: Transaction, composed: Composed) -> None:
    values = composed.values
    is_draft = transaction.status == Status.DRAFT
    if values["customer_id"] != transaction.customer_id and not is_draft:
        sentence = "The customer can be changed while the document is a draft only."
        raise Invalid(sentence, {"customer_id": sentence})
    if transaction.paid > values["total"]:
        paid = money.in_words(transaction.paid, transaction.currency)
        sentence = f"{paid} has been paid already; the total cannot be less."
        raise Invalid(sentence, {"lines": sentence})
    number = values["number"]
    if not number and not is_draft:
        raise Invalid("The document needs its number.", {"number": "The document needs its number."})
    if number and number != transaction.number:
        numbering.reserve(session, transaction.kind, number, owner_id=transaction.id)
        if not is_draft:
            numbering.settle(session, transaction.kind, number)


def _hold_order(session: Session, transaction: Transaction) -> None:
    """Hold the order that an invoice bills, from before its quantities are compared: two invoices edited at once,
    or the order and one of them, would each find room that the other one takes. The number series comes later, as
    everywhere."""
    if transaction.kind == Kind.INVOICE and transaction.source_id:
        standing.lock_all(session, [transaction.source_id])


def _settle_orders(session: Session, transaction: Transaction, billed: Mapping[int, Decimal], actor: Actor) -> None:
    """After an edit: quantities still fit between order and invoices, and the order is closed or open accordingly.

    An invoice that bills what it `billed` before leaves its order alone, which a person may have closed.
    """
    if transaction.kind == Kind.SALES_ORDER:
        fulfilment.ensure_covers_invoices(session, transaction)
        standing.settle_order(session, transaction, actor=actor)
    elif transaction.kind == Kind.INVOICE and billed != fulfilment.billed(transaction):
        fulfilment.ensure_within_order(session, transaction)
        standing.settle_source(session, transaction.source_id, actor=actor)


def _put_lines(session: Session, transaction: Transaction, composed: Composed) -> None:
    """Make the document's lines those of the draft, keeping the rows it names."""
    held = {line.id: line for line in transaction.lines} if transaction.id else {}
    lines = [_line(session, held, line, values) for line, values in composed.lines]
    removed = [line_id for line_id, line in held.items() if line not in lines]
    if transaction.kind == Kind.SALES_ORDER and any(fulfilment.invoiced(session, removed).values()):
        raise Conflict("A line that has been invoiced cannot be removed from the order. Void the invoice first.")
    transaction.lines = lines


def _line(session: Session, held: Mapping[int, Line], draft: LineDraft, values: Mapping[str, Any]) -> Line:
    line = held.get(draft.id or 0) or Line(organisation_id=organisation_of(session))
    for name, value in values.items():
        setattr(line, name, value)
    return line


def _describe(transaction: Transaction) -> list[str]:
    return [
        f"{line.quantity.normalize():f} × {line.name} @ {line.rate.normalize():f}"
        f" = {money.in_words(line.amount, transaction.currency)}"
        for line in transaction.lines
    ]


def _journal(changes: Changes) -> Changes:
    """The changes worth reading, as JSON: sums that follow from others are left out."""
    return jsonable({name: pair for name, pair in changes.items() if name not in _DERIVED})
