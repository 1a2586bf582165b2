"""Records that the CRM does not have yet: looked for there once more, then added.

A twin that turns up is decided by the same table as one that is fetched: Clone adds ours beside it, Overwrite
pairs the two and takes the CRM's values, Skip leaves both alone and remembers the pair. A contact person is
paired with its namesake in the account.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zbweb.billing.naming import name_key
from zbweb.clock import now
from zbweb.crm.errors import AnswerLost
from zbweb.crm.port import Record, Verdict
from zbweb.sync import holdings
from zbweb.sync.core.decide import Action, Situation, Twin, decide
from zbweb.sync.core.fields import Table
from zbweb.sync.core.outgoing import agreed
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.verdicts import refusal
from zbweb.sync.core.words import Direction, LinkReason, LinkState, Outcome, Policy
from zbweb.sync.desk import Desk
from zbweb.sync.holdings import KINDS
from zbweb.sync.pairs import linked_crm_ids, links_of
from zbweb.sync.pull.record import adopt, arrivals_of
from zbweb.sync.push import lookup, unanswered, waiting
from zbweb.sync.push.lookup import Sighting
from zbweb.sync.push.newcomers import Newcomer, gather
from zbweb.sync.push.pushing import Push, Told, fail


@dataclass(slots=True)
class _Plan:
    """What is to be done with the newcomers of a batch: (newcomer, CRM id, reason)."""

    insert: list[Newcomer] = field(default_factory=list)
    adopt: list[tuple[Newcomer, str, Reason]] = field(default_factory=list)
    leave: list[tuple[Newcomer, str, Reason]] = field(default_factory=list)
    found: dict[int, str] = field(default_factory=dict)


def add(push: Push, table: Table, row_ids: Sequence[int]) -> None:
    """Add those of the waiting records that have no pair."""
    with push.live.unit() as (_, desk):
        newcomers = gather(push, desk, table, waiting.among(desk.session, table, row_ids))
        desk.put_away()
    if not newcomers:
        return
    plan = _plan(push, table, newcomers)
    there = _read(push, table, [crm_id for _, crm_id, _ in plan.adopt])
    at = push.live.client.server_time or now()
    with push.live.unit() as (_, desk):
        _adopt(desk, table, plan, there)
        _leave(desk, table, plan)
        waiting.mark_sent(desk.session, [newcomer.waiting for newcomer in plan.insert], at)
        desk.put_away()
    if plan.found:
        unanswered.pair(push, table, plan.found)
    if plan.insert:
        _insert(push, table, plan.insert)


def _plan(push: Push, table: Table, newcomers: Sequence[Newcomer]) -> _Plan:
    """Look for each newcomer in the CRM, and decide."""
    live, sought = push.live, [newcomer.sought for newcomer in newcomers]
    sightings = lookup.find(live.client, table.crm_module, sought, push.id_field(table))
    ids = [sighting.crm_id for sighting in sightings]
    linked = linked_crm_ids(live.session, live.connection_id, table.crm_module, ids)
    policy = live.choices.policy if table is not Table.PERSON else None
    plan, free = _Plan(), [sighting for sighting in sightings if sighting.crm_id not in linked]
    taken = {_key(table, sighting.name, sighting.account_id) for sighting in sightings if sighting.crm_id in linked}
    for newcomer in newcomers:
        _decide(plan, table, newcomer, policy, free=free, taken=taken)
    return plan


def _key(table: Table, name: str, account_id: str) -> tuple[str, str]:
    return name_key(name), account_id if table is Table.PERSON else ""


def _decide(
    plan: _Plan, table: Table, newcomer: Newcomer, policy: Policy | None, *, free: list[Sighting],
    taken: set[tuple[str, str]],
) -> None:  # fmt: skip
    """One newcomer's fate; what it takes is free no longer for the next one."""
    sought = newcomer.sought
    own = next((each for each in free if lookup.carries_our_id(sought, each)), None)
    twin = own or next((each for each in free if lookup.same_name(sought, each)), None)
    key = _key(table, sought.name, sought.account_id)
    if own is not None:
        free.remove(own)
        plan.found[newcomer.waiting.row_id] = own.crm_id
    elif policy is None and twin is not None:
        free.remove(twin)
        plan.adopt.append((newcomer, twin.crm_id, Reason.PAIRED))
    elif policy is None:
        plan.insert.append(newcomer)
    else:
        kind = Twin.FREE if twin is not None else Twin.TAKEN if key in taken else Twin.NONE
        decision = decide(Situation(twin=kind), policy)
        if decision.action is Action.CREATE:
            plan.insert.append(newcomer)
        elif decision.action is Action.ADOPT and twin is not None:
            free.remove(twin)
            plan.adopt.append((newcomer, twin.crm_id, decision.reason))
        else:
            plan.leave.append((newcomer, twin.crm_id if twin else "", decision.reason))
    taken.add(key)


def _read(push: Push, table: Table, crm_ids: Sequence[str]) -> dict[str, Record]:
    if not crm_ids:
        return {}
    records = push.live.client.get_many(table.crm_module, crm_ids, push.fields(table))
    return {str(record["id"]): record for record in records}


def _adopt(desk: Desk, table: Table, plan: _Plan, there: Mapping[str, Record]) -> None:
    """Pair newcomers with their twins; what the CRM has yet to be told of them follows in the same batch."""
    for newcomer, crm_id, reason in plan.adopt:
        arrivals = arrivals_of(desk, table, [there[crm_id]]) if crm_id in there else []
        for arrival in arrivals:
            adopt(desk, table, arrival, newcomer.waiting.entity_id, reason)
    if table is Table.ACCOUNT:
        customers = [newcomer.waiting.entity_id for newcomer, _, _ in plan.adopt]
        waiting.ensure_persons_of(desk.session, desk.connection_id, customers)


def _leave(desk: Desk, table: Table, plan: _Plan) -> None:
    entity = KINDS[table].entity
    for newcomer, crm_id, reason in plan.leave:
        told = Told(table, newcomer.waiting.entity_id, newcomer.sought.name, crm_id)
        if reason is Reason.DUPLICATE_SKIPPED:
            apart: dict[str, Any] = {"state": LinkState.APART, "reason": LinkReason.BY_POLICY, "made_by": "billing"}
            name = newcomer.sought.name[:255]
            row = desk.link_row(entity, told.entity_id, table.crm_module, crm_id, crm_name=name, **apart)
            desk.add_links([row])
        desk.note(told.fate(Outcome.SKIPPED, reason))
    waiting.delivered(desk.session, [newcomer.waiting for newcomer, _, _ in plan.leave])


# --- insert and record ------------------------------------------------------------------------------


def _insert(push: Push, table: Table, newcomers: Sequence[Newcomer]) -> None:
    id_field, client = push.id_field(table), push.live.client
    records = [
        {**newcomer.record, id_field: str(newcomer.waiting.entity_id)} if id_field else newcomer.record
        for newcomer in newcomers
    ]
    try:
        verdicts = client.insert(table.crm_module, records, trigger=push.trigger)
    except AnswerLost as error:
        unanswered.look(push, table, [newcomer.waiting.row_id for newcomer in newcomers], error)
        return
    with push.live.unit() as (_, desk):
        _write_down(desk, push, table, list(zip(newcomers, verdicts, strict=True)))
        desk.put_away()


def _write_down(desk: Desk, push: Push, table: Table, results: Sequence[tuple[Newcomer, Verdict]]) -> None:
    entity, ids = KINDS[table].entity, [newcomer.waiting.entity_id for newcomer, _ in results]
    present = holdings.load(desk.session, KINDS[table], ids).keys()
    paired = links_of(desk.session, desk.connection_id, entity, ids).keys()
    added = []
    for newcomer, verdict in results:
        told = Told(table, newcomer.waiting.entity_id, newcomer.sought.name, verdict.crm_id or "")
        if not verdict.ok or verdict.crm_id is None:
            said = refusal(verdict.code, verdict.message, verdict.details)
            told = Told(table, told.entity_id, told.name)
            fail(desk, newcomer.waiting, told, said.reason, code=said.code, words=said.words)
            continue
        row = _link_row(desk, push, table, newcomer, verdict)
        if told.entity_id not in present or told.entity_id in paired:  # deleted, or linked by hand, meanwhile
            reason = LinkReason.UNLINKED if told.entity_id in present else LinkReason.DELETED_HERE
            row |= {"state": LinkState.ARCHIVED, "reason": reason}
        desk.add_links([row])
        desk.note(told.fate(Outcome.ADDED, Reason.PUSHED_NEW))
        added.append(newcomer)
    waiting.delivered(desk.session, [newcomer.waiting for newcomer in added])
    if table is Table.ACCOUNT:
        customers = [newcomer.waiting.entity_id for newcomer in added]
        waiting.ensure_persons_of(desk.session, desk.connection_id, customers)


def _link_row(desk: Desk, push: Push, table: Table, newcomer: Newcomer, verdict: Verdict) -> dict[str, Any]:
    return desk.link_row(
        KINDS[table].entity, newcomer.waiting.entity_id, table.crm_module, str(verdict.crm_id),
        crm_name=newcomer.sought.name[:255],
        crm_modified_at=verdict.modified_at,
        snapshot=agreed(newcomer.ours, push.rows(table)),
        made_by="billing",
        direction=Direction.OUT,
    )  # fmt: skip
