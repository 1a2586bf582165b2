"""Fields that an organisation adds to its records.

Their values stand in the record's `custom` under the field's key (see custom_values). A field that is no
longer wanted is deactivated: pages and the mapping stop offering it, values stay.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from zbweb.billing import custom_values, journal
from zbweb.billing.changes import CUSTOM, apply, differences
from zbweb.billing.journal import Actor
from zbweb.billing.models import CustomField
from zbweb.billing.naming import name_key
from zbweb.billing.words import CustomFieldType
from zbweb.db import organisation_of
from zbweb.errors import Invalid, NotFound

ENTITIES = {"customer": "Customers", "contact_person": "Contact Persons"}
"""The records that can be given fields, in the words of the page."""

TYPE_LABELS = {
    CustomFieldType.TEXT: "Text",
    CustomFieldType.LONG_TEXT: "Long Text",
    CustomFieldType.NUMBER: "Number",
    CustomFieldType.DECIMAL: "Decimal",
    CustomFieldType.DATE: "Date",
    CustomFieldType.BOOLEAN: "Check Box",
    CustomFieldType.CHOICE: "Drop-down",
    CustomFieldType.EMAIL: "Email",
    CustomFieldType.PHONE: "Phone",
    CustomFieldType.URL: "URL",
}


@dataclass(frozen=True, slots=True)
class FieldDraft:
    """A custom field as typed; `choices` matter for drop-downs only."""

    label: str
    type: str = CustomFieldType.TEXT
    choices: tuple[str, ...] = ()
    entity: str = "customer"


def active(session: Session, entity: str = "customer") -> list[CustomField]:
    """The fields that pages and the mapping offer, in their order."""
    statement = select(CustomField).where(CustomField.entity == entity, CustomField.active)
    return list(session.scalars(statement.order_by(CustomField.position, CustomField.id)))


def offered(session: Session) -> dict[str, list[CustomField]]:
    """The same for every kind of record, in one query."""
    statement = select(CustomField).where(CustomField.active).order_by(CustomField.position, CustomField.id)
    found: dict[str, list[CustomField]] = {entity: [] for entity in ENTITIES}
    for field in session.scalars(statement):
        found[field.entity].append(field)
    return found


def every(session: Session) -> list[CustomField]:
    """Every field, those in use first, in their order."""
    order = (CustomField.entity.desc(), CustomField.active.desc(), CustomField.position, CustomField.id)
    return list(session.scalars(select(CustomField).order_by(*order)))


def find(session: Session, field_id: int) -> CustomField:
    """One field; raises NotFound."""
    field = session.scalar(select(CustomField).where(CustomField.id == field_id))
    if field is None:
        raise NotFound("There is no such custom field. It may belong to another organisation.")
    return field


def create(session: Session, draft: FieldDraft, *, actor: Actor) -> CustomField:
    """A new field with a key made from its label; raises Invalid by field."""
    label, choices = _checked_draft(session, draft, besides=None)
    last = session.scalar(select(func.max(CustomField.position)).where(CustomField.entity == draft.entity)) or 0
    field = CustomField(
        organisation_id=organisation_of(session), entity=draft.entity, label=label, type=draft.type,
        key=_free_key(session, draft.entity, label), choices=choices, position=last + 1,
    )  # fmt: skip
    session.add(field)
    session.flush()  # the journal needs its id
    journal.record(session, "custom_field", field.id, action="created", actor=actor, changes={"label": ("", label)})
    return field


def edit(session: Session, field: CustomField, draft: FieldDraft, *, actor: Actor) -> None:
    """Change label and choices. Type and key stay, since values of the old type are there already."""
    label, choices = _checked_draft(session, draft, besides=field)
    changes = differences(field, {"label": label, "choices": choices})
    if changes:
        apply(field, changes)
        journal.record(session, "custom_field", field.id, action="updated", actor=actor, changes=changes)


def set_active(session: Session, field: CustomField, *, active: bool, actor: Actor) -> None:
    """Offer the field, or stop offering it; its values stay either way."""
    if field.active != active:
        field.active = active
        action = "marked_active" if active else "marked_inactive"
        journal.record(session, "custom_field", field.id, action=action, actor=actor, changes={})


def checked(session: Session, entity: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with each `custom.<key>` as it is stored (None: no value); raises Invalid by field."""
    given = {name for name in values if name.startswith(CUSTOM)}
    if not given:
        return dict(values)
    fields = {CUSTOM + each.key: each for each in session.scalars(select(CustomField).where(_of(entity)))}
    result, wrong = dict(values), {}
    for name in given:
        try:
            result[name] = custom_values.parse(fields[name], values[name])
        except KeyError:
            wrong[name] = "There is no such custom field."
        except Invalid as refusal:
            wrong[name] = refusal.message
    if wrong:
        raise Invalid("A custom field cannot hold that value. " + " ".join(wrong.values()), wrong)
    return result


def _of(entity: str) -> ColumnElement[bool]:
    return CustomField.entity == entity


def _checked_draft(session: Session, draft: FieldDraft, *, besides: CustomField | None) -> tuple[str, list[str]]:
    label = draft.label.strip()
    choices = list(dict.fromkeys(choice.strip() for choice in draft.choices if choice.strip()))
    wrong = {}
    if not label:
        wrong["label"] = "Enter a label."
    elif _label_taken(session, draft.entity, label, besides):
        wrong["label"] = f"There is a field “{label}” already. Choose another label."
    if draft.type not in set(CustomFieldType):
        wrong["type"] = "Choose a type."
    if draft.type == CustomFieldType.CHOICE and not choices:
        wrong["choices"] = "A drop-down needs choices, one a line."
    if wrong:
        raise Invalid(" ".join(wrong.values()), wrong)
    return label, choices


def _label_taken(session: Session, entity: str, label: str, besides: CustomField | None) -> bool:
    others = session.scalars(select(CustomField).where(_of(entity)))
    return any(other is not besides and name_key(other.label) == name_key(label) for other in others)


def _free_key(session: Session, entity: str, label: str) -> str:
    stem = "cf_" + (re.sub(r"[^a-z0-9]+", "_", name_key(label)).strip("_")[:48] or "field")
    taken = set(session.scalars(select(CustomField.key).where(_of(entity))))
    names = (stem if count == 1 else f"{stem}_{count}" for count in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
