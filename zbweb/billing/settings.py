"""What an organisation is and what each new one begins with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

from babel.numbers import is_currency
from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import journal, numbering
from zbweb.billing.changes import apply, differences, ensure_fits
from zbweb.billing.journal import Actor
from zbweb.billing.models import NumberSeries, Organisation, Payment, PaymentTerm, Transaction
from zbweb.billing.words import TaxRounding, TermKind
from zbweb.errors import Invalid

ENTITY = "organisation"
_FIELDS = ("name", "base_currency", "time_zone", "country", "address", "email", "tax_rounding")

_TERMS = (
    ("Due on Receipt", TermKind.ON_RECEIPT, 0),
    ("Net 15", TermKind.NET, 15),
    ("Net 30", TermKind.NET, 30),
    ("Net 45", TermKind.NET, 45),
    ("Net 60", TermKind.NET, 60),
    ("Due end of the month", TermKind.END_OF_MONTH, 0),
    ("Due end of next month", TermKind.END_OF_NEXT_MONTH, 0),
)


@dataclass(frozen=True, slots=True)
class ProfileDraft:
    """An organisation's profile as typed."""

    name: str
    base_currency: str
    time_zone: str
    country: str = ""
    address: str = ""
    email: str = ""
    tax_rounding: str = TaxRounding.LINE

    def values(self) -> dict[str, Any]:
        """Column → value."""
        return {name: getattr(self, name) for name in _FIELDS}


def prepare_organisation(session: Session, organisation: Organisation) -> None:
    """Give a new organisation what it cannot work without: payment terms and number series. Harmless if repeated."""
    names = set(session.scalars(select(PaymentTerm.name).where(PaymentTerm.organisation_id == organisation.id)))
    if not names:
        for name, kind, days in _TERMS:
            first = kind is TermKind.ON_RECEIPT
            session.add(
                PaymentTerm(organisation_id=organisation.id, name=name, kind=str(kind), days=days, is_default=first)
            )
    begun = set(session.scalars(select(NumberSeries.kind).where(NumberSeries.organisation_id == organisation.id)))
    for series, prefix in numbering.PREFIXES.items():
        if series not in begun:
            session.add(NumberSeries(organisation_id=organisation.id, kind=str(series), prefix=prefix))
    session.flush()


def edit_profile(session: Session, organisation: Organisation, draft: ProfileDraft, *, actor: Actor) -> None:
    """Change an organisation's profile; raises Invalid by field.

    The base currency is fixed once there are transactions, since their amounts are kept in it.
    """
    values = {name: value.strip() for name, value in draft.values().items()}
    _check(session, organisation, values)
    changes = differences(organisation, values)
    if changes:
        apply(organisation, changes)
        journal.record(session, ENTITY, organisation.id, action="updated", actor=actor, changes=changes)


def has_books(session: Session) -> bool:
    """Whether anything is kept in the base currency already."""
    found = (session.scalar(select(each.id).limit(1)) for each in (Transaction, Payment))
    return any(each is not None for each in found)


def _check(session: Session, organisation: Organisation, values: Mapping[str, str]) -> None:
    wrong = {}
    if not values["name"]:
        wrong["name"] = "Enter the organisation's name."
    if not is_currency(values["base_currency"]):
        wrong["base_currency"] = "Choose a currency."
    elif values["base_currency"] != organisation.base_currency and has_books(session):
        wrong["base_currency"] = "The base currency cannot change any more: there are transactions in it."
    if values["time_zone"] not in available_timezones():
        wrong["time_zone"] = "Choose a time zone."
    if values["tax_rounding"] not in set(TaxRounding):
        wrong["tax_rounding"] = "Choose where tax is rounded."
    if wrong:
        raise Invalid(" ".join(wrong.values()), wrong)
    ensure_fits(Organisation, values)
