"""One record, one routine: what a CRM record becomes here, for a page of a run as for a single pick.

gather → decide → apply → record. Accounts and contacts become customers (`bring_in`); the contacts of a
synced account become its contact persons (`bring_in_persons`). Both share the merge of what is linked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from zbweb.billing.naming import name_key
from zbweb.billing.words import CustomerType
from zbweb.clock import now
from zbweb.crm.port import Record
from zbweb.sync import holdings
from zbweb.sync.core.decide import Action, Decision, Past, Situation, decide
from zbweb.sync.core.fields import Table
from zbweb.sync.core.fieldtypes import Value, without_nul
from zbweb.sync.core.mapping import Row, to_local
from zbweb.sync.core.merge import Merge, merge
from zbweb.sync.core.outgoing import presented, unseen
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Direction, Entity, LinkReason, LinkState, Outcome
from zbweb.sync.desk import Desk, Fate
from zbweb.sync.holdings import KINDS, Holding
from zbweb.sync.models import Link
from zbweb.sync.pull import near
from zbweb.sync.pull.gather import Known, gather, gather_twins


@dataclass(frozen=True, slots=True)
class Incoming:
    """A CRM record that could be mapped: its id, its name, its time, and its billing values."""

    crm_id: str
    name: str
    modified_at: datetime | None
    values: Mapping[str, Value]
    account_id: str | None = None


def bring_in(desk: Desk, table: Table, records: Sequence[Record]) -> None:
    """Bring CRM records in as customers: accounts as Business, contacts as Individual."""
    known = gather(desk.session, desk.connection_id, table.crm_module, [str(record["id"]) for record in records])
    arrivals = arrivals_of(desk, table, records)
    linked = [each for each in arrivals if each.crm_id in known.links]
    merge_linked(desk, table, linked, known)
    fresh = [each for each in arrivals if each.crm_id not in known.links]
    gather_twins(desk.session, desk.connection_id, known, [each.name for each in fresh])
    _welcome(desk, table, fresh, known)
    desk.settled(table.crm_module, [each.crm_id for each in arrivals])
    desk.put_away()


def bring_in_persons(desk: Desk, records: Sequence[Record]) -> None:
    """Bring contacts in as contact persons of the customers that their accounts became."""
    ids = [str(record["id"]) for record in records]
    known = gather(desk.session, desk.connection_id, "Contacts", ids)
    arrivals = arrivals_of(desk, Table.PERSON, records)
    customers = _customers_of(desk, [each.account_id for each in arrivals if each.account_id])
    merge_linked(desk, Table.PERSON, [each for each in arrivals if each.crm_id in known.links], known)
    _move_persons(desk, arrivals, known, customers)
    _welcome_persons(desk, [each for each in arrivals if each.crm_id not in known.links], known, customers)
    desk.settled("Contacts", [each.crm_id for each in arrivals])
    desk.put_away()


def arrivals_of(desk: Desk, table: Table, records: Sequence[Record]) -> list[Incoming]:
    """The records' billing values; one that cannot be mapped is written down as failed, naming the field."""
    arrivals = []
    for record in records:
        crm_id, name = str(record["id"]), crm_name(record)
        values, issue = to_local(record, desk.mapping[table])
        if issue is not None:
            desk.fail(KINDS[table].entity, table.crm_module, crm_id, name, issue)
            continue
        account = record.get("Account_Name")
        account_id = str(account["id"]) if isinstance(account, dict) and account.get("id") else None
        arrivals.append(Incoming(crm_id, name, crm_time(record), values, account_id))
    return arrivals


def crm_name(record: Record) -> str:
    """What people call the record in the CRM."""
    account = record.get("Account_Name")
    own = account if isinstance(account, str) else None
    return without_nul(str(record.get("Full_Name") or own or record.get("Last_Name") or "")).strip()


def crm_time(record: Record) -> datetime | None:
    """When the CRM last changed the record."""
    text = record.get("Modified_Time")
    return datetime.fromisoformat(text) if text else None


# --- records that are linked ------------------------------------------------------------------------


def merge_linked(desk: Desk, table: Table, arrivals: Sequence[Incoming], known: Known) -> None:
    """Merge CRM records into the local records they are linked with."""
    kind = KINDS[table]
    local = holdings.load(desk.session, kind, [known.links[each.crm_id].entity_id for each in arrivals])
    for each in arrivals:
        link = known.links[each.crm_id]
        holding = local.get(link.entity_id)
        if link.entity != kind.entity:
            reason = Reason.NO_ACCOUNT if link.entity == Entity.CUSTOMER else Reason.STAYS_PERSON
            desk.note(_fate(table, each, Outcome.SKIPPED, reason, None))
        elif holding is not None:
            _merge_one(desk, link, holding, each, desk.mapping[table])


def _merge_one(desk: Desk, link: Link, holding: Holding, arrival: Incoming, rows: Sequence[Row]) -> None:
    newer = arrival.modified_at is None or arrival.modified_at - desk.crm_ahead >= holding.updated_at
    ours = holdings.values_of(holding, arrival.values)
    said = presented(ours, rows, name=holdings.name_of(holding))
    merged = merge(arrival.values, said, link.snapshot, desk.rule(crm_is_newer=newer))
    diff: dict[str, Sequence[Any]] = {name: (ours[name], value) for name, value in merged.take.items()}
    if merged.take:
        holdings.change(holding, merged.take)
        desk.journal(Entity(link.entity), holding.id, "updated", diff)
    _agree(link, merged, arrival)
    if unseen(merged.keep, merged.snapshot, rows):
        desk.owe(Entity(link.entity), holding.id)
    fate = partial(
        Fate, entity=Entity(link.entity), crm_module=link.crm_module, crm_id=link.crm_id, name=arrival.name,
        entity_id=holding.id,
    )  # fmt: skip
    _tell_merge(desk, fate, merged, diff)


def _tell_merge(desk: Desk, fate: Callable[..., Fate], merged: Merge, taken: Mapping[str, Sequence[Any]]) -> None:
    """What was taken over and what waits for a decision are two fates, each with its own fields."""
    if taken:
        desk.note(fate(Outcome.UPDATED, Reason.CRM_WON if merged.lost else Reason.CHANGED_IN_CRM, diff=taken))
    if merged.conflicts:
        desk.note(fate(Outcome.CONFLICT, Reason.BOTH_CHANGED, diff=merged.conflicts))
    if not taken and not merged.conflicts:
        desk.counts["unchanged"] += 1


def _agree(link: Link, merged: Merge, arrival: Incoming) -> None:
    """Note on the link what the CRM says now; untouched when it says nothing new, so that quiet stays quiet."""
    snapshot = {**link.snapshot, **merged.snapshot}
    for name in merged.conflicts.keys() - merged.snapshot.keys():
        snapshot.pop(name, None)
    if snapshot != link.snapshot:
        link.direction = Direction.IN
    if snapshot != link.snapshot or link.excluded_at or link.crm_modified_at != arrival.modified_at:
        link.snapshot, link.excluded_at = snapshot, None
        link.crm_modified_at, link.crm_name = arrival.modified_at, arrival.name[:255]
        link.synced_at = now()


# --- records that are not linked: customers ---------------------------------------------------------


def _welcome(desk: Desk, table: Table, arrivals: Sequence[Incoming], known: Known) -> None:
    """Decide on each unlinked record in turn, so that a second one of the same name meets the first as its twin."""
    created: list[tuple[Incoming, Decision]] = []
    left: list[tuple[Incoming, Reason]] = []
    for each in arrivals:
        key = name_key(each.name)
        situation = Situation(
            twin=known.twin(key), past=known.past.get(each.crm_id, Past.NONE), asked_for=desk.asked_for
        )
        decision = decide(situation, desk.choices.policy)
        if decision.action is Action.CREATE:
            created.append((each, decision))
            known.taken.setdefault(key, None)
        elif decision.action is Action.ADOPT:
            adopt(desk, table, each, known.take_twin(key), decision.reason)
        else:
            left.append((each, decision.reason))
    for (each, _), entity_id in zip(created, _create(desk, table, created, known), strict=True):
        if known.taken[name_key(each.name)] is None:
            known.taken[name_key(each.name)] = entity_id
    for each, reason in left:
        _leave(desk, table, each, reason, known)


def _create(desk: Desk, table: Table, created: Sequence[tuple[Incoming, Decision]], known: Known) -> list[int]:
    kind = KINDS[table]
    ids = holdings.add_customers(
        desk.session,
        desk.organisation_id,
        kind.customer_type or CustomerType.BUSINESS,
        [each.values for each, _ in created],
    )
    links = []
    for (each, decision), entity_id in zip(created, ids, strict=True):
        if skipped := known.apart.get(each.crm_id):
            desk.owe(kind.entity, skipped.entity_id)  # the customer it was skipped for is free to go to the CRM now
        links.append(_link_row(desk, kind.entity, entity_id, table, each))
        desk.journal(kind.entity, entity_id, "created", {})
        desk.note(_fate(table, each, Outcome.ADDED, decision.reason, entity_id))
    desk.add_links(links)
    if kind.customer_type is not None:
        near.note_near(
            desk, kind.customer_type, [(id_, each.values) for id_, (each, _) in zip(ids, created, strict=True)]
        )
    return ids


def _link_row(desk: Desk, entity: Entity, entity_id: int, table: Table, each: Incoming, **more: Any) -> dict[str, Any]:
    return desk.link_row(
        entity, entity_id, table.crm_module, each.crm_id,
        crm_name=each.name[:255], crm_modified_at=each.modified_at, snapshot=dict(each.values), **more,
    )  # fmt: skip


def _fate(table: Table, each: Incoming, outcome: Outcome, reason: Reason, entity_id: int | None, **more: Any) -> Fate:
    return Fate(outcome, reason, KINDS[table].entity, table.crm_module, each.crm_id, each.name, entity_id, **more)


def adopt(desk: Desk, table: Table, each: Incoming, entity_id: int, reason: Reason) -> None:
    """Pair a record with its unlinked twin. The CRM's values replace ours; a field empty there keeps ours."""
    kind = KINDS[table]
    holding = holdings.load(desk.session, kind, [entity_id])[entity_id]
    ours = holdings.values_of(holding, each.values)
    take = {name: value for name, value in each.values.items() if value not in ("", None) and value != ours[name]}
    diff: dict[str, Sequence[Any]] = {name: (ours[name], value) for name, value in take.items()}
    if take:
        holdings.change(holding, take)
        desk.journal(kind.entity, entity_id, "updated", diff)
    desk.add_links([_link_row(desk, kind.entity, entity_id, table, each, made_by="billing")])
    desk.owe(kind.entity, entity_id)
    desk.note(_fate(table, each, Outcome.UPDATED, reason, entity_id, diff=diff))


def _leave(desk: Desk, table: Table, each: Incoming, reason: Reason, known: Known) -> None:
    """Leave a record out and say why; a skipped twin is remembered, so that its customer is never pushed as new.

    One that was remembered before and has not changed since is not told again.
    """
    holder, apart = known.holder(name_key(each.name)), known.apart.get(each.crm_id)
    if apart is not None and apart.crm_modified_at == each.modified_at:
        desk.counts["unchanged"] += 1
        return
    if apart is not None:
        apart.crm_modified_at = each.modified_at
    elif holder is not None and reason in (Reason.DUPLICATE_SKIPPED, Reason.TWIN_TAKEN):
        memory = {"state": LinkState.APART, "reason": LinkReason.BY_POLICY, "made_by": "billing"}
        desk.add_links([_link_row(desk, KINDS[table].entity, holder, table, each, **memory)])
    desk.note(_fate(table, each, Outcome.SKIPPED, reason, holder))


# --- records that are not linked: contact persons ---------------------------------------------------


def _customers_of(desk: Desk, account_ids: Sequence[str]) -> dict[str, int]:
    links = gather(desk.session, desk.connection_id, "Accounts", list(set(account_ids))).owners
    return {account_id: link.entity_id for account_id, link in links.items()}


def _move_persons(desk: Desk, arrivals: Sequence[Incoming], known: Known, customers: Mapping[str, int]) -> None:
    """A contact that changed its account moves to that account's customer."""
    wanted = {
        known.links[each.crm_id].entity_id: (each, customers[each.account_id])
        for each in arrivals
        if each.crm_id in known.links and each.account_id and each.account_id in customers
    }
    for person_id, person in holdings.load(desk.session, KINDS[Table.PERSON], wanted).items():
        each, customer_id = wanted[person_id]
        old = getattr(person, "customer_id", None)
        if old is not None and old != customer_id:
            holdings.change(person, {"customer_id": customer_id})
            diff: dict[str, Sequence[Any]] = {"customer_id": (old, customer_id)}
            desk.journal(Entity.CONTACT_PERSON, person_id, "updated", diff)
            desk.note(_fate(Table.PERSON, each, Outcome.UPDATED, Reason.CHANGED_IN_CRM, person_id, diff=diff))


def _welcome_persons(desk: Desk, arrivals: Sequence[Incoming], known: Known, customers: Mapping[str, int]) -> None:
    twins = _person_twins(desk, set(customers.values()))
    failed = desk.failing("Accounts", {each.account_id for each in arrivals if each.account_id} - customers.keys())
    created: list[tuple[int, Incoming]] = []
    for each in arrivals:
        customer_id = customers.get(each.account_id or "")
        if customer_id is None:
            outcome, reason = _left_out(each, failed)
            desk.note(_fate(Table.PERSON, each, outcome, reason, None))
        elif known.past.get(each.crm_id) is Past.REMOVED and not desk.asked_for:
            desk.note(_fate(Table.PERSON, each, Outcome.SKIPPED, Reason.REMOVED_HERE, None))
        elif twin := twins.pop((customer_id, name_key(each.name)), None):
            adopt(desk, Table.PERSON, each, twin, Reason.PAIRED)
        else:
            created.append((customer_id, each))
    _create_persons(desk, created)


def _left_out(each: Incoming, failed_accounts: set[str]) -> tuple[Outcome, Reason]:
    """Why a contact has no customer to belong to."""
    if each.account_id is None:
        return Outcome.SKIPPED, Reason.NO_ACCOUNT
    if each.account_id in failed_accounts:
        return Outcome.FAILED, Reason.BLOCKED_BY_ACCOUNT
    return Outcome.EXCLUDED, Reason.ACCOUNT_NOT_SYNCED


def _person_twins(desk: Desk, customer_ids: set[int]) -> dict[tuple[int, str], int]:
    """Contact persons without a link, by customer and folded name."""
    found = holdings.unlinked_persons(desk.session, desk.connection_id, customer_ids)
    return {(person.customer_id, name_key(person.full_name)): person.id for person in found}


def _create_persons(desk: Desk, created: Sequence[tuple[int, Incoming]]) -> None:
    rows = [(customer_id, each.values) for customer_id, each in created]
    ids = holdings.add_persons(desk.session, desk.organisation_id, rows)
    links = []
    for (_, each), person_id in zip(created, ids, strict=True):
        links.append(_link_row(desk, Entity.CONTACT_PERSON, person_id, Table.PERSON, each))
        desk.journal(Entity.CONTACT_PERSON, person_id, "created", {})
        desk.note(_fate(Table.PERSON, each, Outcome.ADDED, Reason.NEW, person_id))
    desk.add_links(links)
