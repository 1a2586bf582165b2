"""Records that the CRM has already: only the fields that changed here since the two books last agreed are sent."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from zbweb.clock import now
from zbweb.crm.port import Record, Verdict
from zbweb.sync import holdings
from zbweb.sync.core.fields import Table
from zbweb.sync.core.fieldtypes import Value
from zbweb.sync.core.mapping import to_remote
from zbweb.sync.core.outgoing import agreed, presented, unseen
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.verdicts import refusal
from zbweb.sync.core.words import Direction, Entity, Outcome
from zbweb.sync.desk import Desk
from zbweb.sync.holdings import KINDS, Holding
from zbweb.sync.models import Link, SyncEntry
from zbweb.sync.pairs import links_of
from zbweb.sync.pull import departures
from zbweb.sync.push import waiting
from zbweb.sync.push.pushing import Push, Told, fail, fail_issue, nothing_to_tell
from zbweb.sync.push.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Change:
    """What the CRM is to be told of one linked record: our new values, and its JSON."""

    waiting: Waiting
    told: Told
    news: Mapping[str, Value]
    record: Record


def tell(push: Push, table: Table, row_ids: Sequence[int]) -> None:
    """Tell the CRM what changed in those of the waiting records that have a pair."""
    with push.live.unit() as (_, desk):
        changes = _gather(push, desk, table, waiting.among(desk.session, table, row_ids))
        desk.put_away()
    for of_table, some in changes.items():
        _update(push, of_table, some)


def _gather(push: Push, desk: Desk, table: Table, rows: Sequence[Waiting]) -> dict[Table, list[Change]]:
    kind, ids = KINDS[table], [each.entity_id for each in rows]
    links = links_of(desk.session, desk.connection_id, kind.entity, ids)
    local = holdings.load(desk.session, kind, links)
    held = _in_conflict(desk, kind.entity, links)
    changes: dict[Table, list[Change]] = defaultdict(list)
    idle = []
    for each in rows:
        link, holding = links.get(each.entity_id), local.get(each.entity_id)
        if link is None or holding is None:
            continue
        of_table = _table_of(link, table)
        news = _news(push, of_table, link, holding, held.get(each.entity_id, set()))
        if not news or link.excluded_at is not None:
            idle.append(each)
        else:
            changes[of_table] += _compose(
                push, desk, each, Told(of_table, holding.id, holdings.name_of(holding), link.crm_id), news
            )
    nothing_to_tell(desk, table, idle)
    return changes


def _table_of(link: Link, table: Table) -> Table:
    """Whoever changed a customer's type leaves the CRM's record what it is."""
    if table is Table.PERSON:
        return table
    return Table.ACCOUNT if link.crm_module == Table.ACCOUNT.crm_module else Table.CONTACT


def _news(push: Push, table: Table, link: Link, holding: Holding, held: set[str]) -> dict[str, Value]:
    rows = push.rows(table)
    values = holdings.values_of(holding, [row.key for row in rows])
    return unseen(presented(values, rows, name=holdings.name_of(holding)), link.snapshot, rows, held=held)


def _in_conflict(desk: Desk, entity: Entity, links: Mapping[int, Link]) -> dict[int, set[str]]:
    """Fields that a person has yet to decide about."""
    statement = select(SyncEntry.entity_id, SyncEntry.diff).where(
        SyncEntry.connection_id == desk.connection_id,
        SyncEntry.entity == entity,
        SyncEntry.entity_id.in_(links),
        SyncEntry.outcome == Outcome.CONFLICT,
        SyncEntry.resolved_at.is_(None),
    )
    held: dict[int, set[str]] = defaultdict(set)
    for entity_id, diff in desk.session.execute(statement):
        held[entity_id or 0].update(diff)
    return held


def _compose(push: Push, desk: Desk, each: Waiting, told: Told, news: Mapping[str, Value]) -> list[Change]:
    record, issue = to_remote(news, push.rows(told.table))
    if issue is not None:
        fail_issue(desk, each, told, issue)
        return []
    return [Change(each, told, news, {"id": told.crm_id, **record})]


def _update(push: Push, table: Table, changes: Sequence[Change]) -> None:
    if not changes:
        return
    client = push.live.client
    verdicts = client.update(table.crm_module, [change.record for change in changes], trigger=push.trigger)
    results = list(zip(changes, verdicts, strict=True))
    suspects = [change.told.crm_id for change, verdict in results if _reason(verdict) is Reason.GONE_IN_CRM]
    there = client.get_many(table.crm_module, suspects, ["Modified_Time"]) if suspects else []
    gone = sorted(set(suspects) - {str(record["id"]) for record in there})
    with push.live.unit() as (_, desk):
        _write_down(push, desk, table, [each for each in results if each[0].told.crm_id not in gone])
        desk.put_away()
        departures.let_go(desk, table.crm_module, gone)
        waiting.delivered(desk.session, [change.waiting for change in changes if change.told.crm_id in gone])


def _reason(verdict: Verdict) -> Reason | None:
    return None if verdict.ok else refusal(verdict.code, verdict.message, verdict.details).reason


def _write_down(push: Push, desk: Desk, table: Table, results: Sequence[tuple[Change, Verdict]]) -> None:
    entity = KINDS[table].entity
    links = links_of(desk.session, desk.connection_id, entity, [change.told.entity_id for change, _ in results])
    done = []
    for change, verdict in results:
        if not verdict.ok:
            said = refusal(verdict.code, verdict.message, verdict.details)
            fail(desk, change.waiting, change.told, said.reason, code=said.code, words=said.words)
            continue
        link = links.get(change.told.entity_id)
        diff = _agree(push, table, link, change, verdict) if link is not None else {}
        desk.note(change.told.fate(Outcome.UPDATED, Reason.CHANGED_HERE, diff=diff))
        done.append(change.waiting)
    waiting.delivered(desk.session, done)


def _agree(push: Push, table: Table, link: Link, change: Change, verdict: Verdict) -> dict[str, Sequence[Any]]:
    """Note on the link what the CRM knows now; returns old and new for the history."""
    diff: dict[str, Sequence[Any]] = {key: (link.snapshot.get(key), value) for key, value in change.news.items()}
    link.snapshot = agreed(change.news, push.rows(table), link.snapshot)
    link.crm_modified_at = verdict.modified_at or link.crm_modified_at
    link.synced_at, link.direction = now(), Direction.OUT
    if table is not Table.PERSON:
        link.crm_name = change.told.name[:255]
    return diff
