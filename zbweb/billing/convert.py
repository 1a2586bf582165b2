"""One document made from another: quote to order, quote to invoice, order to invoices.

Lines are copied, never shared, and remember the order line they bill. The source row is held from the
look to the commit, and UNIQUE (organisation, conversion_key) stands behind it: clicking twice, or in two
tabs, converts once and answers with the same document.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import books, fulfilment, journal, standing
from zbweb.billing.composing import compute
from zbweb.billing.drafts import Draft, in_coins
from zbweb.billing.journal import Actor
from zbweb.billing.models import Line, Transaction
from zbweb.billing.money import round_money
from zbweb.billing.status import Status
from zbweb.billing.transactions import create, renewed
from zbweb.billing.words import DiscountKind, Kind
from zbweb.errors import Conflict, Invalid

ZERO = Decimal(0)


def to_order(session: Session, quote: Transaction, *, actor: Actor) -> Transaction:
    """The sales order of a quote, made at the first call; Conflict for a declined quote or one invoiced already."""
    quote = standing.lock(session, quote.id)
    if made := _made(session, quote):
        return _same_kind(made, Kind.SALES_ORDER)
    _ensure_open(quote, Kind.QUOTE)
    if quote.status != Status.ACCEPTED:
        standing.set_status(session, quote, Status.ACCEPTED, actor=actor)
    return _make(session, quote, _copy(session, quote, Kind.SALES_ORDER), _quote_key(quote), actor)


def to_invoice(
    session: Session,
    transaction: Transaction,
    *,
    actor: Actor,
    quantities: Mapping[int, Decimal] | None = None,
    version: int | None = None,
) -> Transaction:
    """An invoice of a quote (once) or of a sales order.

    `quantities` says how much of each order line to bill; None bills all that remains. With the order's
    `version` as the page showed it, asking the same twice answers with the first invoice; asking for something
    else is another invoice. Raises Conflict when nothing is left or the document is not open, Invalid for more
    than what remains.
    """
    transaction = standing.lock(session, transaction.id)
    if transaction.kind == Kind.QUOTE:
        return _invoice_quote(session, transaction, actor)
    return _invoice_order(session, transaction, quantities, version or transaction.version, actor)


def convertible(session: Session, transaction: Transaction) -> tuple[Kind, ...]:
    """What can be made from a document now."""
    if transaction.kind == Kind.QUOTE:
        is_open = transaction.status != Status.DECLINED and _made(session, transaction) is None
        return (Kind.SALES_ORDER, Kind.INVOICE) if is_open else ()
    if transaction.kind == Kind.SALES_ORDER and transaction.status in {Status.DRAFT, Status.CONFIRMED}:
        return (Kind.INVOICE,) if any(fulfilment.remaining(session, transaction).values()) else ()
    return ()


def _invoice_quote(session: Session, quote: Transaction, actor: Actor) -> Transaction:
    if made := _made(session, quote):
        return _same_kind(made, Kind.INVOICE)
    _ensure_open(quote, Kind.QUOTE)
    invoice = _make(session, quote, _copy(session, quote, Kind.INVOICE), _quote_key(quote), actor)
    standing.set_status(session, quote, Status.INVOICED, actor=actor)
    return invoice


def _invoice_order(
    session: Session, order: Transaction, quantities: Mapping[int, Decimal] | None, version: int, actor: Actor
) -> Transaction:
    key = _order_key(order, version, quantities)
    if made := _by_key(session, key):
        return made
    _ensure_open(order, Kind.SALES_ORDER)
    remaining = fulfilment.remaining(session, order)
    wanted = _wanted(order, remaining, quantities)
    draft = _copy(session, order, Kind.INVOICE)
    given = fulfilment.discounted(session, wanted)
    lines = tuple(
        replace(
            line, quantity=wanted[held.id], source_line_id=held.id,
            discount_value=_discount(
                held, wanted[held.id], order.currency, left=held.discount_value - given.get(held.id, ZERO),
                is_rest=wanted[held.id] == remaining[held.id],
            ),
        )
        for line, held in zip(draft.lines, order.lines, strict=True)
        if held.id in wanted
    )  # fmt: skip
    draft = _part(session, order, replace(draft, lines=lines), wanted, is_rest=wanted == _chosen(remaining))
    if order.status == Status.DRAFT:
        standing.set_status(session, order, Status.CONFIRMED, actor=actor)
    invoice = _make(session, order, draft, key, actor)
    standing.touch(order)
    standing.settle_order(session, order, actor=actor)
    return invoice


def _wanted(
    order: Transaction, remaining: Mapping[int, Decimal], quantities: Mapping[int, Decimal] | None
) -> dict[int, Decimal]:
    """Quantity to bill by order line, without the lines that bill none."""
    wanted = remaining if quantities is None else quantities
    for index, line in enumerate(order.lines):
        asked, left = wanted.get(line.id, ZERO), remaining[line.id]
        if not ZERO <= asked <= left:
            sentence = f"From 0 to {left.normalize():f} of {line.name} can be invoiced."
            raise Invalid(sentence, {f"lines-{index}-quantity": sentence})
    chosen = _chosen({line.id: wanted.get(line.id, ZERO) for line in order.lines})
    if not chosen:
        raise Conflict("Nothing of this sales order is left to invoice, or no quantity was given.")
    return chosen


def _chosen(quantities: Mapping[int, Decimal]) -> dict[int, Decimal]:
    return {line_id: quantity for line_id, quantity in quantities.items() if quantity}


def _discount(ordered: Line, quantity: Decimal, currency: str, *, left: Decimal, is_rest: bool) -> Decimal:
    """The discount of the line that bills so much of an order's line.

    One given as an amount is shared by quantity, in the currency's coins and never more than is `left` of it; the part
    that finishes the line has the rest, so that the parts come to what was ordered.
    """
    if ordered.discount_kind != DiscountKind.AMOUNT:
        return ordered.discount_value
    share = left if is_rest else round_money(ordered.discount_value * quantity / ordered.quantity, currency)
    gross = round_money(ordered.rate * quantity, currency)
    return max(min(share, left, gross), ZERO)


def _part(session: Session, order: Transaction, draft: Draft, wanted: Mapping[int, Decimal], *, is_rest: bool) -> Draft:
    """The draft with what a part of the order bears of its charges.

    The first invoice bears shipping and adjustment; when it is voided, the next one does. An adjustment that takes off
    more than the first one comes to goes on to the next. A discount given as an amount is shared by value, and the
    last invoice has what the others left of it.
    """
    earlier = fulfilment.live_invoices(session, order.id)
    shipping = max(order.shipping - sum((invoice.shipping for invoice in earlier), ZERO), ZERO)
    draft = replace(draft, shipping=shipping, adjustment=ZERO)
    if draft.discount_kind is DiscountKind.AMOUNT:
        draft = replace(draft, discount_value=_document_discount(order, earlier, wanted, is_rest=is_rest))
    return replace(draft, adjustment=_adjustment(order, earlier, most=compute(draft).total))


def _adjustment(order: Transaction, earlier: Sequence[Transaction], *, most: Decimal) -> Decimal:
    """What a part bears of the order's adjustment, which takes off at `most` so much of it."""
    borne = [invoice.adjustment for invoice in earlier if invoice.adjustment]
    if order.adjustment >= 0:
        return ZERO if borne else order.adjustment
    left = min(max(order.adjustment - sum(borne, ZERO), order.adjustment), ZERO)
    return max(left, -most)


def _document_discount(
    order: Transaction, earlier: Sequence[Transaction], wanted: Mapping[int, Decimal], *, is_rest: bool
) -> Decimal:
    if is_rest:
        given = sum((invoice.discount_total for invoice in earlier), ZERO)
        return max(order.discount_total - given, ZERO)
    billed = sum((line.amount * wanted.get(line.id, ZERO) / line.quantity for line in order.lines), ZERO)
    share = order.discount_total * billed / order.subtotal if order.subtotal else ZERO
    return round_money(share, order.currency)


def _copy(session: Session, source: Transaction, kind: Kind) -> Draft:
    return renewed(
        source,
        kind=kind,
        date=books.today(session),
        payment_term_id=source.payment_term_id if source.kind == Kind.INVOICE else None,
    )


def _make(session: Session, source: Transaction, draft: Draft, key: str, actor: Actor) -> Transaction:
    made = create(session, in_coins(draft, source.currency), actor=actor)
    made.source_id, made.conversion_key = source.id, key
    session.flush()  # UNIQUE on the key speaks here, if ever two got this far
    journal.record(
        session,
        standing.ENTITY,
        source.id,
        action="converted",
        actor=actor,
        changes={"converted_to": (None, f"{made.kind}/{made.id}")},
    )
    return made


def _made(session: Session, quote: Transaction) -> Transaction | None:
    return _by_key(session, _quote_key(quote))


def _by_key(session: Session, key: str) -> Transaction | None:
    return session.scalar(select(Transaction).where(Transaction.conversion_key == key))


def _quote_key(quote: Transaction) -> str:
    return f"quote-{quote.id}"


def _order_key(order: Transaction, version: int, quantities: Mapping[int, Decimal] | None) -> str:
    """What was asked of which version of an order."""
    parts = sorted((key, f"{each.normalize():f}") for key, each in (quantities or {}).items())
    asked = "all" if quantities is None else repr(parts)
    return f"order-{order.id}-{version}-{hashlib.sha256(asked.encode()).hexdigest()[:12]}"


def _same_kind(made: Transaction, kind: Kind) -> Transaction:
    if made.kind != kind:
        what = "a sales order" if made.kind == Kind.SALES_ORDER else "an invoice"
        raise Conflict(f"This quote has become {what} already. Continue from there.")
    return made


def _ensure_open(source: Transaction, kind: Kind) -> None:
    if source.kind != kind:
        raise Conflict("Only quotes and sales orders can be converted.")
    if source.status == Status.DECLINED:
        raise Conflict("This quote was declined. Mark it as accepted first.")
    if source.status in {Status.INVOICED, Status.CLOSED, Status.VOID}:
        raise Conflict(f"This document is {source.status}. Nothing can be made from it.")
