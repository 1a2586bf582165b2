"""Configuring quotes, sales orders or invoices: saved choices, and whether what exists already is sent too."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zbweb.billing import journal
from zbweb.billing.journal import Actor, put_in_outbox
from zbweb.billing.models import Transaction
from zbweb.billing.words import Kind
from zbweb.clock import now
from zbweb.errors import Stale
from zbweb.sync import runs
from zbweb.sync.core.document_words import CRM_MODULES, UNSENT
from zbweb.sync.core.documents import Shape
from zbweb.sync.core.words import Entity, Extent, LinkState, Winner
from zbweb.sync.documents import shapes
from zbweb.sync.models import Connection, Link, ModuleSetup

SINCE = "since"
"""In the setup's watermarks: documents that people made in the CRM before this are left alone."""
_SAVED_MEANWHILE = "Somebody else saved this setup meanwhile. Open it again to see what it says now."


@dataclass(frozen=True, slots=True)
class Choices:
    """What the page asks. `with_existing` sends the documents that are here already."""

    enabled: bool
    extent: Extent
    winner: Winner
    fire_triggers: bool
    with_existing: bool
    version: int


@dataclass(frozen=True, slots=True)
class Sight:
    """What the CRM was found to have: the module's fields, and a clock that is ahead of ours by so much."""

    shape: Shape
    crm_ahead: timedelta


def save(
    session: Session, connection: Connection, kind: Kind, choices: Choices, *, sight: Sight, actor: Actor
) -> ModuleSetup:
    """Save a module's choices and what the CRM was found to have; documents are looked at from now on by its clock.

    `choices.version` is the one the page showed (0 before the first); raises Stale when somebody saved since.
    """
    setup = runs.setup_of(session, connection.id, kind, lock=True)
    if setup is None:
        setup = ModuleSetup(
            organisation_id=connection.organisation_id, connection_id=connection.id, module=kind, version=0,
            mappings={}, watermarks={},
        )  # fmt: skip
    if setup.version != choices.version:
        raise Stale(_SAVED_MEANWHILE)
    begins = choices.enabled and choices.extent is Extent.BOTH and not _is_two_way(setup)
    setup.enabled, setup.extent, setup.winner = choices.enabled, choices.extent, choices.winner
    setup.fire_triggers, setup.version = choices.fire_triggers, setup.version + 1
    setup.saved_at, setup.saved_by = now(), actor.name
    if begins:
        moment = (now() + sight.crm_ahead).isoformat()
        setup.watermarks = {SINCE: setup.watermarks.get(SINCE, moment), CRM_MODULES[kind]: moment}
    shapes.keep(setup, kind, sight.shape)
    session.add(setup)
    try:
        session.flush()  # the journal needs its id
    except IntegrityError as error:  # somebody else saved the first one at the same moment
        raise Stale(_SAVED_MEANWHILE) from error
    if choices.enabled and choices.with_existing:
        enrol(session, kind)
    journal.record(session, "module_setup", setup.id, action="saved", actor=actor)
    return setup


def _is_two_way(setup: ModuleSetup) -> bool:
    return setup.is_saved and setup.enabled and setup.extent == Extent.BOTH


def unsent(session: Session, connection: Connection, kind: Kind) -> int:
    """How many documents of this kind the CRM would be told of for the first time."""
    is_there = exists().where(
        Link.connection_id == connection.id,
        Link.entity == Entity.TRANSACTION,
        Link.entity_id == Transaction.id,
        Link.state == LinkState.ACTIVE,
    )
    statement = select(func.count(Transaction.id)).where(Transaction.kind == kind, _is_sendable(), ~is_there)
    return session.scalars(statement).one()


def enrol(session: Session, kind: Kind) -> None:
    """Have every document of this kind wait that may be sent; what the CRM knows already costs no call."""
    statement = select(Transaction.id).where(Transaction.kind == kind, _is_sendable()).order_by(Transaction.id)
    put_in_outbox(session, Entity.TRANSACTION, list(session.scalars(statement)))


def _is_sendable() -> ColumnElement[bool]:
    return Transaction.status.not_in(UNSENT)
