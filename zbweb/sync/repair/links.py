"""Links as people see and mend them: which CRM record a local one is paired with, unlinking, linking by hand.

What the sync does with links it does in its own batches; here are the questions and orders of pages.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zbweb.billing import journal
from zbweb.billing.journal import Actor
from zbweb.billing.models import Customer, OutboxRow
from zbweb.billing.words import CustomerType
from zbweb.db import organisation_of
from zbweb.errors import Conflict, NotFound
from zbweb.sync import connection as connections
from zbweb.sync import runs
from zbweb.sync.core.words import Entity, Extent, LinkReason, LinkState, SyncedModule, Trigger
from zbweb.sync.errors import NotConnected
from zbweb.sync.models import Connection, Link, ReviewPair, SyncRun
from zbweb.sync.outbox import claims
from zbweb.sync.pairs import is_past, is_skipped, links_of, skipped_twins
from zbweb.sync.pull import near

CRM_MODULE = {CustomerType.BUSINESS: "Accounts", CustomerType.INDIVIDUAL: "Contacts"}
"""Which CRM module a customer of each type is paired with."""
_CRM_ID = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class LinkView:
    """What a page tells of a link. `waiting`: the CRM has not seen the latest changes; `problem`: why it could not."""

    link: Link
    connection: Connection
    waiting: bool
    problem: str

    @property
    def crm_name(self) -> str:
        """What people call the record in the CRM; its id as long as nobody has read its name."""
        return self.link.crm_name or self.link.crm_id

    @property
    def crm_module(self) -> str:
        """The CRM's name of the module."""
        return self.link.crm_module

    @property
    def synced_at(self) -> datetime:
        """When the two books last agreed about it."""
        return self.link.synced_at

    @property
    def can_ask(self) -> bool:
        """Whether the CRM may be asked, or told, now."""
        return self.connection.is_live


def crm_customer_ids_clause() -> ColumnElement[bool]:
    """For `where()` on customers: those that are paired with a CRM record."""
    return (
        select(Link.id)
        .where(
            Link.organisation_id == Customer.organisation_id,
            Link.entity == Entity.CUSTOMER,
            Link.entity_id == Customer.id,
            Link.state == LinkState.ACTIVE,
        )
        .exists()
    )


def linked_ids(session: Session, entity: Entity, ids: Sequence[int]) -> set[int]:
    """Which of these local records are paired with a CRM record."""
    statement = select(Link.entity_id).where(
        Link.entity == entity, Link.entity_id.in_(ids), Link.state == LinkState.ACTIVE
    )
    return set(session.scalars(statement))


def inspect(session: Session, entity: Entity, entity_id: int) -> LinkView | None:
    """The active link of a local record with its circumstances; None if it is not linked."""
    statement = (
        select(Link, Connection, OutboxRow)
        .join(Connection, Connection.id == Link.connection_id)
        .outerjoin(OutboxRow, (OutboxRow.entity == Link.entity) & (OutboxRow.entity_id == Link.entity_id))
        .where(Link.entity == entity, Link.entity_id == entity_id, Link.state == LinkState.ACTIVE)
        .order_by(Link.id.desc())
        .limit(1)
    )
    row = session.execute(statement).first()
    if row is None:
        return None
    link, live, waits = row
    return LinkView(link, live, waiting=waits is not None, problem=waits.error_message if waits is not None else "")


def why_none(session: Session, connection: Connection | None, customer_id: int) -> str:
    """Why a customer without a link has none, and what to do, as far as anything speaks against it; else ""."""
    if connection is None:
        return ""
    refused = select(OutboxRow.error_message).where(
        OutboxRow.entity == Entity.CUSTOMER, OutboxRow.entity_id == customer_id
    )
    is_undecided, is_twin, had_one, words = session.execute(
        select(
            exists().where(*near.waits(connection.id), ReviewPair.customer_id == customer_id),
            exists().where(*is_skipped(connection.id), Link.entity_id == customer_id),
            exists().where(*is_past(connection.id, Entity.CUSTOMER), Link.entity_id == customer_id),
            refused.scalar_subquery(),
        )
    ).one()
    if is_undecided:
        return (
            "It may be the same as a customer that came from Zoho CRM, so it was not added there. "
            "An admin can say so in the review list."
        )
    if is_twin:
        return (
            "Zoho CRM has a record of the same name, which was left apart as the setup says Skip. "
            "Choose Link to… to pair the two."
        )
    if had_one:
        return "Its record in Zoho CRM was deleted, merged or unlinked. Choose Link to…, or Push now to add it anew."
    return words and f"It could not be added to Zoho CRM. {words}"


def active_link(session: Session, entity: Entity, entity_id: int) -> Link:
    """The active link of a local record, locked; raises NotFound."""
    statement = select(Link).where(
        Link.entity == entity, Link.entity_id == entity_id, Link.state == LinkState.ACTIVE
    ).order_by(Link.id.desc()).limit(1).with_for_update(of=Link)  # fmt: skip
    link = session.scalar(statement.execution_options(populate_existing=True))
    if link is None:
        raise NotFound("This record is not linked to Zoho CRM any more. Reload the page to see how it stands.")
    return link


def push_now(session: Session, customer: Customer, *, actor: Actor) -> SyncRun:
    """Queue a sync that sends this customer and its persons alone, before the next whole one.

    Raises NotConnected, Paused or SetupIncomplete, and Conflict where customers are only fetched.
    """
    connection = connections.active_or_refuse(session)
    setup = runs.setup_of(session, connection.id, SyncedModule.CUSTOMERS)
    if setup is not None and setup.extent != Extent.BOTH:
        raise Conflict("Customers are only fetched from Zoho CRM. An administrator can change that in their setup.")
    if skipped_twins(session, connection.id, [customer.id]):
        raise Conflict(
            f"Zoho CRM has a record of the same name, which was left apart from {customer.display_name} as the setup "
            "says Skip. Choose Link to… to pair the two."
        )
    persons = [person.id for person in customer.contact_persons]
    local = {Entity.CUSTOMER: [customer.id], Entity.CONTACT_PERSON: persons}
    records: dict[str, list[str]] = {}  # read first, as in any sync: what changed there is not written over
    for entity, ids in local.items():
        for link in links_of(session, connection.id, entity, ids).values():
            records.setdefault(link.crm_module, []).append(link.crm_id)
    only = {"crm": records, "local": local}
    return runs.queue_run(session, connection, trigger=Trigger.INSTANT, actor_name=actor.name, only=only)


def unlink(session: Session, link: Link, *, actor: Actor) -> None:
    """Part the two records; both stay as they are, and the CRM's is not fetched again unless somebody asks."""
    link.end(LinkReason.UNLINKED)
    _tell(session, link, action="unlinked", actor=actor)


def link_to(
    session: Session, customer: Customer, crm_module: str, crm_id: str, *, actor: Actor, crm_name: str = ""
) -> Link:
    """Pair a customer with a CRM record by hand.

    Raises NotConnected, NotFound for what is no id of the CRM's (a link to one would spoil each later question about
    many), or Conflict when either is paired already or the module does not fit the customer's type. What the CRM
    says is merged in when the record is fetched, which is the caller's next step.
    """
    live = connections.active(session)
    if live is None or not live.is_live:
        raise NotConnected
    if not _CRM_ID.fullmatch(crm_id):
        raise NotFound("That is no record of Zoho CRM. Search for it again and choose it from the list.")
    _ensure_free(session, live, customer, crm_module, crm_id)
    _forget_past(session, live, customer, crm_module, crm_id)
    link = Link(
        organisation_id=organisation_of(session), connection_id=live.id, entity=Entity.CUSTOMER,
        entity_id=customer.id, crm_module=crm_module, crm_id=crm_id, crm_name=crm_name[:255],
        made_by="billing",
    )  # fmt: skip
    session.add(link)
    try:
        session.flush()
    except IntegrityError as error:  # somebody, or a run, linked one of the two a moment ago
        raise Conflict("One of the two was linked a moment ago. Reload the page to see how it stands.") from error
    claims.wake_documents(session, [customer.id])
    _tell(session, link, action="linked", actor=actor)
    return link


def archive_removed(session: Session, entity: str, entity_id: int) -> None:
    """A local record is being deleted: its link is kept as a memory, so that the sync does not fetch it again."""
    statement = select(Link).where(
        Link.entity == entity, Link.entity_id == entity_id,
        (Link.state == LinkState.ACTIVE) | Link.reason.in_((LinkReason.REPLACED, LinkReason.MERGED_HERE)),
    )  # fmt: skip
    for link in session.scalars(statement):
        link.end(LinkReason.DELETED_HERE)


def _tell(session: Session, link: Link, *, action: str, actor: Actor) -> None:
    """Journalled apart from the customer's own changes: an unlinking is not to be pushed to the CRM."""
    name = f"{link.crm_name or link.crm_id} ({link.crm_module})"
    pair = (name, "") if action == "unlinked" else ("", name)
    journal.record(
        session, f"{link.entity}_link", link.entity_id, action=action, actor=actor, changes={"crm_record": pair}
    )


def _ensure_free(session: Session, live: Connection, customer: Customer, crm_module: str, crm_id: str) -> None:
    if crm_module != CRM_MODULE[CustomerType(customer.type)]:
        fitting = CRM_MODULE[CustomerType(customer.type)]
        raise Conflict(f"A customer of this type is linked to a record of {fitting}. Choose one from there.")
    if inspect(session, Entity.CUSTOMER, customer.id) is not None:
        raise Conflict(f"{customer.display_name} is linked to a CRM record already. Unlink it first.")
    holder = _holder(session, live, crm_module, crm_id)
    if holder is not None:
        raise Conflict(f"That CRM record is linked to {holder}. Unlink it there first.")


def _forget_past(session: Session, live: Connection, customer: Customer, crm_module: str, crm_id: str) -> None:
    """Whoever links the two no longer wants them apart."""
    apart = select(Link).where(
        Link.connection_id == live.id, Link.entity == Entity.CUSTOMER, Link.entity_id == customer.id,
        Link.crm_module == crm_module, Link.crm_id == crm_id, Link.state == LinkState.APART,
    )  # fmt: skip
    for link in session.scalars(apart):
        session.delete(link)


def _holder(session: Session, live: Connection, crm_module: str, crm_id: str) -> str | None:
    """Who is linked to the CRM record now, in words."""
    statement = select(Link.entity, Customer.display_name).outerjoin(
        Customer, (Link.entity == Entity.CUSTOMER) & (Customer.id == Link.entity_id)
    ).where(
        Link.connection_id == live.id, Link.crm_module == crm_module, Link.crm_id == crm_id,
        Link.state == LinkState.ACTIVE,
    )  # fmt: skip
    row = session.execute(statement).first()
    if row is None:
        return None
    entity, name = row
    return f"the customer {name}" if entity == Entity.CUSTOMER else "a contact person of the customer of its account"
