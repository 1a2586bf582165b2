"""The local side of the sync: how customers and contact persons are read, added and changed in batches.

One row per mapping table says what it becomes here. Values cross as plain dicts of mapped fields, so that
decisions need no rows. Nothing here decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from zbweb.billing.models import ContactPerson, Customer
from zbweb.billing.naming import name_key
from zbweb.billing.recognition import note_keys
from zbweb.billing.words import CustomerType, Origin
from zbweb.clock import now
from zbweb.db import insert_rows, reserve_ids
from zbweb.sync.core.fields import CUSTOM_PREFIX, Table
from zbweb.sync.core.fieldtypes import Value
from zbweb.sync.core.words import Entity, LinkState
from zbweb.sync.models import Link

Holding = Customer | ContactPerson


@dataclass(frozen=True, slots=True)
class Kind:
    """What a mapping table's records become here."""

    entity: Entity
    model: type[Customer] | type[ContactPerson]
    customer_type: CustomerType | None = None


KINDS: dict[Table, Kind] = {
    Table.ACCOUNT: Kind(Entity.CUSTOMER, Customer, CustomerType.BUSINESS),
    Table.CONTACT: Kind(Entity.CUSTOMER, Customer, CustomerType.INDIVIDUAL),
    Table.PERSON: Kind(Entity.CONTACT_PERSON, ContactPerson),
}
TABLE_OF = {Entity.CUSTOMER: Table.ACCOUNT, Entity.CONTACT_PERSON: Table.PERSON}
"""A mapping table for each kind of record, where whether it is an account or a contact does not matter."""

_ADDRESS_PARTS = ("street", "city", "state", "code", "country")
_NAME_PARTS = ("salutation", "first_name", "last_name", "email", "phone", "mobile")
_CUSTOMER_TEXTS = (
    *("company_name", *_NAME_PARTS, "fax", "website", "currency", "notes"),
    *(f"{kind}_{part}" for kind in ("billing", "shipping") for part in _ADDRESS_PARTS),
)
_CUSTOMER_DEFAULTS: dict[str, Any] = dict.fromkeys(_CUSTOMER_TEXTS, "") | {
    "payment_term_id": None,
    "active": True,
    "origin": Origin.CRM,
    "version": 1,
}
_PERSON_DEFAULTS: dict[str, Any] = dict.fromkeys((*_NAME_PARTS, "designation", "department"), "") | {"version": 1}


def load(session: Session, kind: Kind, ids: Iterable[int], *, lock: bool = True) -> dict[int, Holding]:
    """The local records by id, locked for the unit of work so that a person's edit is not lost under it."""
    wanted = list(ids)
    if not wanted:
        return {}
    if kind.model is Customer:
        customers = select(Customer).where(Customer.id.in_(wanted))
        return {each.id: each for each in session.scalars(_fresh(customers, lock=lock))}
    persons = select(ContactPerson).where(ContactPerson.id.in_(wanted))
    return {each.id: each for each in session.scalars(_fresh(persons, lock=lock))}


def present(session: Session, kind: Kind, ids: Sequence[int], *, lock: bool = True) -> set[int]:
    """Those of the local records that are here."""
    if not ids:
        return set()
    statement = select(kind.model.id).where(kind.model.id.in_(ids))
    return set(session.scalars(statement.with_for_update() if lock else statement))


def _fresh(statement: Select[Any], *, lock: bool) -> Select[Any]:
    statement = statement.execution_options(populate_existing=True)
    return statement.with_for_update() if lock else statement


def name_of(holding: Holding) -> str:
    """What people call the record here; the CRM's last name is made of it where there is no better one."""
    if isinstance(holding, Customer):
        return holding.display_name
    return holding.full_name or holding.email or holding.phone or holding.mobile or "?"


def values_of(holding: Holding, keys: Iterable[str]) -> dict[str, Value]:
    """The mapped values of a local record; a custom field it lacks is empty."""
    return {key: _value(holding, key) for key in keys}


def _value(holding: Holding, key: str) -> Value:
    if key.startswith(CUSTOM_PREFIX):
        value: Value = holding.custom.get(key.removeprefix(CUSTOM_PREFIX))
        return value
    attribute: Value = getattr(holding, key)
    return attribute


def change(holding: Holding, values: Mapping[str, Value]) -> None:
    """Set mapped values on a local record."""
    custom = dict(holding.custom)
    for key, value in values.items():
        if key.startswith(CUSTOM_PREFIX):
            custom[key.removeprefix(CUSTOM_PREFIX)] = value
        else:
            setattr(holding, key, value)
    if custom != holding.custom:
        holding.custom = custom
    if isinstance(holding, Customer):
        note_keys(holding)
    holding.version += 1
    holding.updated_at = now()


def add_customers(
    session: Session, organisation_id: int, customer_type: CustomerType, values: Sequence[Mapping[str, Value]]
) -> list[int]:
    """Insert customers in one statement; returns their ids in the order given."""
    moment = now()
    same = _CUSTOMER_DEFAULTS | {
        "organisation_id": organisation_id, "type": customer_type, "created_at": moment, "updated_at": moment,
    }  # fmt: skip
    rows = [same | _columns(each) | {"name_key": name_key(str(each["display_name"]))} for each in values]
    return _insert(session, Customer, rows)


def add_persons(session: Session, organisation_id: int, values: Sequence[tuple[int, Mapping[str, Value]]]) -> list[int]:
    """Insert contact persons of (customer id, values) in one statement; returns their ids in the order given.

    The first person of a customer is the primary one, as in the customer's own form.
    """
    same = _PERSON_DEFAULTS | {"organisation_id": organisation_id, "updated_at": now()}
    firsts = {customer_id: place for place, (customer_id, _) in reversed(list(enumerate(values)))}
    have_some = select(ContactPerson.customer_id).where(ContactPerson.customer_id.in_(firsts)).distinct()
    for customer_id in session.scalars(have_some):
        del firsts[customer_id]
    rows = [
        same | _columns(each) | {"customer_id": customer_id, "primary": firsts.get(customer_id) == place}
        for place, (customer_id, each) in enumerate(values)
    ]
    return _insert(session, ContactPerson, rows)


def unlinked_persons(session: Session, connection_id: int, customer_ids: Iterable[int]) -> list[ContactPerson]:
    """Contact persons of these customers that no CRM record is linked with."""
    linked = (
        select(Link.id)
        .where(
            Link.connection_id == connection_id,
            Link.entity == Entity.CONTACT_PERSON,
            Link.state == LinkState.ACTIVE,
            Link.entity_id == ContactPerson.id,
        )
        .exists()
    )
    return list(session.scalars(select(ContactPerson).where(ContactPerson.customer_id.in_(customer_ids), ~linked)))


def _columns(values: Mapping[str, Value]) -> dict[str, Any]:
    """Mapped values as a row's columns."""
    custom = [key for key in values if key.startswith(CUSTOM_PREFIX)]
    row: dict[str, Any] = {**values, "custom": {key.removeprefix(CUSTOM_PREFIX): values[key] for key in custom}}
    for key in custom:
        del row[key]
    return row


def _insert(session: Session, model: type[Customer] | type[ContactPerson], rows: list[dict[str, Any]]) -> list[int]:
    if not rows:
        return []
    ids = reserve_ids(session, model, len(rows))
    insert_rows(session, model, [row | {"id": id_} for row, id_ in zip(rows, ids, strict=True)])
    return ids
