"""What a preview asks of the CRM: the records that the next sync would read, or the first so many of them.

Everything is asked before anything is rehearsed, so that no unit of work waits for the network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from zbweb.crm.port import Record
from zbweb.sync.core.words import LinkState
from zbweb.sync.live import LiveRun
from zbweb.sync.models import Link
from zbweb.sync.pull import departures, feed
from zbweb.sync.pull.reading import COQL_CHUNK, OVERLAP, contacts_of, leavers, oldest_first
from zbweb.sync.pull.settling import CHUNK, chunks, fields_of

LIMIT = 2_000
"""Records of each module that a preview looks at, at most."""


class Part(StrEnum):
    """Why a sync would read these records."""

    ALL = "all"
    CHANGED = "changed"
    NEWCOMERS = "newcomers"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Haul:
    """What the CRM said of one module, in the batches of a sync: records, those out of the view, those gone.

    `total` is how many records there are, where the CRM was asked; `is_whole` says that no more would be read.
    """

    module: str
    part: Part
    batches: Sequence[Sequence[Record]]
    left: Sequence[str] = ()
    gone: Sequence[str] = ()
    total: int | None = None
    is_whole: bool = True

    @property
    def count(self) -> int:
        """How many records were read."""
        return sum(map(len, self.batches))


def read(live: LiveRun, module: str, mark: datetime | None) -> Haul:
    """Read a module as a sync would: what changed since `mark`, or all of it."""
    view = live.choices.view_of(module)
    since = mark - OVERLAP if mark else None
    if not live.choices.fetches(module):
        return _read_paired(live, module, since)
    question = feed.Question(module, fields_of(live, module), view.id or None, since)
    total = live.client.count(module, view_id=view.id or None) if mark is None else None
    batches, is_whole = _first_batches(live, question)
    left, gone = _departed(live, question, batches) if is_whole else ([], [])
    kept = left if view.shows_all else departures.ours(live.session, live.connection_id, module, left)
    batches += chunks(_by_id(live, module, sorted(kept), question.fields), CHUNK)
    left = [crm_id for crm_id in left if crm_id not in kept]
    return Haul(module, Part.CHANGED if since else Part.ALL, batches, left, gone, total, is_whole)


def _read_paired(live: LiveRun, module: str, since: datetime | None) -> Haul:
    """Of a module of which nothing is fetched anew: what is paired, and of that what changed."""
    linked = _linked(live, module)
    changed = linked.intersection(leavers(live.client, module, since, ())) if linked and since else linked
    found = _by_id(live, module, sorted(changed)[:LIMIT], fields_of(live, module))
    gone = [each.id for each in live.client.deleted(module, since=since) if each.id in linked] if linked else []
    part = Part.CHANGED if since else Part.ALL
    return Haul(module, part, list(chunks(found, CHUNK)), gone=gone, is_whole=len(changed) <= LIMIT)


def _first_batches(live: LiveRun, question: feed.Question) -> tuple[list[list[Record]], bool]:
    batches: list[list[Record]] = []
    for batch in feed.batches(live.client, question, total=None, position={}):
        batches.append(oldest_first(batch.records))
        if batch.next is not None and sum(map(len, batches)) >= LIMIT:
            return batches, False
    return batches, True


def _departed(
    live: LiveRun, question: feed.Question, batches: Sequence[Sequence[Record]]
) -> tuple[list[str], list[str]]:
    """The linked records that left the view, and those that the CRM does not have any more."""
    module, since = question.module, question.since
    seen = {str(record["id"]) for batch in batches for record in batch}
    linked = _linked(live, module)
    if since is None:
        missing = sorted(linked - seen)[:LIMIT]
        there = {str(record["id"]) for record in _by_id(live, module, missing, ["Modified_Time"])}
        left, gone = sorted(there), sorted(set(missing) - there)
    else:
        shows_all = live.choices.view_of(module).shows_all
        left, gone = [] if shows_all else leavers(live.client, module, since, seen), []
    if linked:
        gone += [each.id for each in live.client.deleted(module, since=since) if each.id in linked]
    return left, list(dict.fromkeys(gone))


def _linked(live: LiveRun, module: str) -> set[str]:
    statement = select(Link.crm_id).where(
        Link.connection_id == live.connection_id, Link.crm_module == module, Link.state == LinkState.ACTIVE
    )
    return set(live.session.scalars(statement))


def _by_id(live: LiveRun, module: str, crm_ids: Sequence[str], fields: Sequence[str]) -> list[Record]:
    return [record for chunk in chunks(crm_ids, CHUNK) for record in live.client.get_many(module, chunk, fields)]


def failed(live: LiveRun, module: str, crm_ids: Sequence[str]) -> Haul:
    """Records that failed before and would be tried again."""
    return _named(live, module, Part.FAILED, crm_ids)


def _named(live: LiveRun, module: str, part: Part, crm_ids: Sequence[str]) -> Haul:
    wanted = list(crm_ids)[:LIMIT]
    batches = [live.client.get_many(module, chunk, fields_of(live, module)) for chunk in chunks(wanted, CHUNK)]
    return Haul(module, part, batches, is_whole=len(wanted) == len(crm_ids))


def newcomers(live: LiveRun, account_ids: Sequence[str]) -> Haul:
    """The contacts of accounts that would be new here: they did not change, so a delta does not show them."""
    ids = [crm_id for chunk in chunks(account_ids, COQL_CHUNK) for crm_id in contacts_of(live.client, chunk)]
    return _named(live, "Contacts", Part.NEWCOMERS, ids)
