"""What the editor of a document does between the form and the services: who is meant, which item, what it comes to."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import books, composing, money, payment_terms, taxes
from zbweb.billing.drafts import Draft, LineDraft, from_transaction
from zbweb.billing.models import Customer, Item, Tax, Transaction
from zbweb.billing.naming import name_key
from zbweb.billing.queries import offers
from zbweb.billing.words import Kind
from zbweb.errors import Invalid
from zbweb.web.forms.transactions import LineForm, TransactionForm, typed_values
from zbweb.web.lookup import Answer

_UNSAID = {"Choose a customer.", "Add at least one line."}
"""What a form that is only begun lacks: that goes without saying."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What the document comes to as it is typed; `sentence` says why it could not be saved so."""

    currency: str
    base_currency: str
    totals: money.Totals | None
    due_date: datetime.date | None
    sentence: str = ""

    @property
    def is_foreign(self) -> bool:
        """Whether an exchange rate is needed."""
        return self.currency != self.base_currency


@dataclass(slots=True)
class Editor:
    """An open editor. `held` is the document being edited, none for a new one; `before` the draft it started from.

    `matches` are customers of a name like the one typed, `there` is what Zoho CRM answered if it was asked for it.
    """

    form: TransactionForm
    before: Draft
    held: Transaction | None
    customer: Customer | None
    matches: Sequence[Customer] = ()
    there: Answer | None = None

    @property
    def kind(self) -> Kind:
        """Which document this is."""
        return self.before.kind

    def draft(self) -> Draft:
        """What is typed."""
        return self.form.draft(self.before)


def opened(
    session: Session, kind: Kind, held: Transaction | None, *, customer_id: int | None = None, picked: int | None = None
) -> Editor:
    """The editor as the request finds it: filled from the document, or from what was typed.

    `customer_id` is whom a new document begins with, `picked` somebody who was looked up meanwhile.
    """
    before = from_transaction(held) if held else Draft(kind, customer_id or 0, books.today(session), lines=())
    form = TransactionForm(data=typed_values(before) | {"version": held.version if held else ""})
    form.drop_blank_lines()
    editor = Editor(form, before, held, None)
    _settle_customer(session, editor, picked)
    currency = books.currency_of(session, editor.customer) if editor.customer else books.own(session).base_currency
    _settle_currency(session, form, currency)
    form.offer(_taxes(session, held), payment_terms.all_terms(session), currency)
    for entry in form.lines.entries:
        _settle_item(session, entry.form, form.exchange_rate.data)
    return editor


def preview(session: Session, editor: Editor) -> Preview:
    """The totals of what is typed, even while it could not be saved yet."""
    own, draft = books.own(session), _readable(editor.draft())
    currency = books.currency_of(session, editor.customer) if editor.customer else own.base_currency
    due_date = composing.due_date(session, draft, before=editor.held)
    if sentence := editor.form.unread():
        return Preview(currency, own.base_currency, None, due_date, sentence)
    try:
        composed = composing.compose(session, draft, before=editor.held)
        return Preview(currency, own.base_currency, composed.totals, due_date)
    except Invalid as refusal:
        sentence = "" if _UNSAID.issuperset(refusal.fields.values()) else refusal.message
    try:
        totals = composing.compute(replace(_taxed(session, draft), currency=currency))
    except Invalid:
        totals = None
    return Preview(currency, own.base_currency, totals, due_date, sentence)


def price(item: Item, exchange_rate: Decimal | None) -> Decimal:
    """An item's price in the document's currency; items are priced in the base currency."""
    if not exchange_rate or not money.is_rate(money.as_rate(exchange_rate)):
        return item.rate
    return (item.rate / exchange_rate).quantize(money.PLACES)


def customer_typed(session: Session, customer_id: int | None, name: str) -> Customer | None:
    """The customer that was picked, or the only one of exactly that name; a name typed over a pick counts."""
    picked = session.scalar(select(Customer).where(Customer.id == customer_id)) if customer_id else None
    if picked is not None and name_key(name) in {"", picked.name_key}:
        return picked
    named = offers.customers_named(session, name)
    return named[0] if len(named) == 1 else None


def _settle_customer(session: Session, editor: Editor, picked: int | None) -> None:
    form = editor.form
    chosen = picked or form.customer_match.data
    name = "" if chosen else form.customer_name.data or ""
    editor.customer = customer_typed(session, chosen or form.customer_id.data, name)
    if editor.customer is not None:
        form.customer_id.data, form.customer_name.data = editor.customer.id, editor.customer.display_name
        return
    form.customer_id.data = None
    if form.is_submitted():
        editor.matches = offers.customers(session, name)


def _settle_currency(session: Session, form: TransactionForm, currency: str) -> None:
    """A currency that the document did not have a moment ago brings the rate it was last billed at, or none yet."""
    if form.currency.data != currency:
        form.exchange_rate.raw_data = None
        form.exchange_rate.data = offers.rate_to_begin_with(session, currency)
    form.currency.data = currency


def _settle_item(session: Session, line: LineForm, exchange_rate: Decimal | None) -> None:
    """A row that names an item and nothing else is given the item's rate, unit and tax."""
    if line.item_id.data or not (item := offers.item_named(session, line.name.data or "")):
        return
    line.item_id.data = item.id
    line.unit.data = line.unit.data or item.unit
    if line.rate.data is None and not line.rate.errors:
        line.rate.raw_data, line.rate.data = None, price(item, exchange_rate)
        line.tax_id.data = line.tax_id.data or item.tax_id


def _taxes(session: Session, held: Transaction | None) -> list[Tax]:
    """The taxes on offer, with those that the document has although they are offered no more."""
    used = {line.tax_id for line in held.lines} if held else set()
    return [tax for tax in taxes.all_taxes(session) if tax.active or tax.id in used]


def _readable(draft: Draft) -> Draft:
    """Rows without a name yet still count."""
    return replace(draft, lines=tuple(replace(line, name=line.name or "…") for line in draft.lines))


def _taxed(session: Session, draft: Draft) -> Draft:
    known = {tax.id: tax for tax in taxes.all_taxes(session)}
    return replace(draft, lines=tuple(_with_tax(line, known.get(line.tax_id or 0)) for line in draft.lines))


def _with_tax(line: LineDraft, tax: Tax | None) -> LineDraft:
    return replace(line, tax_name=tax.name, tax_rate=tax.rate) if tax else line
