"""Two customers become one: what was billed and paid moves, what is lacking is filled, nothing is lost unsaid."""

from decimal import Decimal

import pytest

from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, make_quote, pay
from tests.people import Person
from zbweb.billing import customers, merging, receivables
from zbweb.billing.journal import SYSTEM, history
from zbweb.billing.models import Customer, Payment, Transaction
from zbweb.billing.queries import activity
from zbweb.db import db, unit_of_work
from zbweb.errors import Conflict


def merged(kept_id, other_id):
    with unit_of_work() as session:
        merging.merge(session, customers.locked(session, kept_id), customers.locked(session, other_id), actor=SYSTEM)
    db.session.rollback()
    return db.session.get_one(Customer, kept_id, populate_existing=True)


def two(kept=None, other=None):
    with unit_of_work() as session:
        pair = (
            make_customer(session, display_name="Acme", **(kept or {})),
            make_customer(session, display_name="Acme Limited", **(other or {})),
        )
        return [each.id for each in pair]


def test_documents_payments_and_credit_move_and_the_sums_are_those_of_both(any_app):
    Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")
    kept_id, other_id = two()
    with unit_of_work() as session:
        kept, other = session.get_one(Customer, kept_id), session.get_one(Customer, other_id)
        make_invoice(session, kept)
        invoice = make_invoice(session, other)
        pay(session, other, "130", invoices={invoice: "40"})
        quote_id = make_quote(session, other).id
    merged(kept_id, other_id)
    assert [each.customer_id for each in db.session.query(Transaction)] == [kept_id] * 3
    assert [each.customer_id for each in db.session.query(Payment)] == [kept_id]
    owed = receivables.balance(db.session(), kept_id)
    assert (owed.outstanding, owed.credit) == (Decimal(160), Decimal(90))
    assert db.session.get(Customer, other_id) is None
    last = history(db.session(), "transaction", quote_id)[0]
    assert (last.action, last.changes) == ("updated", {"customer": ["Acme Limited", "Acme"]})


def test_what_the_kept_one_lacks_is_taken_over_and_what_differs_is_told(app, asha):
    kept_id, other_id = two(
        kept={"phone": "1", "billing_city": "Rome"},
        other={"phone": "2", "email": "a@acme.example", "billing_street": "Main 1", "shipping_city": "Oslo"},
    )
    kept = merged(kept_id, other_id)
    assert (kept.phone, kept.email, kept.display_name) == ("1", "a@acme.example", "Acme")
    assert (kept.billing_street, kept.billing_city, kept.shipping_city) == ("", "Rome", "Oslo")
    told = activity.of_customer(db.session(), kept)[0]
    assert told.sentence == "merged Acme Limited into this customer"
    assert ("Phone", "2", "1") in [(each.label, each.old, each.new) for each in told.changes]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"type": "individual", "last_name": "Lee"}, "the other one an individual"),
        ({"currency": "EUR"}, "billed in USD and Acme Limited in EUR"),
    ],
)
def test_customers_of_two_types_or_currencies_stay_two(app, asha, other, words):
    kept_id, other_id = two(other=other)
    with pytest.raises(Conflict, match=words):
        merged(kept_id, other_id)


def test_nobody_is_merged_with_themselves(app, asha):
    kept_id, _ = two()
    with pytest.raises(Conflict, match="cannot be merged with itself"):
        merged(kept_id, kept_id)
