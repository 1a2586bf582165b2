"""Documents in other currencies: the CRM is told them only where it can say the currency, too."""

from decimal import Decimal

import pytest

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
