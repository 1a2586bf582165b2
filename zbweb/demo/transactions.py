"""Half a year of business for the demo organisations: quotes, orders, invoices and payments of every fate.

The dice are loaded with a fixed seed and the dates count back from today, so every fresh demo looks alike.
Everything goes through the services, so the demo's books obey the same rules as anybody's.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import books, convert, moves, payments, transactions
from zbweb.billing.drafts import Draft, LineDraft, from_transaction
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer, Item, Organisation, Transaction
from zbweb.billing.money import round_money
from zbweb.billing.payment_drafts import PaymentDraft
from zbweb.billing.status import Status
from zbweb.billing.words import DiscountKind, Kind

_DAYS = 180
_SEED = 20_260
_RATES = {"CAD": "0.73", "EUR": "1.08", "GBP": "1.27", "JPY": "0.0067"}
_FATES = (
    ("paid", 40), ("open", 14), ("partly paid", 8), ("void", 3), ("invoice draft", 4),
    ("quote", 12), ("quote draft", 4), ("declined", 5), ("order", 8), ("partly invoiced", 5),
)  # fmt: skip
_NOTES = ("", "", "", "Thank you for your business.", "Please mention the number with your payment.")


@dataclass(frozen=True, slots=True)
class _Deal:
    """One piece of business: who, when, and how it went."""

    customer: Customer
    day: date
    fate: str


@dataclass(frozen=True, slots=True)
class _Market:
    """What the deals are made of."""

    items: tuple[Item, ...]
    base_currency: str
    today: date
    dice: Random


def load(session: Session, organisation: Organisation) -> None:
    """The organisation's documents, unless it has some already."""
    if session.scalar(select(Transaction.id).limit(1)) is not None:
        return
    customers = list(session.scalars(select(Customer).order_by(Customer.id)))
    items = tuple(session.scalars(select(Item).where(Item.rate > 0).order_by(Item.id)))
    dice = Random(_SEED + len(customers))  # noqa: S311  a demo's dice
    market = _Market(items, organisation.base_currency, books.today(session), dice)
    for deal in _deals(market, customers):
        _PLAYS[deal.fate](session, market, deal)


def _deals(market: _Market, customers: list[Customer]) -> list[_Deal]:
    """Four to seven deals with everybody, in the order of their days, so that numbers follow dates."""
    fates, weights = [fate for fate, _ in _FATES], [weight for _, weight in _FATES]
    deals = [
        _Deal(customer, market.today - timedelta(days=market.dice.randint(0, _DAYS)), fate)
        for customer in customers
        for fate in market.dice.choices(fates, weights, k=market.dice.randint(4, 7))
    ]
    return sorted(deals, key=lambda deal: (deal.day, deal.customer.id))


def _draft(market: _Market, deal: _Deal, kind: Kind) -> Draft:
    dice, currency = market.dice, deal.customer.currency or market.base_currency
    rate = Decimal(1) if currency == market.base_currency else Decimal(_RATES[currency])
    chosen = dice.sample(market.items, k=min(len(market.items), dice.randint(1, 4)))
    lines = tuple(_line(dice, item, rate, currency, is_home=currency == market.base_currency) for item in chosen)
    has_discount = dice.random() < 0.15
    return Draft(
        kind=kind,
        customer_id=deal.customer.id,
        date=deal.day,
        due_date=deal.day + timedelta(days=30) if kind is Kind.QUOTE else None,
        lines=lines,
        exchange_rate=rate,
        reference=f"PO-{dice.randint(1000, 9999)}" if dice.random() < 0.4 else "",
        discount_kind=DiscountKind.PERCENT,
        discount_value=Decimal(dice.choice((5, 10))) if has_discount else Decimal(0),
        shipping=round_money(Decimal(dice.choice((0, 0, 0, 25, 60))) / rate, currency),
        notes=dice.choice(_NOTES),
    )


def _line(dice: Random, item: Item, rate: Decimal, currency: str, *, is_home: bool) -> LineDraft:
    most = 2 if item.rate > 1000 else 12
    return LineDraft(
        name=item.name,
        description=item.description,
        quantity=Decimal(dice.randint(1, most)),
        unit=item.unit,
        rate=round_money(item.rate / rate, currency),
        item_id=item.id,
        tax_id=item.tax_id if is_home else None,
    )


def _quote(session: Session, market: _Market, deal: _Deal, *to: Status) -> Transaction:
    quote = transactions.create(session, _draft(market, deal, Kind.QUOTE), actor=SYSTEM)
    for each in to:
        moves.move(session, quote, each, SYSTEM)
    return quote


def _invoice(session: Session, market: _Market, deal: _Deal, *to: Status) -> Transaction:
    invoice = transactions.create(session, _draft(market, deal, Kind.INVOICE), actor=SYSTEM)
    for each in to:
        moves.move(session, invoice, each, SYSTEM)
    return invoice


def _order(session: Session, market: _Market, deal: _Deal) -> Transaction:
    """Every other order began as a quote."""
    if market.dice.random() < 0.5:
        order = convert.to_order(session, _quote(session, market, deal, Status.SENT, Status.ACCEPTED), actor=SYSTEM)
        order = _dated(session, order, deal.day)
    else:
        order = transactions.create(session, _draft(market, deal, Kind.SALES_ORDER), actor=SYSTEM)
    return moves.move(session, order, Status.CONFIRMED, SYSTEM)


def _dated(session: Session, document: Transaction, day: date) -> Transaction:
    """The document as if it had been converted on `day`."""
    draft = replace(from_transaction(document), date=day, due_date=None)
    return transactions.edit(session, document, draft, version=None, actor=SYSTEM)


def _pay(session: Session, market: _Market, invoice: Transaction, part: Decimal = Decimal(1)) -> None:
    """A payment around the due date; one in ten is rounded up, which leaves the customer a credit."""
    dice, due = market.dice, invoice.due_date or invoice.date
    amount = round_money(invoice.total * part, invoice.currency)
    surplus = Decimal(dice.choice((5, 20))) if part == 1 and dice.random() < 0.1 else Decimal(0)
    day = max(invoice.date, min(market.today, due + timedelta(days=dice.randint(-12, 9))))
    draft = PaymentDraft(
        customer_id=invoice.customer_id,
        date=day,
        amount=amount + round_money(surplus, invoice.currency),
        allocations={invoice.id: amount},
        mode=dice.choice(("bank_transfer", "bank_transfer", "card", "cheque")),
        exchange_rate=invoice.exchange_rate,
        reference=f"TRX {dice.randint(100_000, 999_999)}",
    )
    payments.record(session, draft, actor=SYSTEM)


def _play_paid(session: Session, market: _Market, deal: _Deal) -> None:
    """Paid, if there was time to; every fourth by way of an order."""
    if market.dice.random() < 0.25:
        invoice = convert.to_invoice(session, _order(session, market, deal), actor=SYSTEM)
        invoice = moves.move(session, _dated(session, invoice, deal.day), Status.SENT, SYSTEM)
    else:
        invoice = _invoice(session, market, deal, Status.SENT)
    if deal.day < market.today - timedelta(days=10):
        _pay(session, market, invoice)


def _play_partly_paid(session: Session, market: _Market, deal: _Deal) -> None:
    _pay(session, market, _invoice(session, market, deal, Status.SENT), Decimal("0.4"))


def _play_partly_invoiced(session: Session, market: _Market, deal: _Deal) -> None:
    order = _order(session, market, deal)
    first = order.lines[0]
    invoice = convert.to_invoice(session, order, actor=SYSTEM, quantities={first.id: first.quantity})
    moves.move(session, _dated(session, invoice, deal.day), Status.SENT, SYSTEM)


_PLAYS = {
    "paid": _play_paid,
    "open": lambda session, market, deal: _invoice(session, market, deal, Status.SENT),
    "partly paid": _play_partly_paid,
    "void": lambda session, market, deal: _invoice(session, market, deal, Status.SENT, Status.VOID),
    "invoice draft": _invoice,
    "quote": lambda session, market, deal: _quote(session, market, deal, Status.SENT),
    "quote draft": _quote,
    "declined": lambda session, market, deal: _quote(session, market, deal, Status.SENT, Status.DECLINED),
    "order": _order,
    "partly invoiced": _play_partly_invoiced,
}
