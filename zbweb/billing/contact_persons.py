"""The people to talk to at a customer: added, edited and removed one by one, or as the rows of a form.

Each change is journalled for the person, and so reaches the CRM as a contact of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.orm import Session

from zbweb.billing import custom_fields, journal, removal
from zbweb.billing.changes import Changes, apply, differences, ensure_fits, jsonable
from zbweb.billing.journal import Actor
from zbweb.billing.models import ContactPerson, Customer
from zbweb.clock import now
from zbweb.errors import Invalid

ENTITY = "contact_person"
FIELDS = (
    "salutation", "first_name", "last_name", "email", "phone", "mobile", "designation", "department", "primary",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PersonDraft:
    """A contact person as typed. `id` names the row that is edited; none makes a new one."""

    id: int | None = None
    salutation: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    mobile: str = ""
    designation: str = ""
    department: str = ""
    primary: bool = False
    custom: Mapping[str, Any] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Column → value, custom fields as `custom.<key>`."""
        columns = {name: getattr(self, name) for name in FIELDS}
        return columns | {f"custom.{key}": value for key, value in self.custom.items()}

    @property
    def name(self) -> str:
        """What to call the person: the name, else the e-mail address."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.email


def add(session: Session, customer: Customer, draft: PersonDraft, *, actor: Actor) -> ContactPerson:
    """A new person at `customer`; raises Invalid when neither a name nor an e-mail address is given."""
    if not draft.name:
        raise Invalid("A contact person needs a name or an e-mail address.", {"first_name": "Enter a name."})
    person = ContactPerson(organisation_id=customer.organisation_id, custom={})
    apply(person, differences(person, _checked(session, draft.values())))
    customer.contact_persons.append(person)
    session.flush()  # the journal needs its id
    journal.record(session, ENTITY, person.id, action="created", actor=actor, changes={"name": ("", draft.name)})
    return person


def change(session: Session, person: ContactPerson, *, values: Mapping[str, Any], actor: Actor) -> Changes:
    """Give a person new values by column (`custom.<key>` for custom fields); answers what really changed."""
    changes = differences(person, _checked(session, values))
    if changes:
        apply(person, changes)
        person.version += 1
        person.updated_at = now()
        journal.record(session, ENTITY, person.id, action="updated", actor=actor, changes=jsonable(changes))
    return changes


def remove(session: Session, person: ContactPerson, *, actor: Actor) -> None:
    """Delete a person; the customer's journal keeps the name."""
    customer, name = person.customer, person.full_name or person.email
    journal.record(session, ENTITY, person.id, action="deleted", actor=actor, changes={"name": (name, "")})
    journal.record(
        session, "customer", customer.id, action="person_removed", actor=actor, changes={"contact_person": (name, "")}
    )
    removal.announce(session, ENTITY, person.id)
    customer.contact_persons.remove(person)
    session.flush()


def replace_all(session: Session, customer: Customer, drafts: Sequence[PersonDraft], *, actor: Actor) -> bool:
    """Make the customer's persons those of `drafts`, one of them primary; answers whether anything changed."""
    present = {person.id: person for person in customer.contact_persons}
    gone = present.keys() - {draft.id for draft in drafts}
    for person_id in sorted(gone):
        remove(session, present[person_id], actor=actor)
    changed = bool(gone)
    for draft in with_one_primary(drafts):
        known = present.get(draft.id) if draft.id else None
        if known is None:
            add(session, customer, draft, actor=actor)
            changed = True
        elif change(session, known, values=draft.values(), actor=actor):
            changed = True
    return changed


def with_one_primary(drafts: Sequence[PersonDraft]) -> list[PersonDraft]:
    """The first that says it is primary is; if none does, the first of all."""
    chosen = next((place for place, draft in enumerate(drafts) if draft.primary), 0)
    return [replace(draft, primary=place == chosen) for place, draft in enumerate(drafts)]


def _checked(session: Session, values: Mapping[str, Any]) -> dict[str, Any]:
    trimmed = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
    ensure_fits(ContactPerson, trimmed)
    return custom_fields.checked(session, ENTITY, trimmed)
