"""One batch of CRM records, one unit of work, wherever the records come from: pages of a list or a list of ids."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy.exc import DataError, IntegrityError

from zbweb.crm.port import Record
from zbweb.sync.core.mapping import fields_to_read
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Entity, Outcome
from zbweb.sync.desk import Desk, Fate
from zbweb.sync.live import LiveRun
from zbweb.sync.models import SyncRun
from zbweb.sync.pull.record import crm_name

CHUNK = 100
Take = Callable[[Desk, Sequence[Record]], None]
Finish = Callable[[SyncRun, Desk], None]
Each = TypeVar("Each")


def fields_of(live: LiveRun, crm_module: str) -> list[str]:
    """The CRM fields to ask for: those that the tables of this module map, and those the sync itself needs."""
    return fields_to_read({table: live.mapping[table] for table in live.choices.tables_read}, crm_module)


def settle(live: LiveRun, module: str, records: Sequence[Record], take: Take, finish: Finish) -> None:
    """One batch, one unit of work. Lost a race: gather again. Still no luck: record by record, naming the culprit."""
    for _ in range(2):
        try:
            with live.unit() as (run, desk):
                take(desk, records)
                finish(run, desk)
        except IntegrityError:
            continue
        except DataError:
            break
        else:
            return
    _one_by_one(live, module, records, take)
    with live.unit() as (run, desk):
        finish(run, desk)


def _one_by_one(live: LiveRun, module: str, records: Sequence[Record], take: Take) -> None:
    for record in records:
        try:
            with live.unit() as (_, desk):
                take(desk, [record])
        except (IntegrityError, DataError) as error:
            with live.unit() as (_, desk):
                desk.note(unfit(module, record, str(error.orig)))
                desk.put_away()


def unfit(module: str, record: Record, words: str) -> Fate:
    """The fate of a record that the database refuses."""
    crm_id, name = str(record["id"]), crm_name(record)
    return Fate(Outcome.FAILED, Reason.INVALID_VALUE, Entity.CUSTOMER, module, crm_id, name, words=words)


def take_by_id(live: LiveRun, module: str, crm_ids: Sequence[str], take: Take) -> None:
    """Read records by id and bring them in; failures of records that no longer exist are over."""
    if not live.choices.reads(module):
        return
    for chunk in chunks(crm_ids, CHUNK):
        records = live.client.get_many(module, chunk, fields_of(live, module))
        gone = set(chunk) - {str(record["id"]) for record in records}

        def finish(run: SyncRun, desk: Desk, gone: set[str] = gone, read: int = len(records)) -> None:
            desk.settled(module, sorted(gone))
            run.done += read

        settle(live, module, records, take, finish)


def chunks(items: Iterable[Each], size: int) -> Iterable[list[Each]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
