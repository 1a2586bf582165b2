"""Pushes whose fate nobody wrote down: the answer was lost, or the worker died.

Each is looked for in the CRM before anything is sent again: by our id, else by its name among the records made
since it was sent. Runs begin with this, so that what we made is never taken for somebody else's record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from zbweb.crm.errors import AnswerLost
from zbweb.crm.port import Record
from zbweb.sync import holdings
from zbweb.sync.core.fields import Table
from zbweb.sync.core.fieldtypes import Value
from zbweb.sync.core.outgoing import presented
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Direction, Entity, LinkReason, LinkState, Outcome
from zbweb.sync.desk import Desk
from zbweb.sync.holdings import KINDS, Holding
from zbweb.sync.pairs import linked_crm_ids, links_of
from zbweb.sync.pull.gather import gather
from zbweb.sync.pull.record import Incoming, arrivals_of, merge_linked
from zbweb.sync.push import lookup, waiting
from zbweb.sync.push.lookup import Sought
from zbweb.sync.push.newcomers import accounts_of, sought_of
from zbweb.sync.push.pushing import Push, Told
from zbweb.sync.push.waiting import Waiting

_OTHER = {Table.ACCOUNT: Table.CONTACT, Table.CONTACT: Table.ACCOUNT}
"""Where a customer went whose type was changed here while the push was in doubt."""


def settle(push: Push) -> None:
    """Find out about everything that is in doubt."""
    orphans = waiting.orphans_in_doubt(push.live.session)
    if orphans:
        _remember_orphans(push, orphans)
    for table in Table:
        rows = waiting.in_doubt(push.live.session, table)
        if rows:
            _find_out(push, table, rows)


def _remember_orphans(push: Push, rows: Sequence[Waiting]) -> None:
    """What became of customers who were deleted here meanwhile is not to come back; our id tells whose it is."""
    for table in (Table.ACCOUNT, Table.CONTACT):
        id_field = push.id_field(table)
        sought = [Sought(each.entity_id, "", made_at=each.sent_at) for each in rows] if id_field else []
        sightings = lookup.find(push.live.client, table.crm_module, sought, id_field)
        with push.live.unit() as (_, desk):
            desk.add_links(
                [
                    desk.link_row(
                        Entity.CUSTOMER, each.entity_id, table.crm_module, sighting.crm_id,
                        crm_name=sighting.name[:255], state=LinkState.ARCHIVED,
                        reason=LinkReason.DELETED_HERE, made_by="billing",
                    )
                    for each in sought
                    for sighting in sightings
                    if lookup.carries_our_id(each, sighting)
                ]
            )  # fmt: skip
    with push.live.unit() as (_, desk):
        waiting.delivered(desk.session, rows)


def look(push: Push, table: Table, row_ids: Sequence[int], error: AnswerLost) -> None:
    """An answer was just lost. What did not arrive is left to the next run: it may still be on its way."""
    rows = waiting.among(push.live.session, table, row_ids)
    found = _search(push, table, rows)
    pair(push, table, found)
    with push.live.unit() as (_, desk):
        for each in rows:
            if each.row_id not in found:
                told = Told(table, each.entity_id, _name(desk, table, each))
                desk.note(told.fate(Outcome.FAILED, Reason.CRM_AWAY, words=error.message))
        desk.put_away()


def _name(desk: Desk, table: Table, each: Waiting) -> str:
    holding = holdings.load(desk.session, KINDS[table], [each.entity_id]).get(each.entity_id)
    return holdings.name_of(holding) if holding is not None else ""


def _find_out(push: Push, table: Table, rows: Sequence[Waiting]) -> None:
    found = _search(push, table, rows)
    pair(push, table, found)
    if table in _OTHER:
        left = [each for each in rows if each.row_id not in found]
        pair(push, _OTHER[table], _search_by_id(push, _OTHER[table], left))
    with push.live.unit() as (_, desk):
        waiting.certain(desk.session, rows)


def _search_by_id(push: Push, table: Table, rows: Sequence[Waiting]) -> dict[int, str]:
    """The same in the module that the customers' type does not belong to: there a name says nothing."""
    id_field = push.id_field(table) if rows else None
    if id_field is None:
        return {}
    sought = {each.row_id: Sought(each.entity_id, "", made_at=each.sent_at) for each in rows}
    return _recognised(push, table, rows, sought)


def _search(push: Push, table: Table, rows: Sequence[Waiting]) -> dict[int, str]:
    """Outbox row → the CRM record that its push has made."""
    with push.live.unit() as (_, desk):
        sought = _sought(push, desk, table, rows)
    return _recognised(push, table, rows, sought)


def _recognised(push: Push, table: Table, rows: Sequence[Waiting], sought: Mapping[int, Sought]) -> dict[int, str]:
    live = push.live
    sightings = lookup.find(live.client, table.crm_module, list(sought.values()), push.id_field(table))
    ids = [sighting.crm_id for sighting in sightings]
    taken = linked_crm_ids(live.session, live.connection_id, table.crm_module, ids)
    found: dict[int, str] = {}
    for each in rows:
        if each.row_id in sought and each.sent_at is not None:
            crm_id = lookup.sent_earlier(sought[each.row_id], sightings, sent_at=each.sent_at, taken=taken)
            if crm_id:
                found[each.row_id] = crm_id
                taken.add(crm_id)
    return found


def _sought(push: Push, desk: Desk, table: Table, rows: Sequence[Waiting]) -> dict[int, Sought]:
    kind, mapped = KINDS[table], push.rows(table)
    ids = [each.entity_id for each in rows]
    linked = links_of(desk.session, desk.connection_id, kind.entity, ids)
    local = holdings.load(desk.session, kind, [entity_id for entity_id in ids if entity_id not in linked])
    accounts = accounts_of(desk, local.values())
    sought: dict[int, Sought] = {}
    for each in rows if mapped else ():
        if holding := local.get(each.entity_id):
            ours = _ours(holding, push, table)
            found = sought_of(table, holding, ours, accounts, ahead=desk.crm_ahead)
            sought[each.row_id] = replace(found, made_at=each.sent_at)  # the CRM's own clock, whatever ours did since
    return sought


def _ours(holding: Holding, push: Push, table: Table) -> dict[str, Value]:
    rows = push.rows(table)
    values = holdings.values_of(holding, [row.key for row in rows])
    return presented(values, rows, name=holdings.name_of(holding))


def pair(push: Push, table: Table, found: Mapping[int, str]) -> None:
    """Link waiting records with CRM records that they made earlier, and merge what changed since on either side."""
    if not found:
        return
    records = push.live.client.get_many(table.crm_module, list(found.values()), push.fields(table))
    by_id = {str(record["id"]): record for record in records}
    with push.live.unit() as (_, desk):
        rows = waiting.of_entity(desk.session, KINDS[table].entity, found)
        for each in rows:
            if found[each.row_id] in by_id:
                _link(push, desk, table, each, by_id[found[each.row_id]])
        _merge(desk, table, records)
        waiting.certain(desk.session, rows)
        if table is Table.ACCOUNT:
            waiting.ensure_persons_of(desk.session, desk.connection_id, [each.entity_id for each in rows])
        desk.put_away()


def _link(push: Push, desk: Desk, table: Table, each: Waiting, record: Record) -> None:
    kind = KINDS[table]
    holding = holdings.load(desk.session, kind, [each.entity_id]).get(each.entity_id)
    for arrival in arrivals_of(desk, table, [record]) if holding is not None else ():
        row = desk.link_row(
            kind.entity, each.entity_id, table.crm_module, arrival.crm_id,
            crm_name=arrival.name[:255],
            snapshot=_agreement(arrival, record, _ours(holding, push, table)) if holding is not None else {},
            made_by="billing",
            direction=Direction.OUT,
        )  # fmt: skip
        desk.add_links([row])
        told = Told(table, each.entity_id, arrival.name, arrival.crm_id)
        desk.note(told.fate(Outcome.ADDED, Reason.FOUND_IN_CRM))


def _agreement(arrival: Incoming, record: Record, ours: Mapping[str, Value]) -> dict[str, Value]:
    """What both agree on: all it says if nobody has touched it since we sent it, else what is equal."""
    if record.get("Created_Time") == record.get("Modified_Time"):
        return dict(arrival.values)
    return {key: value for key, value in arrival.values.items() if ours.get(key) == value}


def _merge(desk: Desk, table: Table, records: Sequence[Record]) -> None:
    known = gather(desk.session, desk.connection_id, table.crm_module, [str(record["id"]) for record in records])
    arrivals = [each for each in arrivals_of(desk, table, records) if each.crm_id in known.links]
    merge_linked(desk, table, arrivals, known)
