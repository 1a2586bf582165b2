"""The wizard's use cases: five choices, kept as a draft while somebody makes them, saved together at the end.

The draft lies over the saved choices, so leaving the wizard loses nothing and runs go on with what was saved.
Saving checks the draft against what the CRM has at that moment (`offer.Sight`).
"""

import hashlib
import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb import config
from zbweb.billing import journal
from zbweb.billing.journal import Actor
from zbweb.billing.models import Customer
from zbweb.billing.naming import name_key
from zbweb.clock import now
from zbweb.crm.port import FieldMeta
from zbweb.db import organisation_of
from zbweb.errors import Invalid, Stale
from zbweb.sync import runs
from zbweb.sync.core import schedule
from zbweb.sync.core.fields import DEFAULTS, BillingField, Table, fields_for, tables_for
from zbweb.sync.core.fieldtypes import can_read, can_write
from zbweb.sync.core.words import Entity, Extent, LinkState, Policy, Scope, SyncedModule, Winner
from zbweb.sync.models import Connection, Link, ModuleSetup
from zbweb.sync.setup import remapping
from zbweb.sync.setup.mappings import custom_fields
from zbweb.sync.setup.offer import Sight

_OURS_TO_SET = frozenset({"ownerlookup", "userlookup", "lookup"})
"""CRM fields that the sync fills by itself: the owner, and the account of a contact."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The choices as the wizard shows them. `mappings`: table → billing field → CRM field ("" is not mapped).

    A view id of "" is every record.
    """

    scope: Scope
    include_loose: bool
    extent: Extent
    winner: Winner
    fire_triggers: bool
    policy: Policy
    account_view_id: str
    contact_view_id: str
    mappings: Mapping[str, Mapping[str, str]]
    version: int = 0
    is_begun: bool = False

    @property
    def stamp(self) -> str:
        """Stands for all of it: who saves says by it which choices were seen."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def tables(self) -> tuple[Table, ...]:
        """The mapping tables in use."""
        return tables_for(self.scope, include_loose=self.include_loose)

    def view_id(self, crm_module: str) -> str:
        """The chosen view of Accounts or Contacts."""
        return self.account_view_id if crm_module == "Accounts" else self.contact_view_id

    def mapping(self, table: Table, crm_fields: Container[str] | None = None) -> Mapping[str, str]:
        """Billing field → CRM field; fixed fields hold the defaults, and so do tables that nobody edited,
        as far as the CRM has them (`crm_fields`)."""
        defaults = DEFAULTS[table]
        fixed = {each.key: defaults[each.key] for each in fields_for(table) if each.fixed}
        chosen = self.mappings.get(table)
        if chosen is None:
            chosen = {key: crm for key, crm in defaults.items() if crm_fields is None or crm in crm_fields}
        return {**chosen, **fixed}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the draft cannot be saved: the wizard's step, the table and field at fault, and the sentence."""

    step: str
    table: str
    field: str
    message: str


def draft_of(setup: ModuleSetup | None) -> Draft:
    """What the wizard shows: the draft over the saved choices over the defaults."""
    setup = setup or _blank()
    values: dict[str, Any] = {
        "scope": setup.scope,
        "include_loose": setup.include_loose,
        "extent": setup.extent,
        "winner": setup.winner,
        "fire_triggers": setup.fire_triggers,
        "policy": setup.policy,
        "account_view_id": setup.account_view_id,
        "contact_view_id": setup.contact_view_id,
        "mappings": _by_field(setup.mappings),
    } | setup.draft
    return Draft(
        scope=Scope(values.pop("scope")),
        extent=Extent(values.pop("extent")),
        winner=Winner(values.pop("winner")),
        policy=Policy(values.pop("policy")),
        version=setup.version,
        is_begun=bool(setup.draft),
        **values,
    )


def _blank() -> ModuleSetup:
    return ModuleSetup(
        scope=Scope.ACCOUNTS, include_loose=False, extent=Extent.FETCH, winner=Winner.CRM, fire_triggers=False,
        policy=Policy.SKIP, account_view_id="", contact_view_id="", mappings={}, draft={}, version=0,
    )  # fmt: skip


def _by_field(mappings: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, dict[str, str]]:
    return {table: {row["field"]: row["crm"] for row in rows} for table, rows in mappings.items()}


def keep(session: Session, connection: Connection, changes: Mapping[str, Any]) -> Draft:
    """Keep what one step of the wizard was told; `changes` are fields of Draft."""
    setup = _setup(session, connection)
    setup.draft = {**setup.draft, **changes}
    return draft_of(setup)


def discard(session: Session, connection: Connection) -> None:
    """Forget what the wizard was told since the last save."""
    _setup(session, connection).draft = {}


def _setup(session: Session, connection: Connection) -> ModuleSetup:
    setup = runs.setup_of(session, connection.id, SyncedModule.CUSTOMERS, lock=True)
    if setup is None:
        setup = _blank()
        setup.organisation_id = organisation_of(session)
        setup.connection_id, setup.module = connection.id, SyncedModule.CUSTOMERS
        session.add(setup)
    return setup


def save(session: Session, connection: Connection, sight: Sight, *, seen: str, actor: Actor) -> ModuleSetup:
    """Save the draft as the setup that the next run works by.

    Raises Stale when the draft is no longer the one that was `seen` (its stamp), Invalid when it has faults.
    """
    runs.hold_running(session, connection.id)
    runs.hold_connection(session, connection.id)
    setup = _setup(session, connection)
    draft = draft_of(setup)
    if draft.stamp != seen:
        raise Stale("This setup was changed or saved meanwhile. Look through it once more before you save it.")
    found = faults(draft, sight, {table: billing_fields(session, table) for table in draft.tables})
    if found:
        raise Invalid(found[0].message, {f"{fault.table}-{fault.field}": fault.message for fault in found})
    before, mapped = _reading(setup), setup.mappings
    _apply(setup, draft, sight)
    if _reading(setup) != before:
        setup.watermarks = {}
    remapping.forget(session, connection.id, remapping.moved(mapped, setup.mappings))
    if setup.extent != Extent.BOTH:
        runs.dismiss_outgoing(session, connection, actor_name=actor.name)
    setup.version, setup.enabled, setup.draft = setup.version + 1, True, {}
    setup.saved_at, setup.saved_by = now(), actor.name
    connection.next_sync_at = schedule.next_slot(connection.next_sync_at, now(), config.current().auto_sync_minutes)
    session.flush()  # the journal needs the setup's id
    journal.record(session, "module_setup", setup.id, action="saved", actor=actor)
    return setup


def as_if_saved(setup: ModuleSetup | None, sight: Sight) -> ModuleSetup:
    """The setup as saving the draft would leave it. It belongs to no session, so nothing is saved."""
    present = setup or _blank()
    names = [column.key for column in ModuleSetup.__table__.columns if column.key != "id"]
    future = ModuleSetup(**{name: getattr(present, name) for name in names})
    _apply(future, draft_of(present), sight)
    if setup is None or _reading(future) != _reading(setup):
        future.watermarks = {}
    return future


def _reading(setup: ModuleSetup) -> tuple[Any, ...]:
    """What decides which CRM records are read and what they become: a change means reading all of them again."""
    views = (setup.account_view_id, setup.contact_view_id)
    return setup.scope, setup.include_loose, setup.policy, views, _by_field(setup.mappings)


def _apply(setup: ModuleSetup, draft: Draft, sight: Sight) -> None:
    for name in ("scope", "include_loose", "extent", "winner", "fire_triggers", "policy"):
        setattr(setup, name, getattr(draft, name))
    for prefix, crm_module in (("account", "Accounts"), ("contact", "Contacts")):
        view = next((each for each in sight.views.get(crm_module, ()) if each.id == draft.view_id(crm_module)), None)
        setattr(setup, f"{prefix}_view_id", view.id if view else "")
        setattr(setup, f"{prefix}_view_name", view.name if view else f"All {crm_module}")
        setattr(setup, f"{prefix}_view_all", view is None or view.shows_all)
    known = {name: {meta.api_name for meta in metas} for name, metas in sight.fields.items()}
    setup.mappings = {
        table: [
            {"field": key, "crm": crm} for key, crm in draft.mapping(table, known.get(table.crm_module)).items() if crm
        ]
        for table in Table
        if table in draft.tables or table in draft.mappings
    }


def billing_fields(session: Session, table: Table) -> tuple[BillingField, ...]:
    """The fields that can be mapped, the organisation's own ones last."""
    return fields_for(table, custom_fields(session))


def faults(draft: Draft, sight: Sight, fields: Mapping[Table, Sequence[BillingField]]) -> list[Fault]:
    """Everything that keeps the draft from being saved, in the order of the wizard."""
    found = []
    for crm_module in dict.fromkeys(table.crm_module for table in draft.tables):
        view_id = draft.view_id(crm_module)
        if view_id and view_id not in {view.id for view in sight.views.get(crm_module, ())}:
            name = f"{crm_module.removesuffix('s').lower()}_view"
            found.append(
                Fault(
                    "views",
                    "",
                    name,
                    f"The chosen view of {crm_module} no longer exists in Zoho CRM. Choose another one.",
                )
            )
    for table in draft.tables:
        found += mapping_faults(draft, table, fields[table], sight.fields.get(table.crm_module, ()))
    return found


def mapping_faults(
    draft: Draft, table: Table, fields: Sequence[BillingField], crm_fields: Iterable[FieldMeta]
) -> list[Fault]:
    """What is wrong with one table of Map Fields."""
    by_name = {each.api_name: each for each in crm_fields}
    mapping = draft.mapping(table, by_name)
    found = [
        Fault("fields", table, field.key, message)
        for field in fields
        if (message := _row_fault(field, mapping.get(field.key, ""), by_name))
    ]
    if draft.extent is Extent.BOTH:
        found += _rivals(table, fields, mapping, by_name)
        found += _unmet(table, fields, mapping, by_name)
    return found


def _rivals(
    table: Table, fields: Sequence[BillingField], mapping: Mapping[str, str], by_name: Mapping[str, FieldMeta]
) -> list[Fault]:
    """Fields that would be sent to the same CRM field, which can only hold one; a name's is the name's."""
    names = {mapping.get(field.key) for field in fields if field.fixed}
    first: dict[str, BillingField] = {}
    found = []
    for field in fields:
        crm = mapping.get(field.key, "")
        if crm not in by_name or crm in names:
            continue
        rival = first.setdefault(crm, field)
        if rival is not field:
            words = f"{by_name[crm].label} is mapped to {rival.label} already, and cannot take both."
            found.append(Fault("fields", table, field.key, f"{words} Choose another CRM field for {field.label}."))
    return found


def _row_fault(field: BillingField, crm: str, by_name: Mapping[str, FieldMeta]) -> str:
    if not crm:
        return f"{field.label} is required. Choose the CRM field it comes from." if field.required else ""
    meta = by_name.get(crm)
    if meta is None:
        return f"The CRM field {crm.replace('_', ' ')} is not there any more. Choose another one for {field.label}."
    if not can_read(field.type, meta.data_type):
        return f"{meta.label} ({meta.data_type}) does not fit {field.label}. Choose another CRM field."
    return ""


def _unmet(
    table: Table, fields: Sequence[BillingField], mapping: Mapping[str, str], by_name: Mapping[str, FieldMeta]
) -> list[Fault]:
    """CRM fields that a pushed record must fill and no billing field is mapped to."""
    written = {
        mapping.get(field.key)
        for field in fields
        if (meta := by_name.get(mapping.get(field.key, ""))) and can_write(field.type, meta.data_type)
    }
    return [
        Fault(
            "fields",
            table,
            meta.api_name,
            f"Zoho CRM demands {meta.label} in each record of {table.crm_module}. Map a field to it, or choose "
            "Fetch from CRM as the extent.",
        )
        for meta in by_name.values()
        if meta.required and meta.creatable and meta.data_type not in _OURS_TO_SET and meta.api_name not in written
    ]


def twins(session: Session, names: Iterable[str]) -> list[str]:
    """Of these CRM names, the customers here that have the same name and are linked to no CRM record."""
    keys = {name_key(name) for name in names} - {""}
    linked = select(Link.id).where(
        Link.entity == Entity.CUSTOMER, Link.entity_id == Customer.id, Link.state == LinkState.ACTIVE
    )
    statement = select(Customer.display_name).where(Customer.name_key.in_(keys), ~linked.exists())
    return list(session.scalars(statement.order_by(Customer.display_name)))
