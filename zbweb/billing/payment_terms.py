"""Payment terms: named rules for due dates, one of them the default of new customers and documents."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from zbweb.billing import journal
from zbweb.billing.changes import apply, differences, ensure_fits
from zbweb.billing.journal import Actor
from zbweb.billing.models import Customer, PaymentTerm
from zbweb.billing.words import TermKind
from zbweb.db import organisation_of
from zbweb.errors import Conflict, Invalid, NotFound

ENTITY = "payment_term"
KIND_LABELS = {
    TermKind.ON_RECEIPT: "On receipt",
    TermKind.NET: "A number of days after the document's date",
    TermKind.END_OF_MONTH: "End of the month",
    TermKind.END_OF_NEXT_MONTH: "End of the next month",
}


@dataclass(frozen=True, slots=True)
class TermDraft:
    """Payment terms as typed; `days` matter for NET only."""

    name: str
    kind: str = TermKind.NET
    days: int = 0
    is_default: bool = False


def all_terms(session: Session) -> list[PaymentTerm]:
    """Every payment term, in the order of their kinds, shortest first."""
    kinds = list(KIND_LABELS)
    terms = session.scalars(select(PaymentTerm))
    return sorted(terms, key=lambda term: (kinds.index(TermKind(term.kind)), term.days, term.name))


def default(session: Session) -> PaymentTerm | None:
    """The terms of whoever has none of their own."""
    return session.scalar(select(PaymentTerm).where(PaymentTerm.is_default).limit(1))


def find(session: Session, term_id: int) -> PaymentTerm:
    """One payment term; raises NotFound."""
    term = session.scalar(select(PaymentTerm).where(PaymentTerm.id == term_id))
    if term is None:
        raise NotFound("There are no such payment terms. They may have been deleted.")
    return term


def create(session: Session, draft: TermDraft, *, actor: Actor) -> PaymentTerm:
    """New payment terms; raises Invalid by field."""
    values = _checked(session, draft, besides=None)
    term = PaymentTerm(organisation_id=organisation_of(session), **values)
    _one_default(session, draft)
    session.add(term)
    session.flush()  # the journal needs its id
    journal.record(session, ENTITY, term.id, action="created", actor=actor, changes={"name": ("", term.name)})
    return term


def edit(session: Session, term: PaymentTerm, draft: TermDraft, *, actor: Actor) -> None:
    """Change payment terms. Due dates of documents that exist stay; the default is changed by naming another."""
    changes = differences(term, _checked(session, draft, besides=term))
    if changes:
        if term.is_default and not draft.is_default:
            raise Conflict("One of the payment terms is the default. Make another one the default instead.")
        _one_default(session, draft)
        apply(term, changes)
        journal.record(session, ENTITY, term.id, action="updated", actor=actor, changes=changes)


def delete(session: Session, term: PaymentTerm, *, actor: Actor) -> None:
    """Delete payment terms that no customer has; raises Conflict for others and for the default."""
    if term.is_default:
        raise Conflict(f"{term.name} is the default. Make other payment terms the default first.")
    users = session.scalar(select(func.count()).select_from(Customer).where(Customer.payment_term_id == term.id)) or 0
    if users:
        who = "1 customer has" if users == 1 else f"{users} customers have"
        raise Conflict(f"{who} the payment terms {term.name}. Give them others first, with Bulk Update.")
    journal.record(session, ENTITY, term.id, action="deleted", actor=actor, changes={"name": (term.name, "")})
    session.delete(term)
    session.flush()


def _one_default(session: Session, draft: TermDraft) -> None:
    if draft.is_default:
        session.execute(update(PaymentTerm).where(PaymentTerm.is_default).values(is_default=False))


def _checked(session: Session, draft: TermDraft, *, besides: PaymentTerm | None) -> dict[str, Any]:
    name = draft.name.strip()
    others = select(PaymentTerm.id).where(
        func.lower(PaymentTerm.name) == name.lower(), PaymentTerm.id != (besides.id if besides else 0)
    )
    wrong = {}
    if not name:
        wrong["name"] = "Enter a name."
    elif session.scalar(others) is not None:
        wrong["name"] = f"There are payment terms {name} already. Choose another name."
    if draft.kind not in set(TermKind):
        wrong["kind"] = "Choose when a document falls due."
    if not 0 <= draft.days <= 3650:
        wrong["days"] = "Enter a number of days from 0 to 3650."
    if wrong:
        raise Invalid(" ".join(wrong.values()), wrong)
    ensure_fits(PaymentTerm, {"name": name})
    days = draft.days if draft.kind == TermKind.NET else 0
    return {"name": name, "kind": draft.kind, "days": days, "is_default": draft.is_default}
