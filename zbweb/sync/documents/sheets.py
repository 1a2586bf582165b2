"""Documents put into the CRM's words, with the ids of what they point at there; those that cannot go are put off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zbweb.billing import books
from zbweb.crm.port import Verdict
from zbweb.db import db
from zbweb.sync.core.agreement import said
from zbweb.sync.core.document_words import CRM_MODULES, SOURCE_OF
from zbweb.sync.core.documents import Paper, Ties, Values, has_currency, news
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.verdicts import refusal
from zbweb.sync.core.words import Entity
from zbweb.sync.documents import parties, products
from zbweb.sync.documents.parties import Parties, Party
from zbweb.sync.documents.products import Products
from zbweb.sync.models import Link
from zbweb.sync.outbox import claims
from zbweb.sync.outbox.claims import Claimed
from zbweb.sync.outbox.courier import Courier, SentModule, Setback
from zbweb.sync.pairs import links_of

_OWNERS = ("account", "contact")
_BUSY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Sheet:
    """A document to be told: its row, what it says here and, where it is in the CRM, its pair and last agreement.

    `agreed_at`, by the CRM's clock, is when the record there was last changed as far as we know.
    """

    row: Claimed
    paper: Paper
    crm_id: str = ""
    snapshot: Mapping[str, Any] | None = None
    agreed_at: datetime | None = None
    made_in_crm: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A sheet with what the CRM will have been told: all of it, or its news alone."""

    sheet: Sheet
    values: Values
    news: Values


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that was told, and what the CRM said instead of yes."""

    told: Told
    verdict: Verdict

    @property
    def setback(self) -> Setback:
        """The CRM's words as the history tells them."""
        said = refusal(self.verdict.code, self.verdict.message, self.verdict.details)
        return Setback(said.reason, said.code, said.words)


def composed(courier: Courier, module: SentModule, pending: Mapping[int, tuple[Claimed, Paper]]) -> list[Told]:
    """Those of the documents that can go, ready to be told; raises the CrmError that stops them all."""
    base_currency = books.own(db.session()).base_currency
    sheets = _in_known_currency(courier, module, _sheets(courier, pending), base_currency)
    sheets, ties = _tied(courier, module, sheets)
    return [_compose(sheet, ties[sheet.paper.id], module) for sheet in sheets]


def _sheets(courier: Courier, pending: Mapping[int, tuple[Claimed, Paper]]) -> list[Sheet]:
    links = links_of(db.session(), courier.connection_id, Entity.TRANSACTION, pending)
    sheets = []
    for paper_id, (row, paper) in pending.items():
        link = links.get(paper_id)
        if link is None:
            sheets.append(Sheet(row, paper))
        else:
            is_theirs = link.made_by == "crm"
            sheets.append(Sheet(row, paper, link.crm_id, link.snapshot, link.crm_modified_at, made_in_crm=is_theirs))
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
    expected = SOURCE_OF.get(CRM_MODULES[module.kind])
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
    """Whether the document is in the CRM already and its customer has lost the record that it was given to.

    The CRM knows where such a document went: it empties the field with a deleted record, or names the survivor.
    """
    return bool(sheet.crm_id) and sheet.paper.customer_id in people.past


def _compose(sheet: Sheet, ties: Ties, module: SentModule) -> Told:
    snapshot = sheet.snapshot or {}
    values = said(sheet.paper, ties, module.shape, snapshot, made_in_crm=sheet.made_in_crm)
    if not (ties.account or ties.contact):
        values = {key: value for key, value in values.items() if key not in _OWNERS}
    return Told(sheet, values, news(values, snapshot))
