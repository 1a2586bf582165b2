"""From a draft to the rows it becomes: look up what it refers to, check it, compute it. Writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import books, money, payment_terms, terms
from zbweb.billing.changes import ensure_fits
from zbweb.billing.drafts import Draft, LineDraft
from zbweb.billing.models import Customer, Item, Line, PaymentTerm, Tax, Transaction
from zbweb.billing.words import DiscountKind, Kind, TaxRounding, TermKind
from zbweb.errors import Invalid

_YEARS = range(1900, 3000)
_LINE_TEXTS = ("name", "description", "unit", "tax_name")


@dataclass(frozen=True, slots=True)
class Composed:
    """A checked draft: the document's columns, and each line's with the draft it came from."""

    values: Mapping[str, Any]
    lines: tuple[tuple[LineDraft, Mapping[str, Any]], ...]
    totals: money.Totals


def compose(session: Session, draft: Draft, *, before: Transaction | None = None) -> Composed:
    """Work a draft out, as a new document or as an edit of `before`; raises Invalid with the fields to mend."""
    customer = _customer(session, draft, before)
    _ensure_of_this_age(draft)
    draft = _with_defaults(session, draft, customer, before)
    draft = replace(draft, lines=tuple(_six_places(line) for line in _taxed(session, draft.lines, before)))
    if faults := {**_faults(draft), **_line_faults(draft.lines), **_discount_faults(draft)}:
        raise Invalid("Some values cannot be accepted: " + " ".join(dict.fromkeys(faults.values())), faults)
    totals = compute(draft)
    if totals.total < 0 or totals.total >= money.LIMIT:
        sentence = "The total must not be less than zero, nor above a million millions."
        raise Invalid(sentence, {"adjustment" if totals.total < 0 else "lines": sentence})
    base = books.own(session).base_currency
    if sentence := money.why_worth_nothing(totals.total, draft.currency, draft.exchange_rate, base):
        raise Invalid(sentence, {"exchange_rate": sentence})
    values = _values(draft, totals, base)
    ensure_fits(Transaction, values)
    lines = tuple(
        (line, _line_values(index, line, amounts))
        for index, (line, amounts) in enumerate(zip(draft.lines, totals.lines, strict=True))
    )
    return Composed(values, lines, totals)


def due_date(session: Session, draft: Draft, *, before: Transaction | None = None) -> date | None:
    """The due date that saving would give, whatever else is still wrong with the draft; only invoices have terms."""
    customer = session.scalar(select(Customer).where(Customer.id == draft.customer_id))
    if draft.kind is not Kind.INVOICE or customer is None or draft.date.year not in _YEARS:
        return draft.due_date
    return _due_date(session, draft, _term(session, draft, customer, before), before)


def compute(draft: Draft) -> money.Totals:
    """The totals of a draft whose currency, taxes and rounding are known."""
    lines = tuple(
        money.LineInput(
            line.quantity,
            line.rate,
            money.Discount(line.discount_kind, line.discount_value),
            line.tax_name,
            line.tax_rate,
        )
        for line in draft.lines
    )
    return money.compute(
        money.DocumentInput(
            currency=draft.currency,
            lines=lines,
            tax_mode=draft.tax_mode,
            tax_rounding=draft.tax_rounding or TaxRounding.LINE,
            discount=money.Discount(draft.discount_kind, draft.discount_value),
            shipping=draft.shipping,
            adjustment=draft.adjustment,
        )
    )


def _customer(session: Session, draft: Draft, before: Transaction | None) -> Customer:
    """Whom the document is for; an inactive customer keeps the documents it has and is given no other ones."""
    customer = session.scalar(select(Customer).where(Customer.id == draft.customer_id))
    if customer is None:
        raise Invalid("Choose a customer.", {"customer_id": "Choose a customer."})
    is_theirs = before is not None and before.customer_id == customer.id
    if not customer.active and not is_theirs:
        sentence = f"{customer.display_name} is inactive, so nothing new is made for it. Mark it as active first."
        raise Invalid(sentence, {"customer_id": sentence})
    return customer


def _ensure_of_this_age(draft: Draft) -> None:
    """Raise Invalid for a year such as 26 or 9999, which is a slip: nothing could follow from it."""
    sentence = f"Give the year in full, from {_YEARS[0]} to {_YEARS[-1]}."
    days = {"date": draft.date, "due_date": draft.due_date}
    if faults := {name: sentence for name, day in days.items() if day and day.year not in _YEARS}:
        raise Invalid(sentence, faults)


def _with_defaults(session: Session, draft: Draft, customer: Customer, before: Transaction | None) -> Draft:
    own, currency = books.own(session), books.currency_of(session, customer)
    if draft.currency and draft.currency != currency:
        sentence = f"{customer.display_name} is billed in {currency}, not in {draft.currency}."
        raise Invalid(sentence, {"currency": sentence})
    term = _term(session, draft, customer, before) if draft.kind is Kind.INVOICE else None
    return replace(
        draft,
        currency=currency,
        exchange_rate=Decimal(1) if currency == own.base_currency else money.as_rate(draft.exchange_rate),
        discount_value=_precise(draft.discount_value),
        tax_rounding=draft.tax_rounding or TaxRounding(before.tax_rounding if before else own.tax_rounding),
        payment_term_id=term.id if term else None,
        due_date=_due_date(session, draft, term, before) if draft.kind is Kind.INVOICE else draft.due_date,
        billing_address=_address(customer, "billing") if draft.billing_address is None else draft.billing_address,
        shipping_address=_address(customer, "shipping") if draft.shipping_address is None else draft.shipping_address,
    )


def _term(session: Session, draft: Draft, customer: Customer, before: Transaction | None) -> PaymentTerm | None:
    """The terms chosen; without any, the customer's, unless a person gave a due date that is not what terms gave."""
    is_from_terms = before is not None and before.payment_term_id and draft.due_date == before.due_date
    if not draft.payment_term_id and draft.due_date and not is_from_terms:
        return None
    if wanted := draft.payment_term_id or customer.payment_term_id:
        return session.scalar(select(PaymentTerm).where(PaymentTerm.id == wanted))
    return payment_terms.default(session)


def _due_date(session: Session, draft: Draft, term: PaymentTerm | None, before: Transaction | None) -> date:
    if before is None:
        return draft.due_date or terms.due_date(_rule(term) or terms.Term(TermKind.ON_RECEIPT), draft.date)
    old = session.get(PaymentTerm, before.payment_term_id) if before.payment_term_id else None
    return terms.due_date_after_edit(
        (_rule(old), before.date, before.due_date), (_rule(term), draft.date, draft.due_date)
    )


def _rule(term: PaymentTerm | None) -> terms.Term | None:
    return terms.Term(TermKind(term.kind), term.days) if term else None


def _address(customer: Customer, which: str) -> str:
    parts = [getattr(customer, f"{which}_{part}") for part in ("street", "city", "state", "code", "country")]
    return "\n".join(part for part in parts if part)


def _taxed(session: Session, lines: tuple[LineDraft, ...], before: Transaction | None) -> tuple[LineDraft, ...]:
    """The lines with their taxes' names and rates; a line that keeps its tax keeps the rate it was made with."""
    taxes = _by_id(session, Tax, {line.tax_id for line in lines})
    items = _by_id(session, Item, {line.item_id for line in lines})
    kept = {line.id: line for line in before.lines} if before else {}
    return tuple(
        _taxed_line(replace(line, item_id=line.item_id if line.item_id in items else None), taxes, kept)
        for line in lines
    )


def _taxed_line(line: LineDraft, taxes: Mapping[int, Tax], kept: Mapping[int, Line]) -> LineDraft:
    if line.tax_id is None:
        return line
    held = kept.get(line.id or 0)
    if held is not None and held.tax_id == line.tax_id:
        return replace(line, tax_name=held.tax_name, tax_rate=held.tax_rate)
    if line.tax_name:  # a copy: conversion and duplication bring the rate of the document they copy
        return replace(line, tax_id=line.tax_id if line.tax_id in taxes else None)
    tax = taxes.get(line.tax_id)
    return replace(line, tax_id=tax.id, tax_name=tax.name, tax_rate=tax.rate) if tax else replace(line, tax_id=None)


def _six_places(line: LineDraft) -> LineDraft:
    """The line as the database will keep it, so that what is computed is what is stored."""
    return replace(
        line,
        quantity=_precise(line.quantity),
        rate=_precise(line.rate),
        discount_value=_precise(line.discount_value),
        tax_rate=_precise(line.tax_rate),
    )


def _precise(value: Decimal) -> Decimal:
    if not value.is_finite() or abs(value) >= money.LIMIT:
        return money.LIMIT  # refused below, at its field
    return value.quantize(money.PLACES, rounding=ROUND_HALF_UP)


def _by_id(session: Session, model: Any, ids: set[int | None]) -> dict[int, Any]:
    wanted = ids - {None}
    if not wanted:
        return {}
    return {row.id: row for row in session.scalars(select(model).where(model.id.in_(wanted)))}


def _faults(draft: Draft) -> dict[str, str]:
    checks = {
        "lines": (not draft.lines, "Add at least one line."),
        "exchange_rate": (
            not money.is_rate(draft.exchange_rate),
            "Give the exchange rate as a number above zero.",
        ),
        "due_date": (
            draft.due_date is not None and draft.kind is not Kind.SALES_ORDER and draft.due_date < draft.date,
            "The due or expiry date cannot be before the document's date.",
        ),
        "shipping": (draft.shipping < 0, "The shipping charge cannot be less than zero."),
    }
    wrong = {name: sentence for name, (is_wrong, sentence) in checks.items() if is_wrong}
    amounts = {name: _amount_fault(getattr(draft, name), draft.currency) for name in ("shipping", "adjustment")}
    return wrong | {name: sentence for name, sentence in amounts.items() if sentence}


def _amount_fault(amount: Decimal, currency: str) -> str:
    if abs(amount) >= money.LIMIT:
        return "That is too large; a million millions is too much."
    return money.why_not_counted(amount, currency)


def _discount_faults(draft: Draft) -> dict[str, str]:
    """What is said of discounts given as amounts; whether they are too much is seen when they are computed."""
    given: dict[str, Draft | LineDraft] = {f"lines-{at}-discount_value": line for at, line in enumerate(draft.lines)}
    amounts = {
        name: each.discount_value
        for name, each in ({"discount_value": draft} | given).items()
        if each.discount_kind is DiscountKind.AMOUNT
    }
    said = {name: money.why_not_counted(amount, draft.currency) for name, amount in amounts.items()}
    return {name: sentence for name, sentence in said.items() if sentence}


def _line_faults(lines: tuple[LineDraft, ...]) -> dict[str, str]:
    faults = {}
    for index, line in enumerate(lines):
        if not line.name.strip():
            faults[f"lines-{index}-name"] = "Name what is sold."
        if line.quantity <= 0:
            faults[f"lines-{index}-quantity"] = "The quantity must be more than zero."
        if line.rate < 0:
            faults[f"lines-{index}-rate"] = "The rate cannot be less than zero."
        for name in ("quantity", "rate"):
            if getattr(line, name) >= money.LIMIT:
                faults[f"lines-{index}-{name}"] = f"The {name} is too large; a million millions is too much."
        if not 0 <= line.tax_rate <= 100:
            faults[f"lines-{index}-tax_id"] = "A tax is from 0 to 100 %."
    return faults


def _values(draft: Draft, totals: money.Totals, base: str) -> dict[str, Any]:
    same = ("kind", "customer_id", "date", "due_date", "payment_term_id", "currency", "exchange_rate", "tax_mode")
    more = ("tax_rounding", "discount_kind", "discount_value", "notes", "terms", "billing_address", "shipping_address")
    potential = draft.potential
    return {
        **{name: getattr(draft, name) for name in same + more},
        "number": draft.number.strip() or None,
        "reference": draft.reference.strip(),
        "custom": dict(draft.custom),
        "potential_id": potential.id if potential else None,
        "potential_name": potential.name if potential else "",
        "potential_stage": potential.stage if potential else "",
        "shipping": totals.shipping,
        "adjustment": totals.adjustment,
        "subtotal": totals.subtotal,
        "discount_total": totals.discount,
        "tax_total": totals.tax,
        "tax_table": [
            {"name": row.name, "rate": f"{row.rate:f}", "taxable": f"{row.taxable:f}", "tax": f"{row.tax:f}"}
            for row in totals.tax_table
        ],
        "total": totals.total,
        "base_total": money.to_base(totals.total, draft.exchange_rate, base),
    }


def _line_values(index: int, line: LineDraft, amounts: money.LineTotals) -> dict[str, Any]:
    same = ("quantity", "rate", "item_id", "discount_kind", "discount_value", "tax_id", "tax_rate", "source_line_id")
    values = {name: getattr(line, name) for name in same}
    texts = {name: getattr(line, name).strip() for name in _LINE_TEXTS}
    try:
        ensure_fits(Line, texts)
    except Invalid as error:
        raise Invalid(error.message, {f"lines-{index}-{name}": said for name, said in error.fields.items()}) from error
    return {**values, **texts, "position": index, "amount": amounts.amount, "tax_amount": amounts.tax}
