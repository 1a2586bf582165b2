"""Documents on their way to the CRM: composed, then added or changed, each with a fate of its own.

Gather, decide, call, write down: no unit of work waits for the CRM. A new document is marked as sent before the
call, so that whoever finds the mark later looks in the CRM before sending again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from zbweb.billing import books
from zbweb.clock import now
from zbweb.crm import exactly
from zbweb.crm.errors import AnswerLost
from zbweb.crm.port import Record, Verdict
from zbweb.db import db
from zbweb.sync.core.document_words import CRM_MODULES
from zbweb.sync.core.documents import Paper, Values, has_currency, to_record, with_row_ids
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Direction, Entity, LinkReason, Outcome
from zbweb.sync.desk import Desk
from zbweb.sync.documents import overtaken, papers, recovered, shapes, vanished
from zbweb.sync.documents.sheets import Refused, Sheet, Told, composed
from zbweb.sync.models import Link
from zbweb.sync.outbox import claims
from zbweb.sync.outbox.claims import Claimed
from zbweb.sync.outbox.courier import Courier, SentModule, Setback, fate_of
from zbweb.sync.pairs import linked_crm_ids, links_of

_CLOCKS_APART = timedelta(minutes=5)
"""How far behind ours the CRM's clock may be, as long as it has not told us the time."""


def push(courier: Courier, module: SentModule, pending: Mapping[int, tuple[Claimed, Paper]]) -> None:
    """Tell the CRM these documents of one kind, by document id; raises the CrmError that stops them all."""
    base_currency = books.own(db.session()).base_currency
    module = _with_shape(courier, module, [paper for _, paper in pending.values()], base_currency)
    _settle_lost(courier, module, pending)
    recovered.look(courier, module, pending)
    refused = _send(courier, module, composed(courier, module, pending))
    if mended := vanished.part(courier, module, refused):
        fresh = papers.read(db.session(), mended)
        again = {paper_id: (pending[paper_id][0], paper) for paper_id, paper in fresh.items()}
        refused = [each for each in refused if each.told.sheet.paper.id not in mended]
        refused += _send(courier, module, composed(courier, module, again))
    if refused:
        with courier.unit(module.kind) as desk:
            for each in refused:
                courier.refuse(desk, each.told.sheet.row, each.told.sheet.paper, each.setback)


def _send(courier: Courier, module: SentModule, told: Sequence[Told]) -> list[Refused]:
    """Add or change what has news; those that the CRM said no to are still in hand."""
    idle = [each for each in told if each.sheet.crm_id and not each.news]
    if idle:
        with courier.unit(module.kind) as desk:
            for each in idle:
                courier.done(desk, each.sheet.row)
    refused = _insert(courier, module, [each for each in told if not each.sheet.crm_id])
    changed = [each for each in told if each.sheet.crm_id and each.news]
    return refused + _update(courier, module, overtaken.catch_up(courier, module, changed))


def _with_shape(courier: Courier, module: SentModule, papers: Sequence[Paper], base_currency: str) -> SentModule:
    """The module with its fields; asked for once more where a currency is missing, which somebody may have added."""
    if module.shape and all(has_currency(paper, module.shape, base_currency) for paper in papers):
        return module
    shape = shapes.describe(courier.client, module.kind)
    with courier.plain_unit() as session:
        shapes.keep(shapes.setup_of(session, module.setup_id), module.kind, shape)
    courier.modules[module.kind] = SentModule(module.kind, module.setup_id, module.choices, shape)
    return courier.modules[module.kind]


# --- new documents ----------------------------------------------------------------------------------


def _insert(courier: Courier, module: SentModule, told: Sequence[Told]) -> list[Refused]:
    if not told:
        return []
    at = courier.client.server_time or now() - _CLOCKS_APART
    with courier.plain_unit() as session:
        claims.mark_sent(session, courier.claim, [each.sheet.row for each in told], at)
    records = [to_record(_without_empty(each.values), module.shape) for each in told]
    try:
        verdicts = courier.client.insert(CRM_MODULES[module.kind], records, trigger=module.choices.fire_triggers)
    except AnswerLost as error:
        _look_again(courier, module, told, at, error)
        return []
    refused = []
    with courier.unit(module.kind) as desk:
        for each, verdict in zip(told, verdicts, strict=True):
            claims.certain(desk.session, courier.claim, each.sheet.row)
            if verdict.ok and verdict.crm_id:
                _link(module, desk, each, verdict.crm_id, verdict.modified_at)
                desk.note(fate_of(each.sheet.paper, Outcome.ADDED, Reason.PUSHED_NEW, crm_id=verdict.crm_id))
                courier.done(desk, each.sheet.row)
            else:
                refused.append(Refused(each, verdict))
    return refused


def _without_empty(values: Values) -> Values:
    return {key: value for key, value in values.items() if value is not None}


def _link(module: SentModule, desk: Desk, told: Told, crm_id: str, modified_at: datetime | None) -> None:
    row = desk.link_row(
        Entity.TRANSACTION, told.sheet.paper.id, CRM_MODULES[module.kind], crm_id,
        crm_name=told.sheet.paper.name[:255], crm_modified_at=modified_at, snapshot=told.values,
        made_by="billing", direction=Direction.OUT, seen_run_id=None,
    )  # fmt: skip
    desk.add_links([row])


# --- what may have arrived --------------------------------------------------------------------------


def _look_again(courier: Courier, module: SentModule, told: Sequence[Told], at: datetime, error: AnswerLost) -> None:
    """An answer was just lost: pair what has arrived. The rest may be on its way, so it is looked for again later."""
    found = _arrived(courier, module, [each.sheet.paper for each in told], at)
    with courier.unit(module.kind) as desk:
        for each in told:
            crm_id = found.get(each.sheet.paper.id)
            if crm_id is None:
                courier.refuse(desk, each.sheet.row, each.sheet.paper, Setback.of(error))
            else:
                claims.certain(desk.session, courier.claim, each.sheet.row)
                _link(module, desk, each, crm_id, None)
                desk.note(fate_of(each.sheet.paper, Outcome.ADDED, Reason.FOUND_IN_CRM, crm_id=crm_id))
                courier.done(desk, each.sheet.row)


def _settle_lost(courier: Courier, module: SentModule, pending: Mapping[int, tuple[Claimed, Paper]]) -> None:
    """Find out what became of documents that were sent and of which nobody wrote the end."""
    linked = links_of(db.session(), courier.connection_id, Entity.TRANSACTION, pending)
    doubtful = [(row.sent_at, row, paper) for key, (row, paper) in pending.items() if row.sent_at and key not in linked]
    if not doubtful:
        return
    since = min(sent_at for sent_at, _, _ in doubtful)
    found = _arrived(courier, module, [paper for _, _, paper in doubtful], since)
    with courier.unit(module.kind) as desk:
        for _, row, paper in doubtful:
            claims.certain(desk.session, courier.claim, row)
            if crm_id := found.get(paper.id):
                _link(module, desk, Told(Sheet(row, paper), {}, {}), crm_id, None)
                desk.note(fate_of(paper, Outcome.ADDED, Reason.FOUND_IN_CRM, crm_id=crm_id))


def _arrived(courier: Courier, module: SentModule, sought: Sequence[Paper], since: datetime) -> dict[int, str]:
    """CRM ids of documents that were made there since, by document id: by our id, else by their subject."""
    by_id, crm_module = module.shape.get("our_id"), CRM_MODULES[module.kind]
    field = by_id.crm if by_id else "Subject"
    marks = {str(paper.id) if by_id else paper.name: paper.id for paper in sought}
    there = exactly.having(courier.client, crm_module, field, marks, columns=("Created_Time",))
    young = [record for record in there if _is_young(record, since)]
    taken = linked_crm_ids(db.session(), courier.connection_id, crm_module, [str(record["id"]) for record in young])
    found: dict[int, str] = {}
    for record in sorted(young, key=lambda record: int(record["id"]), reverse=True):
        if str(record[field]) in marks and str(record["id"]) not in taken:
            found[marks[str(record[field])]] = str(record["id"])
    return found


def _is_young(record: Record, since: datetime) -> bool:
    return datetime.fromisoformat(record["Created_Time"]) >= since.replace(microsecond=0)


# --- documents that are there -----------------------------------------------------------------------


def _update(courier: Courier, module: SentModule, told: Sequence[Told]) -> list[Refused]:
    if not told:
        return []
    crm_module = CRM_MODULES[module.kind]
    records = [_changes(courier, module, each) for each in told]
    courier.renew()
    verdicts = courier.client.update(crm_module, records, trigger=module.choices.fire_triggers)
    refused = [Refused(each, verdict) for each, verdict in zip(told, verdicts, strict=True) if not verdict.ok]
    gone = _gone(courier, crm_module, [each.told.sheet.crm_id for each in refused if each.setback.is_gone])
    with courier.unit(module.kind) as desk:
        links = links_of(desk.session, desk.connection_id, Entity.TRANSACTION, [each.sheet.paper.id for each in told])
        for each, verdict in zip(told, verdicts, strict=True):
            link = links.get(each.sheet.paper.id)
            if each.sheet.crm_id in gone:
                _write_down_gone(courier, desk, each.sheet, link)
            elif verdict.ok:
                _write_down_changed(courier, desk, each, verdict, link)
    return [each for each in refused if each.told.sheet.crm_id not in gone]


def _gone(courier: Courier, crm_module: str, suspects: Sequence[str]) -> set[str]:
    there = courier.client.get_many(crm_module, suspects, ["Modified_Time"]) if suspects else []
    return set(suspects) - {str(record["id"]) for record in there}


def _changes(courier: Courier, module: SentModule, told: Told) -> Record:
    record = {"id": told.sheet.crm_id, **to_record(told.news, module.shape)}
    lines = module.shape["lines"].crm
    if lines in record:
        courier.renew()  # a hundred documents are read one by one
        present = courier.client.get(CRM_MODULES[module.kind], told.sheet.crm_id) or {}
        record[lines] = with_row_ids(record[lines], present.get(lines) or [])
    return record


def _write_down_gone(courier: Courier, desk: Desk, sheet: Sheet, link: Link | None) -> None:
    if link is not None:
        link.end(LinkReason.DELETED_IN_CRM)
    desk.note(fate_of(sheet.paper, Outcome.SKIPPED, Reason.DOCUMENT_GONE, crm_id=sheet.crm_id))
    courier.done(desk, sheet.row)


def _write_down_changed(courier: Courier, desk: Desk, told: Told, verdict: Verdict, link: Link | None) -> None:
    sheet = told.sheet
    if link is not None:
        link.snapshot = {**link.snapshot, **told.values}
        link.crm_modified_at, link.synced_at = verdict.modified_at, now()
        link.crm_name = sheet.paper.name[:255]
    diff = {key: [(sheet.snapshot or {}).get(key), value] for key, value in told.news.items() if key != "lines"}
    desk.note(fate_of(sheet.paper, Outcome.UPDATED, Reason.CHANGED_HERE, crm_id=sheet.crm_id, diff=diff))
    courier.done(desk, sheet.row)
