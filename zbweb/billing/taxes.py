"""Taxes by name and percentage. Documents keep their own copy of both, so a change holds for new ones only."""

from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from zbweb.billing import journal, money
from zbweb.billing.changes import apply, differences, ensure_fits, jsonable
from zbweb.billing.journal import Actor
from zbweb.billing.models import Tax
from zbweb.db import organisation_of
from zbweb.errors import Invalid, NotFound

ENTITY = "tax"


def all_taxes(session: Session) -> list[Tax]:
    """Every tax, those in use first, by name."""
    return list(session.scalars(select(Tax).order_by(Tax.active.desc(), Tax.name)))


def active(session: Session) -> list[Tax]:
    """The taxes that forms offer."""
    return list(session.scalars(select(Tax).where(Tax.active).order_by(Tax.name)))


def find(session: Session, tax_id: int) -> Tax:
    """One tax; raises NotFound."""
    tax = session.scalar(select(Tax).where(Tax.id == tax_id))
    if tax is None:
        raise NotFound("There is no such tax. It may belong to another organisation.")
    return tax


def create(session: Session, *, name: str, rate: Decimal, actor: Actor) -> Tax:
    """A new tax of `rate` per cent; raises Invalid by field."""
    values = _checked(session, name, rate, besides=None)
    tax = Tax(organisation_id=organisation_of(session), **values)
    session.add(tax)
    session.flush()  # the journal needs its id
    journal.record(
        session, ENTITY, tax.id, action="created", actor=actor,
        changes=jsonable({"name": ("", tax.name), "rate": (None, tax.rate)}),
    )  # fmt: skip
    return tax


def edit(session: Session, tax: Tax, *, name: str, rate: Decimal, actor: Actor) -> None:
    """Rename a tax or change its rate, for documents made from now on."""
    changes = differences(tax, _checked(session, name, rate, besides=tax))
    if changes:
        apply(tax, changes)
        journal.record(session, ENTITY, tax.id, action="updated", actor=actor, changes=jsonable(changes))


def set_active(session: Session, tax: Tax, *, active: bool, actor: Actor) -> None:
    """Offer the tax, or stop offering it; documents that have it keep it."""
    if tax.active != active:
        tax.active = active
        action = "marked_active" if active else "marked_inactive"
        journal.record(session, ENTITY, tax.id, action=action, actor=actor, changes={})


def _checked(session: Session, name: str, rate: Decimal, *, besides: Tax | None) -> dict[str, object]:
    name = name.strip()
    others = select(Tax.id).where(func.lower(Tax.name) == name.lower(), Tax.id != (besides.id if besides else 0))
    wrong = {}
    if not name:
        wrong["name"] = "Enter a name."
    elif session.scalar(others) is not None:
        wrong["name"] = f"There is a tax {name} already. Choose another name."
    if not 0 <= rate <= 100:
        wrong["rate"] = "Enter a percentage from 0 to 100."
    if wrong:
        raise Invalid(" ".join(wrong.values()), wrong)
    ensure_fits(Tax, {"name": name})
    return {"name": name, "rate": rate.quantize(money.PLACES)}
