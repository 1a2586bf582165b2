"""The journal as people read it: who did what, where it came from, and each field's old and new value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing.changes import CUSTOM
from zbweb.billing.models import Customer, CustomField, JournalEntry
from zbweb.billing.words import Origin

LABELS = {
    "type": "Customer Type", "display_name": "Customer Display Name", "company_name": "Company Name",
    "salutation": "Salutation", "first_name": "First Name", "last_name": "Last Name", "email": "Email",
    "phone": "Phone", "mobile": "Mobile", "fax": "Fax", "website": "Website", "currency": "Currency",
    "payment_term": "Payment Terms", "notes": "Notes", "designation": "Designation", "department": "Department",
    "primary": "Primary", "name": "Name", "sku": "SKU", "rate": "Rate", "unit": "Unit", "tax": "Tax",
    "description": "Description",
} | {
    f"{kind}_{part}": f"{kind.capitalize()} {label}"
    for kind in ("billing", "shipping")
    for part, label in (
        ("street", "Street"), ("city", "City"), ("state", "State"), ("code", "ZIP Code"), ("country", "Country"),
    )
}  # fmt: skip
"""Every journalled field by the label that forms give it."""

_SENTENCES = {
    ("customer", "created"): "created the customer",
    ("customer", "updated"): "changed {fields}",
    ("customer", "deleted"): "deleted the customer",
    ("customer", "restored"): "restored the customer",
    ("customer", "marked_inactive"): "marked the customer as inactive",
    ("customer", "marked_active"): "marked the customer as active",
    ("customer", "merged"): "merged {old} into this customer",
    ("customer", "person_removed"): "removed the contact person {old}",
    ("customer_link", "linked"): "linked the customer to {new} in Zoho CRM",
    ("customer_link", "unlinked"): "unlinked the customer from {old} in Zoho CRM",
    ("contact_person", "created"): "added the contact person {person}",
    ("contact_person", "updated"): "changed {fields} of the contact person {person}",
    ("item_link", "unlinked"): "unlinked the item from {old} in Zoho CRM",
    ("item", "created"): "created the item",
    ("item", "updated"): "changed {fields}",
    ("item", "marked_inactive"): "marked the item as inactive",
    ("item", "marked_active"): "marked the item as active",
}
_WITHOUT_DIFF = frozenset(
    {"created", "deleted", "marked_inactive", "marked_active", "linked", "unlinked", "person_removed"}
)
_ORIGINS = {Origin.CRM: "Zoho CRM sync", Origin.AUTOMATION: "Automation", Origin.SYSTEM: "System"}
_FOLD_FROM = 3


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field's old and new value, in words."""

    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Activity:
    """One line of the activity: `who` and `sentence` read as one; `origin` is empty for what a person did."""

    id: int
    at: datetime
    who: str
    sentence: str
    origin: str
    changes: tuple[FieldChange, ...]


def of_customer(session: Session, customer: Customer, *, limit: int = 50, before: int | None = None) -> list[Activity]:
    """What happened to a customer, its link and its contact persons, newest first; older than entry `before`."""
    people = {person.id: person.full_name or person.email for person in customer.contact_persons}
    entries = [
        *_entries(session, ("customer", "customer_link"), [customer.id], limit, before),
        *(_entries(session, ("contact_person",), list(people), limit, before) if people else ()),
    ]
    newest = sorted(entries, key=lambda entry: entry.id, reverse=True)[:limit]
    labels = _labels(session, newest)
    return [_told(entry, labels, people) for entry in newest]


def of_item(session: Session, item_id: int, *, limit: int = 50) -> list[Activity]:
    """What happened to an item, newest first."""
    return [_told(entry, LABELS, {}) for entry in _entries(session, ("item", "item_link"), [item_id], limit, None)]


def _entries(
    session: Session, entities: Sequence[str], entity_ids: Sequence[int], limit: int, before: int | None
) -> Sequence[JournalEntry]:
    statement = select(JournalEntry).where(JournalEntry.entity.in_(entities), JournalEntry.entity_id.in_(entity_ids))
    if before is not None:
        statement = statement.where(JournalEntry.id < before)
    return session.scalars(statement.order_by(JournalEntry.id.desc()).limit(limit)).all()


def _labels(session: Session, entries: Sequence[JournalEntry]) -> Mapping[str, str]:
    """The labels of every field, custom ones included where these entries speak of any."""
    if not any(name.startswith(CUSTOM) for entry in entries for name in entry.changes):
        return LABELS
    fields = session.execute(select(CustomField.key, CustomField.label))
    return LABELS | {CUSTOM + key: label for key, label in fields}


def _told(entry: JournalEntry, labels: Mapping[str, str], people: Mapping[int, str]) -> Activity:
    changes = tuple(
        FieldChange(labels.get(name, _title(name)), _in_words(old), _in_words(new))
        for name, (old, new) in entry.changes.items()
    )
    pattern = _SENTENCES.get((entry.entity, entry.action), entry.action.replace("_", " "))
    first = changes[0] if changes else FieldChange("", "", "")
    sentence = pattern.format(
        fields=_fields(changes), old=first.old, new=first.new, person=people.get(entry.entity_id, first.new)
    )
    return Activity(
        id=entry.id,
        at=entry.at,
        who=entry.actor_name or "Somebody",
        sentence=sentence,
        origin=_ORIGINS.get(Origin(entry.origin), ""),
        changes=() if entry.action in _WITHOUT_DIFF else changes,
    )


def _fields(changes: Sequence[FieldChange]) -> str:
    names = [change.label for change in changes]
    if len(names) > _FOLD_FROM:
        return f"{len(names)} fields"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:]))) or "nothing"


def _title(name: str) -> str:
    return name.removeprefix(CUSTOM).replace("_", " ").title()


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return "" if value is None else str(value)
