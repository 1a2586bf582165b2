"""The pages that merge two customers: who stays, what happens, and who may."""

import pytest

from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, pay
from zbweb.billing.models import Customer, Transaction
from zbweb.db import db, unit_of_work


@pytest.fixture
def acmes(asha):
    """Acme (stays), Acme Limited (goes, with an invoice and a payment) and Zoo; their ids."""
    with unit_of_work() as session:
        kept = make_customer(session, display_name="Acme", email="info@acme.example")
        other = make_customer(session, display_name="Acme Limited")
        zoo = make_customer(session, display_name="Zoo", type="individual", last_name="Zoo")
        make_invoice(session, other)
        pay(session, other, "40")
        return kept.id, other.id, zoo.id


def test_the_customer_who_stays_is_searched_and_chosen(asha, acmes):
    kept, other, _ = acmes
    assert f'href="/customers/{other}/merge"' in asha.get(f"/customers/{other}").text
    page = asha.get(f"/customers/{other}/merge?q=acme").text
    assert f'href="/customers/{other}/merge/{kept}"' in page
    assert "info@acme.example" in page
    assert f"/merge/{other}" not in page
    assert "No other active customer is called that" in asha.get(f"/customers/{other}/merge?q=nobody").text


def test_namesakes_are_offered_unasked(asha, acmes):
    _, other, _ = acmes
    with unit_of_work() as session:
        namesake = make_customer(session, display_name="ACME LIMITED").id
    assert f"/customers/{other}/merge/{namesake}" in asha.get(f"/customers/{other}/merge").text


def test_what_happens_is_told_first_and_then_done(asha, acmes):
    kept, other, _ = acmes
    page = asha.get(f"/customers/{other}/merge/{kept}").text
    for words in ("Merge Acme Limited into Acme", "Transactions handed over", "This cannot be undone"):
        assert words in page
    answer = asha.post(f"/customers/{other}/merge/{kept}")
    assert answer.headers["Location"] == f"/customers/{kept}"
    assert "Acme Limited is merged into Acme" in asha.get(f"/customers/{kept}").text
    assert [each.customer_id for each in db.session.query(Transaction)] == [kept]
    assert asha.post(f"/customers/{other}/merge/{kept}").status_code == 404


def test_two_who_cannot_become_one_are_refused_before_and_after_the_click(asha, acmes):
    _, other, zoo = acmes
    assert "Give both the same customer type" in asha.get(f"/customers/{other}/merge/{zoo}").text
    answer = asha.post(f"/customers/{other}/merge/{zoo}")
    assert (answer.status_code, "Give both the same customer type" in answer.text) == (409, True)
    assert db.session.query(Customer).count() == 3


def test_sales_people_do_not_merge(ben, acmes):
    kept, other, _ = acmes
    assert "merge" not in ben.get(f"/customers/{other}").text
    assert ben.post(f"/customers/{other}/merge/{kept}").status_code == 403
