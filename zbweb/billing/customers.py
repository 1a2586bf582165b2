"""Customers: every write of one goes through here, whoever asks: a page, the sync, an automation.

Each function compares before it writes, so that nothing is journalled (and nothing pushed to the CRM)
when nothing changed. A customer with transactions cannot be deleted, only marked inactive.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from babel.numbers import is_currency
from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import books, contact_persons, custom_fields, journal, removal
from zbweb.billing.changes import Changes, apply, differences, ensure_current, ensure_fits, jsonable
from zbweb.billing.contact_persons import PersonDraft
from zbweb.billing.journal import Actor
from zbweb.billing.models import Customer, Organisation, Payment, PaymentTerm, Transaction
from zbweb.billing.recognition import note_keys
from zbweb.billing.words import CustomerType
from zbweb.clock import now
from zbweb.db import organisation_of
from zbweb.errors import AppError, Conflict, Invalid, NotFound

ENTITY = "customer"
FIELDS = (
    "type", "display_name", "company_name", "salutation", "first_name", "last_name", "email", "phone", "mobile",
    "fax", "website", "currency", "payment_term_id",
    "billing_street", "billing_city", "billing_state", "billing_code", "billing_country",
    "shipping_street", "shipping_city", "shipping_state", "shipping_code", "shipping_country", "notes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CustomerDraft:
    """A customer as typed. `custom` maps a custom field's key to its value; `persons` None leaves them alone."""

    type: str = CustomerType.BUSINESS
    display_name: str = ""
    company_name: str = ""
    salutation: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    mobile: str = ""
    fax: str = ""
    website: str = ""
    currency: str = ""
    payment_term_id: int | None = None
    billing_street: str = ""
    billing_city: str = ""
    billing_state: str = ""
    billing_code: str = ""
    billing_country: str = ""
    shipping_street: str = ""
    shipping_city: str = ""
    shipping_state: str = ""
    shipping_code: str = ""
    shipping_country: str = ""
    notes: str = ""
    custom: Mapping[str, Any] = field(default_factory=dict)
    persons: tuple[PersonDraft, ...] | None = None

    def values(self) -> dict[str, Any]:
        """Column → value, custom fields as `custom.<key>`, the display name suggested where it is empty."""
        columns = {name: getattr(self, name) for name in FIELDS}
        columns["display_name"] = self.display_name.strip() or suggest_display_name(self)
        return columns | {f"custom.{key}": value for key, value in self.custom.items()}


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """What a bulk action did: how many changed, how many were so already, and who was refused and why."""

    changed: int
    unchanged: int
    refused: tuple[tuple[str, str], ...]

    def reasons(self) -> dict[str, list[str]]:
        """Who was refused, by the reason."""
        found: dict[str, list[str]] = {}
        for name, why in self.refused:
            found.setdefault(why, []).append(name)
        return found


def suggest_display_name(draft: CustomerDraft) -> str:
    """A name for a customer whose display name was left empty: the company or the person, by type; else the e-mail."""
    company = draft.company_name.strip()
    person = " ".join(part for part in (draft.first_name.strip(), draft.last_name.strip()) if part)
    first, second = (person, company) if draft.type == CustomerType.INDIVIDUAL else (company, person)
    return first or second or draft.email.strip()


def find(session: Session, customer_id: int) -> Customer:
    """One customer; raises NotFound."""
    return _or_not_found(session.scalar(select(Customer).where(Customer.id == customer_id)))


def locked(session: Session, customer_id: int) -> Customer:
    """The customer as it stands now, locked until this unit of work ends; raises NotFound."""
    statement = select(Customer).where(Customer.id == customer_id).with_for_update(of=Customer)
    return _or_not_found(session.scalar(statement.execution_options(populate_existing=True)))


def create(session: Session, draft: CustomerDraft, *, actor: Actor) -> Customer:
    """A new customer with its contact persons; raises Invalid by field."""
    organisation_id = organisation_of(session)
    values = _checked(session, draft.values())
    customer = Customer(organisation_id=organisation_id, origin=actor.origin, custom={}, contact_persons=[])
    apply(customer, differences(customer, values))
    customer.currency = customer.currency or session.get_one(Organisation, organisation_id).base_currency
    note_keys(customer)
    session.add(customer)
    session.flush()  # the journal needs its id
    journal.record(
        session, ENTITY, customer.id, action="created", actor=actor,
        changes={"display_name": ("", customer.display_name)},
    )  # fmt: skip
    contact_persons.replace_all(session, customer, draft.persons or (), actor=actor)
    return customer


def edit(
    session: Session, customer: Customer, draft: CustomerDraft, *, actor: Actor, version: int | None = None
) -> bool:
    """Make the customer what the draft says; answers whether anything changed. Raises Stale, Invalid, Conflict.

    `version` is the one the editor saw. A change of contact persons counts as a change of the customer.
    """
    ensure_current(customer, version)
    changed = bool(change(session, customer, values=draft.values(), actor=actor))
    if draft.persons is None or not contact_persons.replace_all(session, customer, draft.persons, actor=actor):
        return changed
    if not changed:
        _touch(customer)
    return True


def change(session: Session, customer: Customer, *, values: Mapping[str, Any], actor: Actor) -> Changes:
    """Give a customer new values by column (`custom.<key>` for custom fields); answers what really changed."""
    checked = _checked(session, values)
    if "currency" in checked and checked["currency"] == books.currency_of(session, customer):
        checked["currency"] = customer.currency  # "" means the base currency, which forms spell out
    changes = differences(customer, checked)
    if not changes:
        return changes
    if "currency" in changes and has_transactions(session, customer):
        words = "The currency cannot change any more: there are transactions in it."
        raise Invalid(words, {"currency": words})
    told = in_words(session, changes)
    apply(customer, changes)
    note_keys(customer)
    _touch(customer)
    journal.record(session, ENTITY, customer.id, action="updated", actor=actor, changes=told)
    return changes


def set_active(session: Session, customer: Customer, *, active: bool, actor: Actor) -> bool:
    """Offer a customer for new transactions, or hide it from them; answers whether that is new."""
    if customer.active == active:
        return False
    customer.active = active
    _touch(customer)
    action = "marked_active" if active else "marked_inactive"
    journal.record(session, ENTITY, customer.id, action=action, actor=actor, changes={"active": (not active, active)})
    return True


def delete(session: Session, customer: Customer, *, actor: Actor) -> None:
    """Delete a customer and its contact persons; raises Conflict when there are transactions or payments."""
    if has_transactions(session, customer):
        raise Conflict(
            f"{customer.display_name} has transactions, so it cannot be deleted. Mark it as inactive instead: "
            "it disappears from new transactions, and its history stays."
        )
    for person in customer.contact_persons:
        removal.announce(session, contact_persons.ENTITY, person.id)
    removal.announce(session, ENTITY, customer.id)
    journal.record(
        session, ENTITY, customer.id, action="deleted", actor=actor,
        changes={"display_name": (customer.display_name, "")},
    )  # fmt: skip
    session.delete(customer)
    session.flush()


def bulk_update(session: Session, ids: Sequence[int], *, values: Mapping[str, Any], actor: Actor) -> BulkOutcome:
    """Give several customers the same values; those that cannot take them are named, the others are changed."""
    return _each(session, ids, lambda customer: bool(change(session, customer, values=values, actor=actor)))


def bulk_set_active(session: Session, ids: Sequence[int], *, active: bool, actor: Actor) -> BulkOutcome:
    """Mark several customers active or inactive."""
    return _each(session, ids, lambda customer: set_active(session, customer, active=active, actor=actor))


def has_transactions(session: Session, customer: Customer) -> bool:
    """Whether anything was ever billed to or paid by the customer."""
    documents = select(Transaction.id).where(Transaction.customer_id == customer.id).limit(1)
    payments = select(Payment.id).where(Payment.customer_id == customer.id).limit(1)
    return session.scalar(documents) is not None or session.scalar(payments) is not None


def namesakes(session: Session, customer: Customer) -> list[Customer]:
    """Other customers of the same display name, case, accents and spaces folded."""
    same = select(Customer).where(Customer.name_key == customer.name_key, Customer.id != customer.id)
    return list(session.scalars(same.order_by(Customer.id).limit(5)))


def _each(session: Session, ids: Sequence[int], act: Callable[[Customer], bool]) -> BulkOutcome:
    statement = select(Customer).where(Customer.id.in_(ids)).order_by(Customer.id).with_for_update(of=Customer)
    changed, unchanged, refused = 0, 0, []
    for customer in session.scalars(statement.execution_options(populate_existing=True)):
        try:
            did = act(customer)
        except AppError as refusal:
            refused.append((customer.display_name, refusal.message))
        else:
            changed, unchanged = changed + did, unchanged + (not did)
    return BulkOutcome(changed, unchanged, tuple(refused))


def _checked(session: Session, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values trimmed and fit to be stored; raises Invalid with every faulty field."""
    trimmed = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
    wrong = {}
    if trimmed.get("display_name", "?") == "":
        wrong["display_name"] = "Enter a display name, or a company or person's name to make one from."
    if trimmed.get("type", CustomerType.BUSINESS) not in set(CustomerType):
        wrong["type"] = "Choose Business or Individual."
    if trimmed.get("currency") and not is_currency(trimmed["currency"]):
        wrong["currency"] = f"“{trimmed['currency']}” is not the code of a currency, such as USD."
    term_id = trimmed.get("payment_term_id")
    if term_id and _term_name(session, int(term_id)) is None:
        wrong["payment_term_id"] = "Those payment terms are not there any more. Choose others."
    if wrong:
        raise Invalid(" ".join(wrong.values()), wrong)
    ensure_fits(Customer, trimmed)
    return custom_fields.checked(session, ENTITY, trimmed)


def _term_name(session: Session, term_id: int | None) -> str | None:
    return session.scalar(select(PaymentTerm.name).where(PaymentTerm.id == term_id)) if term_id else None


def in_words(session: Session, changes: Changes) -> Changes:
    """Changes for the journal: payment terms by name, since they may be renamed or deleted."""
    told = dict(changes)
    if "payment_term_id" in told:
        old, new = told.pop("payment_term_id")
        told["payment_term"] = (_term_name(session, old), _term_name(session, new))
    return jsonable(told)


def _touch(customer: Customer) -> None:
    customer.version += 1
    customer.updated_at = now()


def _or_not_found(customer: Customer | None) -> Customer:
    if customer is None:
        raise NotFound("There is no such customer. It may have been deleted.")
    return customer
