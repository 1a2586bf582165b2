"""Documents on their way to the CRM: composed, then added or changed, each with a fate of its own.

Gather, decide, call, write down: no unit of work waits for the CRM. A new document is marked as sent before the
call, so that whoever finds the mark later looks in the CRM before sending again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from zbweb.billing import books
from zbweb.clock import now
from zbweb.crm import exactly
from zbweb.crm.errors import AnswerLost
from zbweb.crm.port import Record, Verdict
from zbweb.db import db
from zbweb.sync.core.agreement import said
from zbweb.sync.core.document_words import CRM_MODULES
from zbweb.sync.core.documents import Paper, Ties, Values, has_currency, news, to_record, with_row_ids
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.verdicts import refusal
from zbweb.sync.core.words import Direction, Entity, LinkReason, LinkState, Outcome
from zbweb.sync.desk import Desk
from zbweb.sync.documents import parties, products, shapes
from zbweb.sync.documents.parties import Parties, Party
from zbweb.sync.documents.products import Products
from zbweb.sync.models import Link
from zbweb.sync.outbox import claims
from zbweb.sync.outbox.claims import Claimed
from zbweb.sync.outbox.courier import Courier, SentModule, Setback, fate_of
from zbweb.sync.pairs import linked_crm_ids, links_of

_OWNERS = ("account", "contact")
_BUSY_SECONDS = 5.0
_CLOCKS_APART = timedelta(minutes=5)
"""How far behind ours the CRM's clock may be, as long as it has not told us the time."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A document to be told: its row, what it says here and, where it is in the CRM, its pair and last agreement."""

    row: Claimed
    paper: Paper
    crm_id: str = ""
    snapshot: Mapping[str, Any] | None = None
    made_in_crm: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A sheet with what the CRM will have been told: all of it, or its news alone."""

    sheet: Sheet
    values: Values
    news: Values


def push(courier: Courier, module: SentModule, pending: Mapping[int, tuple[Claimed, Paper]]) -> None:
    """Tell the CRM these documents of one kind, by document id; raises the CrmError that stops them all."""
    base_currency = books.own(db.session()).base_currency
    module = _with_shape(courier, module, [paper for _, paper in pending.values()], base_currency)
    _settle_lost(courier, module, pending)
    sheets = _in_known_currency(courier, module, _sheets(courier, pending), base_currency)
    sheets, ties = _tied(courier, module, sheets)
    told = [_compose(sheet, ties[sheet.paper.id], module) for sheet in sheets]
    idle = [each for each in told if each.sheet.crm_id and not each.news]
    if idle:
        with courier.unit(module.kind) as desk:
            for each in idle:
                courier.done(desk, each.sheet.row)
    _insert(courier, module, [each for each in told if not each.sheet.crm_id])
    _update(courier, module, [each for each in told if each.sheet.crm_id and each.news])


def _with_shape(courier: Courier, module: SentModule, papers: Sequence[Paper], base_currency: str) -> SentModule:
    """The module with its fields; asked for once more where a currency is missing, which somebody may have added."""
    if module.shape and all(has_currency(paper, module.shape, base_currency) for paper in papers):
        return module
    shape = shapes.describe(courier.client, module.kind)
    with courier.plain_unit() as session:
        shapes.keep(shapes.setup_of(session, module.setup_id), module.kind, shape)
    courier.modules[module.kind] = SentModule(module.kind, module.setup_id, module.choices, shape)
    return courier.modules[module.kind]


def _sheets(courier: Courier, pending: Mapping[int, tuple[Claimed, Paper]]) -> list[Sheet]:
    links = links_of(db.session(), courier.connection_id, Entity.TRANSACTION, pending)
    sheets = []
    for paper_id, (row, paper) in pending.items():
        link = links.get(paper_id)
        if link is None:
            sheets.append(Sheet(row, paper))
        else:
            sheets.append(Sheet(row, paper, link.crm_id, link.snapshot, made_in_crm=link.made_by == "crm"))
    return sheets


def _in_known_currency(
    courier: Courier, module: SentModule, sheets: Sequence[Sheet], base_currency: str
) -> list[Sheet]:
    """The sheets whose amounts the CRM would not take for another currency's; the others are refused."""
    known: list[Sheet] = []
    foreign: list[Sheet] = []
    for each in sheets:
        (known if has_currency(each.paper, module.shape, base_currency) else foreign).append(each)
    if foreign:
        with courier.unit(module.kind) as desk:
            for each in foreign:
                courier.refuse(desk, each.row, each.paper, _no_currency(each.paper.currency))
    return known


def _no_currency(currency: str) -> Setback:
    words = f"Zoho CRM does not keep {currency}, so the amounts would be wrong there. Add that currency in Zoho CRM."
    return Setback(Reason.CURRENCY_UNKNOWN, Reason.CURRENCY_UNKNOWN, words, hint=3600.0)


# --- what a document points at ----------------------------------------------------------------------


def _tied(courier: Courier, module: SentModule, sheets: Sequence[Sheet]) -> tuple[list[Sheet], dict[int, Ties]]:
    """The sheets that can go, with the CRM's ids of their customers, items and sources; the others are put off."""
    if not sheets:
        return [], {}
    people = parties.ensure(courier, module.kind, {sheet.paper.customer_id for sheet in sheets})
    going = [each for each in sheets if each.paper.customer_id in people.known or _stays_there(each, people)]
    items = {line.item_id for sheet in going for line in sheet.paper.lines}
    goods = products.ensure(courier, module.kind, items)
    sheets = _put_off(courier, module, sheets, people, goods)
    sources = links_of(
        db.session(), courier.connection_id, Entity.TRANSACTION,
        {sheet.paper.source_id for sheet in sheets if sheet.paper.source_id},
    )  # fmt: skip
    ties = {}
    for sheet in sheets:
        party = people.known.get(sheet.paper.customer_id, Party())  # of none where it stays where it is
        source = sources.get(sheet.paper.source_id or 0)
        ties[sheet.paper.id] = Ties(party.account, party.contact, _source_id(module, source), goods.ids)
    return sheets, ties


def _source_id(module: SentModule, source: Link | None) -> str:
    """An invoice made straight from a quote points at nothing: its module knows sales orders only."""
    expected = {"Sales_Orders": "Quotes", "Invoices": "Sales_Orders"}.get(CRM_MODULES[module.kind])
    return source.crm_id if source is not None and source.crm_module == expected else ""


def _put_off(
    courier: Courier, module: SentModule, sheets: Sequence[Sheet], people: Parties, goods: Products
) -> list[Sheet]:
    ready, setbacks, busy = [], [], []
    for sheet in sheets:
        customer_id = sheet.paper.customer_id
        refused = next(
            (goods.refused[line.item_id] for line in sheet.paper.lines if line.item_id in goods.refused), None
        )
        if customer_id in people.busy:
            busy.append(sheet)
        elif customer_id in people.blocked and not _stays_there(sheet, people):
            setbacks.append((sheet, people.blocked[customer_id]))
        elif refused is not None:
            setbacks.append((sheet, Setback(Reason.BLOCKED_BY_ITEM, refused.code, refused.words)))
        else:
            ready.append(sheet)
    if setbacks or busy:
        with courier.unit(module.kind) as desk:
            for sheet, setback in setbacks:
                courier.refuse(desk, sheet.row, sheet.paper, setback)
            for sheet in busy:
                claims.later(desk.session, courier.claim, sheet.row, seconds=_BUSY_SECONDS)
    return ready


def _stays_there(sheet: Sheet, people: Parties) -> bool:
    """Whether the document was given to a record that its customer has no longer: the CRM knows where it went."""
    past, snapshot = people.past.get(sheet.paper.customer_id, ()), sheet.snapshot or {}
    return any(snapshot.get(key) in past for key in _OWNERS)


def _compose(sheet: Sheet, ties: Ties, module: SentModule) -> Told:
    snapshot = sheet.snapshot or {}
    values = said(sheet.paper, ties, module.shape, snapshot, made_in_crm=sheet.made_in_crm)
    if not (ties.account or ties.contact):
        values = {key: value for key, value in values.items() if key not in _OWNERS}
    return Told(sheet, values, news(values, snapshot))


# --- new documents ----------------------------------------------------------------------------------


def _insert(courier: Courier, module: SentModule, told: Sequence[Told]) -> None:
    if not told:
        return
    at = courier.client.server_time or now() - _CLOCKS_APART
    with courier.plain_unit() as session:
        claims.mark_sent(session, [each.sheet.row for each in told], at)
    records = [to_record(_without_empty(each.values), module.shape) for each in told]
    try:
        verdicts = courier.client.insert(CRM_MODULES[module.kind], records, trigger=module.choices.fire_triggers)
    except AnswerLost as error:
        _look_again(courier, module, told, at, error)
        return
    with courier.unit(module.kind) as desk:
        for each, verdict in zip(told, verdicts, strict=True):
            _write_down_new(courier, module, desk, each, verdict)


def _without_empty(values: Values) -> Values:
    return {key: value for key, value in values.items() if value is not None}


def _write_down_new(courier: Courier, module: SentModule, desk: Desk, told: Told, verdict: Verdict) -> None:
    sheet = told.sheet
    claims.certain(desk.session, sheet.row)
    if not verdict.ok or verdict.crm_id is None:
        courier.refuse(desk, sheet.row, sheet.paper, _said(verdict))
        return
    _link(module, desk, told, verdict.crm_id, verdict.modified_at)
    desk.note(fate_of(sheet.paper, Outcome.ADDED, Reason.PUSHED_NEW, crm_id=verdict.crm_id))
    courier.done(desk, sheet.row)


def _link(module: SentModule, desk: Desk, told: Told, crm_id: str, modified_at: datetime | None) -> None:
    row = desk.link_row(
        Entity.TRANSACTION, told.sheet.paper.id, CRM_MODULES[module.kind], crm_id,
        crm_name=told.sheet.paper.name[:255], crm_modified_at=modified_at, snapshot=told.values,
        made_by="billing", direction=Direction.OUT, seen_run_id=None,
    )  # fmt: skip
    desk.add_links([row])


def _said(verdict: Verdict) -> Setback:
    said = refusal(verdict.code, verdict.message, verdict.details)
    return Setback(said.reason, said.code, said.words)


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
                claims.certain(desk.session, each.sheet.row)
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
            claims.certain(desk.session, row)
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


def _update(courier: Courier, module: SentModule, told: Sequence[Told]) -> None:
    if not told:
        return
    with courier.plain_unit():
        pass  # the lease must last for the calls to come
    crm_module = CRM_MODULES[module.kind]
    records = [_changes(courier, module, each) for each in told]
    verdicts = courier.client.update(crm_module, records, trigger=module.choices.fire_triggers)
    results = list(zip(told, verdicts, strict=True))
    suspects = [each.sheet.crm_id for each, verdict in results if not verdict.ok and _said(verdict).is_gone]
    there = courier.client.get_many(crm_module, suspects, ["Modified_Time"]) if suspects else []
    gone = set(suspects) - {str(record["id"]) for record in there}
    with courier.unit(module.kind) as desk:
        links = links_of(desk.session, desk.connection_id, Entity.TRANSACTION, [each.sheet.paper.id for each in told])
        for each, verdict in results:
            _write_down_changed(courier, desk, each, verdict, links.get(each.sheet.paper.id), gone=gone)


def _changes(courier: Courier, module: SentModule, told: Told) -> Record:
    record = {"id": told.sheet.crm_id, **to_record(told.news, module.shape)}
    lines = module.shape["lines"].crm
    if lines in record:
        present = courier.client.get(CRM_MODULES[module.kind], told.sheet.crm_id) or {}
        record[lines] = with_row_ids(record[lines], present.get(lines) or [])
    return record


def _write_down_changed(
    courier: Courier, desk: Desk, told: Told, verdict: Verdict, link: Link | None, *, gone: set[str]
) -> None:
    sheet = told.sheet
    if sheet.crm_id in gone:
        if link is not None:
            link.state, link.reason, link.synced_at = LinkState.ARCHIVED, LinkReason.DELETED_IN_CRM, now()
        desk.note(fate_of(sheet.paper, Outcome.SKIPPED, Reason.DOCUMENT_GONE, crm_id=sheet.crm_id))
        courier.done(desk, sheet.row)
    elif not verdict.ok:
        courier.refuse(desk, sheet.row, sheet.paper, _said(verdict))
    else:
        if link is not None:
            link.snapshot = {**link.snapshot, **told.values}
            link.crm_modified_at, link.synced_at = verdict.modified_at, now()
            link.crm_name = sheet.paper.name[:255]
        diff = {key: [(sheet.snapshot or {}).get(key), value] for key, value in told.news.items() if key != "lines"}
        desk.note(fate_of(sheet.paper, Outcome.UPDATED, Reason.CHANGED_HERE, crm_id=sheet.crm_id, diff=diff))
        courier.done(desk, sheet.row)
