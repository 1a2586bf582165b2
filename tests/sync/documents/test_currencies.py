"""Documents in other currencies: amounts cross only where both sides mean the same currency by them."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from tests.factories.documents import (
    add_customer,
    configure,
    deliver,
    documents_in,
    due_now,
    invoice_for,
    the_document,
    waiting,
)
from tests.factories.potentials import Altered
from zbweb.billing.models import Item, Transaction
from zbweb.db import db
from zbweb.sync.core.words import Extent
from zbweb.sync.documents import incoming
from zbweb.sync.models import SyncEntry


@pytest.fixture
def in_pounds(both_ways):
    """A sent invoice of £100 at 1.27 dollars."""
    configure(both_ways)
    customer_id = add_customer(display_name="Acme", currency="GBP")
    both_ways.sync()
    invoice_for(customer_id, exchange_rate=Decimal("1.27"))
    return both_ways


def test_a_crm_of_one_currency_is_not_told_foreign_amounts(in_pounds):
    deliver(in_pounds)
    assert documents_in(in_pounds) == []
    (row,) = waiting()
    assert row.error_code == "currency_unknown"
    assert "does not keep GBP" in row.error_message


def test_it_is_told_once_it_keeps_the_currency(in_pounds):
    deliver(in_pounds)
    in_pounds.sandbox.control("org", {"mc_status": True})
    due_now()
    deliver(in_pounds)
    found = the_document(in_pounds)
    assert (found["Currency"], found["Grand_Total"]) == ("GBP", 100)
    assert waiting() == []


# --- from the CRM -----------------------------------------------------------------------------------


@pytest.fixture
def many_currencies(both_ways):
    """A CRM that counts in several currencies, with a customer billed in dollars and one billed in pounds."""
    both_ways.sandbox.control("org", {"mc_status": True})
    add_customer(display_name="Dollar Inc")
    add_customer(display_name="Pound plc", currency="GBP")
    both_ways.sync()
    configure(both_ways, extent=Extent.BOTH)
    return both_ways


def add_invoice(partners, account_name, *, client=None, **values):
    """Somebody makes an invoice of 40 in the CRM; its id."""
    (account,) = [each for each in partners.records("Accounts", "Account_Name") if each["Account_Name"] == account_name]
    product_id = partners.add("Products", Product_Name="Desk", Unit_Price=20)
    rows = [{"Product_Name": {"id": product_id}, "Quantity": 2, "List_Price": 20}]
    crm_id = partners.add("Invoices", Subject="X", Account_Name={"id": account["id"]}, Invoiced_Items=rows, **values)
    incoming.take(partners.connection, "Invoices", [crm_id], client or partners.client)
    return crm_id


def amounts():
    db.session.rollback()
    found = db.session.scalars(select(Transaction).execution_options(populate_existing=True))
    return [(each.currency, each.total, each.exchange_rate) for each in found]


def last_entry():
    db.session.rollback()
    return db.session.scalars(
        select(SyncEntry).where(SyncEntry.crm_module == "Invoices").order_by(-SyncEntry.id)
    ).first()


@pytest.mark.parametrize(("name", "theirs", "ours"), [("Dollar Inc", "GBP", "USD"), ("Pound plc", "USD", "GBP")])
def test_a_document_in_another_currency_than_its_customers_is_not_taken(many_currencies, name, theirs, ours):
    crm_id = add_invoice(many_currencies, name, Currency=theirs)
    assert (amounts(), many_currencies.count(Item)) == ([], 0)
    entry = last_entry()
    assert (entry.outcome, entry.reason) == ("failed", "invalid_value")
    assert entry.crm_words == (
        f"The document is in {theirs}, but {name} is billed in {ours}. "
        "Change the currency of one of them, then choose Retry."
    )
    many_currencies.edit("Invoices", crm_id, Currency=ours)
    many_currencies.sync()
    assert [each[:2] for each in amounts()] == [(ours, 40)]


def test_a_crm_of_one_currency_means_the_base_currency(both_ways):
    add_customer(display_name="Pound plc", currency="GBP")
    both_ways.sync()
    configure(both_ways, extent=Extent.BOTH)
    add_invoice(both_ways, "Pound plc")
    assert amounts() == []
    assert "is in USD, but Pound plc is billed in GBP" in last_entry().crm_words


@pytest.mark.parametrize(("theirs", "rate"), [(Decimal("0.8"), "1.25"), (None, "1.27"), (0, "1.27")])
def test_a_document_has_the_rate_of_the_crm_or_else_the_one_last_billed_at(many_currencies, theirs, rate):
    db.session.rollback()
    (pound,) = [each.id for each in many_currencies.customers() if each.currency == "GBP"]
    invoice_for(pound, exchange_rate=Decimal("1.27"), is_draft=True)
    client = many_currencies.client
    read = client.get
    client = Altered(client, get=lambda *asked: {**read(*asked), "Exchange_Rate": theirs})
    add_invoice(many_currencies, "Pound plc", client=client, Currency="GBP")
    assert amounts()[1:] == [("GBP", 40, Decimal(rate))]


def test_prices_typed_in_another_currency_do_not_change_a_document(many_currencies):
    crm_id = add_invoice(many_currencies, "Dollar Inc", Currency="USD")
    deliver(many_currencies)
    (row,) = the_document(many_currencies)["Invoiced_Items"]
    changed = [{"id": row["id"], "List_Price": 15}]
    many_currencies.edit("Invoices", crm_id, Currency="GBP", Invoiced_Items=changed)
    incoming.take(many_currencies.connection, "Invoices", [crm_id], many_currencies.client)
    assert (last_entry().outcome, [each[:2] for each in amounts()]) == ("skipped", [("USD", 40)])
    deliver(many_currencies)
    found = the_document(many_currencies)
    assert (found["Currency"], found["Grand_Total"]) == ("USD", 40)
