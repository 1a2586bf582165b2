"""Products and accounts that stand in the CRM for our documents' sake, and that somebody deleted there.

No run reads them, so the first to hear of it is a document that the CRM refuses over an id it does not know. The
CRM is then asked which of them are gone; without a link they are looked for, or made, like any that never were there.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from zbweb.sync.core.verdicts import invalid_fields
from zbweb.sync.core.words import Entity, LinkReason, LinkState
from zbweb.sync.documents import products
from zbweb.sync.documents.sheets import Refused, Told
from zbweb.sync.models import Link
from zbweb.sync.outbox.courier import Courier, SentModule

_ACCOUNTS = "Accounts"


def part(courier: Courier, module: SentModule, refused: Sequence[Refused]) -> set[int]:
    """Give up the links of what is gone; ids of the documents that were refused because of it. Raises CrmError."""
    used = {each.told.sheet.paper.id: _used(each.told) for each in refused if _is_over_an_id(each, module)}
    if not used:
        return set()
    gone = _gone(courier, set().union(*used.values()))
    if not gone:
        return set()
    with courier.plain_unit() as session:
        parted = _archive(session, courier.connection_id, [crm_id for _, crm_id in gone])
    return {paper_id for paper_id, records in used.items() if records & parted}


def _is_over_an_id(each: Refused, module: SentModule) -> bool:
    account = module.shape.get("account")
    fields = {"Product_Name", account.crm if account else ""}
    return bool(fields & invalid_fields(each.verdict.code, each.verdict.details))


def _used(told: Told) -> set[tuple[str, str]]:
    """The products and the account that a document points at, each with its module."""
    accounts = {(_ACCOUNTS, told.values["account"])} if told.values.get("account") else set()
    return accounts | {(products.MODULE, line["product"]) for line in told.values.get("lines", ())}


def _gone(courier: Courier, records: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    there: set[tuple[str, str]] = set()
    for crm_module in (products.MODULE, _ACCOUNTS):
        ids = sorted(crm_id for module, crm_id in records if module == crm_module)
        found = courier.client.get_many(crm_module, ids, ["Modified_Time"]) if ids else []
        there |= {(crm_module, str(record["id"])) for record in found}
    return set(records) - there


def _archive(session: Session, connection_id: int, crm_ids: Collection[str]) -> set[tuple[str, str]]:
    """A customer's own account is left to the customers' sync; that of its documents was never its pair."""
    is_product = and_(Link.entity == Entity.ITEM, Link.state == LinkState.ACTIVE)
    is_for_documents = and_(Link.state == LinkState.APART, Link.reason == LinkReason.FOR_DOCUMENTS)
    statement = select(Link).where(
        Link.connection_id == connection_id, Link.crm_id.in_(crm_ids), or_(is_product, is_for_documents)
    )
    links = session.scalars(statement.execution_options(populate_existing=True)).all()
    for link in links:
        link.end(link.reason or LinkReason.DELETED_IN_CRM)
    return {(link.crm_module, link.crm_id) for link in links}
