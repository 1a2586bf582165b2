"""What documents point at in the CRM, and somebody deleted there: products, accounts, potentials, other documents.

No run reads products, and none reads what is only pushed, so the first to hear of it is a document that the CRM
refuses over an id it does not know. The CRM is then asked which of them are gone. A product or an account without a
link is looked for, or made, like any that never was there; a document, or a potential, is pointed at no more.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from zbweb.billing import transactions
from zbweb.billing.journal import Actor
from zbweb.billing.models import Transaction
from zbweb.billing.words import Origin
from zbweb.crm.errors import ModuleUnavailable, PermissionDenied, ScopeMissing
from zbweb.sync.core.document_words import CRM_MODULES, KIND_OF, SOURCE_OF
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.verdicts import invalid_fields
from zbweb.sync.core.words import Entity, LinkReason, LinkState, Outcome
from zbweb.sync.desk import CRM_ACTOR, Desk, Fate
from zbweb.sync.documents import merging, products
from zbweb.sync.documents.sheets import Refused, Told
from zbweb.sync.models import Link
from zbweb.sync.outbox.courier import Courier, SentModule

_ACCOUNTS, _DEALS = "Accounts", "Deals"
_POINTING = ("account", "potential", "source")
Target = tuple[str, str]
"""A record of the CRM: its module and its id."""


def part(courier: Courier, module: SentModule, refused: Sequence[Refused]) -> set[int]:
    """Give up the ties to what is gone; ids of the documents that were refused because of it. Raises CrmError."""
    used = {each.told.sheet.paper.id: _used(each.told, module) for each in refused if _is_over_an_id(each, module)}
    if not used:
        return set()
    gone = _gone(courier, set().union(*used.values()))
    if not gone:
        return set()
    with courier.unit(module.kind) as desk:
        parted = _archive(desk.session, courier.connection_id, gone)
        parted |= _part_documents(desk, gone)
        parted |= dissociate(desk, gone)
    return {paper_id for paper_id, records in used.items() if records & parted}


def _is_over_an_id(each: Refused, module: SentModule) -> bool:
    columns = [module.shape[key].crm for key in _POINTING if key in module.shape]
    return bool({"Product_Name", *columns} & invalid_fields(each.verdict.code, each.verdict.details))


def _used(told: Told, module: SentModule) -> set[Target]:
    """The records that a document points at, but for its contact."""
    modules = {"account": _ACCOUNTS, "potential": _DEALS, "source": SOURCE_OF.get(CRM_MODULES[module.kind], "")}
    pointed = {(modules[key], told.values[key]) for key in _POINTING if told.values.get(key)}
    return pointed | {(products.MODULE, line["product"]) for line in told.values.get("lines", ())}


def _gone(courier: Courier, records: Collection[Target]) -> set[Target]:
    ids: dict[str, list[str]] = defaultdict(list)
    for crm_module, crm_id in sorted(records):
        ids[crm_module].append(crm_id)
    gone: set[Target] = set()
    for crm_module, crm_ids in ids.items():
        with suppress(ModuleUnavailable, PermissionDenied, ScopeMissing):  # what we may not see may well be there
            found = courier.client.get_many(crm_module, crm_ids, ["Modified_Time"])
            gone |= {(crm_module, crm_id) for crm_id in set(crm_ids) - {str(record["id"]) for record in found}}
    return gone


def _archive(session: Session, connection_id: int, gone: Collection[Target]) -> set[Target]:
    """A customer's own account is left to the customers' sync; that of its documents was never its pair."""
    is_product = and_(Link.entity == Entity.ITEM, Link.state == LinkState.ACTIVE)
    is_for_documents = and_(Link.state == LinkState.APART, Link.reason == LinkReason.FOR_DOCUMENTS)
    statement = select(Link).where(
        Link.connection_id == connection_id, Link.crm_id.in_([crm_id for _, crm_id in gone]),
        or_(is_product, is_for_documents),
    )  # fmt: skip
    links = session.scalars(statement.execution_options(populate_existing=True)).all()
    for link in links:
        link.end(link.reason or LinkReason.DELETED_IN_CRM)
    return {(link.crm_module, link.crm_id) for link in links}


def _part_documents(desk: Desk, gone: Collection[Target]) -> set[Target]:
    ids = [crm_id for crm_module, crm_id in gone if crm_module in KIND_OF]
    statement = select(Link).where(
        Link.connection_id == desk.connection_id, Link.entity == Entity.TRANSACTION, Link.crm_id.in_(ids),
        Link.state == LinkState.ACTIVE,
    )  # fmt: skip
    links = desk.session.scalars(statement.execution_options(populate_existing=True)).all()
    for link in links:
        merging.part(desk, link)
    return {(link.crm_module, link.crm_id) for link in links}


def dissociate(desk: Desk, gone: Collection[Target]) -> set[Target]:
    """Untie our documents from potentials that are gone, as the CRM does with its own; the records that they are."""
    ids = {crm_id for crm_module, crm_id in gone if crm_module == _DEALS}
    actor = Actor(CRM_ACTOR, origin=Origin.CRM)
    tied = select(Transaction).where(Transaction.potential_id.in_(ids)).order_by(Transaction.id)
    held = tied.with_for_update(of=Transaction).execution_options(populate_existing=True)
    for document in desk.session.scalars(held).all():
        desk.note(Fate(
            Outcome.UPDATED, Reason.POTENTIAL_GONE, Entity.TRANSACTION, _DEALS, document.potential_id or "",
            document.potential_name, document.id, diff={"potential": (document.potential_name, "")},
        ))  # fmt: skip
        transactions.dissociate_potential(desk.session, document, actor=actor)
    return {(_DEALS, crm_id) for crm_id in ids}
