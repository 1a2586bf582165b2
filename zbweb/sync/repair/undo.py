"""Undoing a run: what it did here is taken back, as far as nothing was built on it. What it sent stays in the CRM.

All of it is one unit of work, and a run is undone once. Records that the run had added go, and are not fetched
again unless somebody asks; or, if that is the wish, the next sync fetches them as if for the first time.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, delete, insert, select, update
from sqlalchemy.orm import Session

from zbweb.billing import contact_persons, customers, journal
from zbweb.billing.journal import Actor
from zbweb.billing.models import ContactPerson, Customer, JournalEntry, PaymentTerm
from zbweb.clock import now
from zbweb.crm.port import CrmClient
from zbweb.db import UtcDateTime
from zbweb.errors import Invalid, NotFound
from zbweb.sync import holdings, runs
from zbweb.sync.core.undoing import Hindrance, Verb
from zbweb.sync.core.words import Entity, LinkReason, LinkState, Outcome, RunStatus, SyncedModule
from zbweb.sync.errors import CannotUndo
from zbweb.sync.holdings import KINDS, TABLE_OF
from zbweb.sync.models import Link, SyncEntry, SyncRun
from zbweb.sync.pull.settling import CHUNK, chunks
from zbweb.sync.repair.undo_plan import ADOPTIONS, Obstacle, Step, plan

SHOWN = 50
"""Records that the page names of each kind."""
Key = tuple[str, str]
"""A CRM record: its module and id."""


@dataclass(slots=True)
class Outlook:
    """What undoing would do: how many entries by verb, how many stay by reason, and the first of each."""

    steps: Counter[Verb] = field(default_factory=Counter)
    obstacles: Counter[Hindrance] = field(default_factory=Counter)
    first_steps: dict[Verb, list[Step]] = field(default_factory=dict)
    first_obstacles: dict[Hindrance, list[Obstacle]] = field(default_factory=dict)

    def add(self, each: Step | Obstacle) -> None:
        """Count an entry, and keep it if it is among the first of its kind."""
        if isinstance(each, Step):
            self.steps[each.verb] += 1
            if self.steps[each.verb] <= SHOWN:
                self.first_steps.setdefault(each.verb, []).append(each)
        else:
            self.obstacles[each.why] += 1
            if self.obstacles[each.why] <= SHOWN:
                self.first_obstacles.setdefault(each.why, []).append(each)


def outlook(session: Session, run: SyncRun) -> Outlook:
    """What undoing the run would do now. Raises CannotUndo when it cannot be undone at all."""
    _ensure_undoable(session, run)
    found = Outlook()
    for batch in plan(session, run):
        for each in batch:
            found.add(each)
    return found


def _ensure_undoable(session: Session, run: SyncRun) -> None:
    if run.undone_at is not None:
        raise CannotUndo("This sync has been undone already.")
    if run.module != SyncedModule.CUSTOMERS:
        raise CannotUndo("Only syncs of customers can be undone. Void or delete documents one by one.")
    if RunStatus(run.status).is_open:
        raise CannotUndo("This sync has not ended yet. Undo it when it has.")
    if runs.is_running(session, run.connection_id):
        raise CannotUndo("Another sync is going on. Undo this one when that has ended.")


def deleted_links(session: Session, run: SyncRun) -> list[Link]:
    """The links that ended when the run deleted their records here, contact persons' included."""
    wanted: dict[Entity, set[int]] = {Entity.CUSTOMER: set(), Entity.CONTACT_PERSON: set()}
    statement = select(SyncEntry).where(SyncEntry.run_id == run.id, SyncEntry.outcome == Outcome.DELETED)
    for entry in session.scalars(statement):
        if entry.before.get("record") and entry.entity_id is not None:
            wanted[Entity(entry.entity)].add(entry.entity_id)
            wanted[Entity.CONTACT_PERSON].update(person["id"] for person in entry.before.get("persons", ()))
    return [
        link
        for entity, ids in wanted.items()
        for chunk in chunks(ids, CHUNK)
        for link in _ended_links(session, run.connection_id, entity, chunk)
    ]


def _ended_links(session: Session, connection_id: int, entity: Entity, ids: Collection[int]) -> Sequence[Link]:
    statement = select(Link).where(
        Link.connection_id == connection_id, Link.entity == entity, Link.entity_id.in_(ids),
        Link.state == LinkState.ARCHIVED, Link.reason == LinkReason.DELETED_IN_CRM,
    )  # fmt: skip
    return session.scalars(statement).all()


def back_in_crm(client: CrmClient, links: Sequence[Link]) -> set[Key]:
    """Those of the links' CRM records that are there again, restored from the recycle bin; raises CrmError."""
    back: set[Key] = set()
    for module in sorted({link.crm_module for link in links}):
        for chunk in chunks((link.crm_id for link in links if link.crm_module == module), CHUNK):
            back.update((module, str(each["id"])) for each in client.get_many(module, chunk, ["Modified_Time"]))
    return back


@dataclass(frozen=True, slots=True)
class _Undoing:
    """One undo under way. `back`: CRM records that are there again; `reason`: what links that end are told."""

    session: Session
    run: SyncRun
    actor: Actor
    back: Collection[Key]
    reason: str


def undo(
    session: Session, run_id: int, *, actor: Actor, back: Collection[Key] = (), fetch_again: bool = False
) -> Counter[Verb]:
    """Take a run back, as far as its outlook says; returns how many entries were, by verb.

    `back` names the CRM records that are there again (`back_in_crm`): their links live again. With `fetch_again`
    the next sync reads everything and fetches what was removed here. Raises NotFound and CannotUndo.
    """
    run = session.get(SyncRun, run_id, with_for_update=True, populate_existing=True)
    if run is None:
        raise NotFound("There is no such sync. Its history may belong to another organisation.")
    _ensure_undoable(session, run)
    work = _Undoing(session, run, actor, frozenset(back), LinkReason.GIVEN_BACK if fetch_again else LinkReason.UNDONE)
    done: Counter[Verb] = Counter()
    for batch in plan(session, run, lock=True):
        steps = [each for each in batch if isinstance(each, Step)]
        done.update(_carry_out(work, steps))
        session.flush()
    run.undone_at = now()
    if fetch_again:
        _read_all_again(session, run)
    journal.record(session, "sync_run", run.id, action="undone", actor=actor)
    return done


def _carry_out(work: _Undoing, steps: Sequence[Step]) -> Iterator[Verb]:
    for entity in (Entity.CONTACT_PERSON, Entity.CUSTOMER):
        removed = [step for step in steps if step.verb is Verb.REMOVE and step.entry.entity == entity]
        _remove(work, entity, removed)
        yield from (step.verb for step in removed)
    one_by_one = {Verb.RESTORE: _restore, Verb.RECREATE: _recreate, Verb.ACTIVATE: _activate}
    for step in steps:
        if step.verb is not Verb.REMOVE and one_by_one[step.verb](work, step):
            yield step.verb


def _read_all_again(session: Session, run: SyncRun) -> None:
    setup = runs.setup_of(session, run.connection_id, run.module)
    if setup is not None:
        setup.watermarks = {}


# --- what the run added -----------------------------------------------------------------------------


def _remove(work: _Undoing, entity: Entity, steps: Sequence[Step]) -> None:
    """Remove what the run added, in whole batches; contact persons go with their customers."""
    if not steps:
        return
    ids = [step.entry.entity_id for step in steps if step.entry.entity_id is not None]
    _end_links(work, entity, ids)
    if entity is Entity.CUSTOMER:
        persons = select(ContactPerson.id).where(ContactPerson.customer_id.in_(ids))
        _end_links(work, Entity.CONTACT_PERSON, list(work.session.scalars(persons)))
    model = KINDS[TABLE_OF[entity]].model
    work.session.execute(delete(model).where(model.id.in_(ids)).execution_options(synchronize_session=False))
    work.session.execute(insert(JournalEntry.__table__), [_deleted(work, step) for step in steps])  # type: ignore[arg-type]


def _deleted(work: _Undoing, step: Step) -> dict[str, Any]:
    """A journal line; it stays out of the outbox, since the CRM's record is to be left alone."""
    name = "display_name" if step.entry.entity == Entity.CUSTOMER else "name"
    return {
        "organisation_id": work.run.organisation_id,
        "at": now(),
        "entity": step.entry.entity,
        "entity_id": step.entry.entity_id,
        "action": "deleted",
        "origin": work.actor.origin,
        "actor_id": work.actor.user_id,
        "actor_name": work.actor.name,
        "changes": {name: [step.entry.name, ""]},
    }


def _end_links(work: _Undoing, entity: str, ids: Sequence[int]) -> None:
    statement = (
        update(Link)
        .where(
            Link.connection_id == work.run.connection_id,
            Link.entity == entity,
            Link.entity_id.in_(ids),
            Link.state == LinkState.ACTIVE,
        )
        .values(state=LinkState.ARCHIVED, reason=work.reason, synced_at=now())
        .execution_options(synchronize_session=False)
    )
    work.session.execute(statement)


# --- what it changed --------------------------------------------------------------------------------


def _restore(work: _Undoing, step: Step) -> bool:
    """Put the former values back; a pair that the run made is parted. False when a value is no longer accepted."""
    entity, entity_id = Entity(step.entry.entity), step.entry.entity_id or 0
    values = {name: former for name, (_, former) in step.fields.items()}
    holding = holdings.load(work.session, KINDS[TABLE_OF[entity]], [entity_id])[entity_id]
    try:
        if isinstance(holding, Customer):
            customers.change(work.session, holding, values=values, actor=work.actor)
        else:
            contact_persons.change(work.session, holding, values=values, actor=work.actor)
    except Invalid:
        return False
    if step.entry.reason in ADOPTIONS:
        _end_links(work, entity, [entity_id])
    return True


def _activate(work: _Undoing, step: Step) -> bool:
    customer = customers.locked(work.session, step.entry.entity_id or 0)
    return customers.set_active(work.session, customer, active=True, actor=work.actor)


# --- what it deleted --------------------------------------------------------------------------------


def _recreate(work: _Undoing, step: Step) -> bool:
    """Bring a record back as it was, with its contact persons, under its own number if that is still free."""
    images: Mapping[str, Any] = step.entry.before
    record = _from_image(work.session, KINDS[TABLE_OF[Entity(step.entry.entity)]].model, images["record"])
    work.session.add(record)
    work.session.flush()  # the persons and the journal need its number
    journal.record(work.session, step.entry.entity, record.id, action="restored", actor=work.actor)
    _revive_link(work, step.entry.entity, step.entry.entity_id or 0, record.id)
    for image in images.get("persons", ()):
        person = _from_image(work.session, ContactPerson, image)
        person.customer_id = record.id
        work.session.add(person)
        work.session.flush()
        _revive_link(work, Entity.CONTACT_PERSON, image["id"], person.id)
    return True


def _from_image(session: Session, model: type[Any], image: Mapping[str, Any]) -> Any:
    """A row of an image; the database's own columns are its business, and a number that is taken is given anew."""
    columns = {column.key: column for column in model.__table__.columns if column.computed is None}
    values = {key: _python(columns[key], value) for key, value in image.items() if key in columns}
    if session.get(model, values["id"]) is not None:
        del values["id"]
    term_id = values.get("payment_term_id")
    if term_id is not None and session.get(PaymentTerm, term_id) is None:
        values["payment_term_id"] = None
    return model(**values)


def _python(column: Column[Any], value: Any) -> Any:
    """A value of the image as its column wants it: times travel as text."""
    is_time = isinstance(column.type, UtcDateTime) and isinstance(value, str)
    return datetime.fromisoformat(value) if is_time else value


def _revive_link(work: _Undoing, entity: str, old_id: int, new_id: int) -> None:
    """Where the CRM has the record again and nobody else took it, the two are paired as before."""
    ended = _ended_links(work.session, work.run.connection_id, Entity(entity), [old_id])
    link = max(ended, key=lambda each: each.id, default=None)
    if link is None or (link.crm_module, link.crm_id) not in work.back or _is_taken(work.session, link):
        return
    link.state, link.reason, link.entity_id, link.synced_at = LinkState.ACTIVE, "", new_id, now()
    work.session.flush()


def _is_taken(session: Session, link: Link) -> bool:
    statement = select(Link.id).where(
        Link.connection_id == link.connection_id, Link.crm_module == link.crm_module, Link.crm_id == link.crm_id,
        Link.state == LinkState.ACTIVE,
    )  # fmt: skip
    return session.scalars(statement).first() is not None
