"""Payments: recorded once, allocated, taken back, refunded; finance and admins write, sales reads."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, make_line, pay
from zbweb.billing import books
from zbweb.billing.models import Customer, Payment, Transaction
from zbweb.db import db, unit_of_work


@pytest.fixture
def acme(asha):
    with unit_of_work() as session:
        return make_customer(session, display_name="Acme Ltd")


@pytest.fixture
def invoices(acme):
    """Two open invoices of 100, INV-000001 due first."""
    with unit_of_work() as session:
        day = books.today(session)
        return [make_invoice(session, acme, date=day - timedelta(days=back)) for back in (40, 2)]


def paid(**values):
    return {"amount": "100", "date": "2026-01-05", "mode": "bank_transfer", "request_key": "key-1"} | values


def to(**amounts):
    """Allocation rows: to(**{"17": "40"}) puts 40 to invoice 17."""
    form = {}
    for index, (invoice_id, amount) in enumerate(amounts.items()):
        form |= {f"allocations-{index}-invoice_id": invoice_id, f"allocations-{index}-amount": amount}
    return form


def balances():
    db.session().expire_all()
    return [each.balance for each in db.session().query(Transaction).order_by(Transaction.id)]


def payments():
    db.session().expire_all()
    return db.session().query(Payment).order_by(Payment.id).all()


def test_a_payment_is_recorded_against_the_invoice_it_was_opened_from(chen, invoices):
    first = invoices[0]
    page = chen.get(f"/payments/new?invoice_id={first.id}").text
    assert re.search(r'name="amount"[^>]*value="100"', page)
    answer = chen.post(f"/payments/new?invoice_id={first.id}", paid(**to(**{str(first.id): "100"})))
    assert re.fullmatch(r"/payments/\d+", answer.location)
    assert balances() == [0, 100]
    assert "Paid" in chen.get(f"/invoices/{first.id}").text


def test_the_same_page_sent_twice_records_once(chen, acme):
    path = f"/payments/new?customer_id={acme.id}"
    places = {chen.post(path, paid()).location for _ in range(2)}
    assert len(places) == 1
    assert len(payments()) == 1


def test_each_opened_page_has_a_key_of_its_own(chen, acme):
    keys = {
        re.search(r'name="request_key"[^>]*value="(\w+)"', chen.get(f"/payments/new?customer_id={acme.id}").text)[1]
        for _ in range(2)
    }
    assert len(keys) == 2


def test_less_than_the_balance_pays_a_part(chen, invoices):
    newest = invoices[1]
    with unit_of_work():
        newest.due_date = newest.date + timedelta(days=30)
    chen.post(f"/payments/new?invoice_id={newest.id}", paid(amount="30", **to(**{str(newest.id): "100"})))
    assert balances() == [100, 70]
    assert "Partially paid" in chen.get(f"/invoices/{newest.id}").text


def test_the_oldest_invoices_are_filled_first_on_request(chen, acme, invoices):
    rows = to(**{str(each.id): "" for each in invoices})
    answer = chen.post(f"/payments/new?customer_id={acme.id}", paid(amount="130", op="spread", **rows))
    assert re.findall(r'name="allocations-\d-amount"[^>]*value="(\d+)"', answer.text) == ["100", "30"]
    assert payments() == []


def test_more_than_was_received_cannot_be_allocated(chen, acme, invoices):
    rows = to(**{str(each.id): "100" for each in invoices})
    answer = chen.post(f"/payments/new?customer_id={acme.id}", paid(amount="150", **rows))
    assert answer.status_code == 422
    assert "Only 150" in answer.text
    assert balances() == [100, 100]


def test_more_than_an_invoice_owes_is_refused_at_its_row(chen, acme, invoices):
    rows = to(**{str(invoices[0].id): "150", str(invoices[1].id): "10"})
    answer = chen.post(f"/payments/new?customer_id={acme.id}", paid(amount="500", **rows))
    assert answer.status_code == 422
    assert 'id="allocations-0-amount-error"' in answer.text
    assert 'value="150"' in answer.text


def test_an_invoice_that_was_paid_in_another_tab_is_said_at_the_top_as_its_row_is_gone(chen, acme, invoices):
    for each in invoices:
        rows = to(**{str(each.id): "100"})
        chen.post("/payments/new", paid(request_key=f"tab-1-{each.id}", **rows), query_string={"customer_id": acme.id})
    late = to(**{str(invoices[0].id): "100"})
    answer = chen.post(f"/payments/new?customer_id={acme.id}", paid(request_key="tab-2", **late))
    assert answer.status_code == 422
    banner = re.search(r"<div[^>]*data-form-errors.*?</div>", answer.text, re.DOTALL)
    assert f"{invoices[0].number} is paid already." in banner[0]
    assert len(payments()) == 2


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"amount": "12.345"}, "12.345 is no amount of USD, which is counted in steps of 0.01."),
        ({"amount": ""}, "Enter the amount."),
        ({"amount": "0"}, "The amount must be more than zero."),
        ({"amount": "x"}, "Write a number"),
        ({"date": "2199-01-01"}, "A payment is dated today or earlier, with the year in full."),
        ({"mode": "barter"}, "Not a valid choice"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_recorded(chen, acme, wrong, sentence):
    answer = chen.post(f"/payments/new?customer_id={acme.id}", paid(reference="Kept") | wrong)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="Kept"' in answer.text
    assert payments() == []


def test_the_rest_becomes_credit_that_is_applied_taken_back_and_refunded(chen, acme, invoices):
    answer = chen.post(f"/payments/new?customer_id={acme.id}", paid(amount="150"))
    path, first = answer.location, invoices[0]
    chen.post(f"{path}/allocate", to(**{str(first.id): "60"}))
    assert balances() == [40, 100]
    chen.post(f"{path}/unallocate", {"invoice_id": first.id})
    assert balances() == [100, 100]
    too_much = chen.post(f"{path}/refund", {"refund-amount": "151", "refund-date": "2026-01-06"})
    assert too_much.status_code == 422
    assert "At most 150" in too_much.text
    chen.post(f"{path}/refund", {"refund-amount": "50", "refund-date": "2026-01-06", "refund-reference": "R-1"})
    assert payments()[0].unused == 100
    page = chen.get(path).text
    assert "R-1" in page
    assert "refunded 50" in page


def test_a_payment_is_edited_but_not_below_what_it_settles(chen, acme, invoices):
    with unit_of_work() as session:
        payment = pay(session, acme, 100, invoices={invoices[0]: 80})
    path = f"/payments/{payment.id}/edit"
    assert 'value="100"' in chen.get(path).text
    assert chen.post(path, paid(amount="79", version=payment.version)).status_code == 422
    chen.post(path, paid(amount="90", reference="B-2", version=payment.version))
    assert [(each.amount, each.unused, each.reference) for each in payments()] == [(90, 10, "B-2")]
    stale = chen.post(path, paid(amount="95", version=1))
    assert stale.status_code == 409
    assert 'value="95"' in stale.text


def test_a_deleted_payment_opens_its_invoices_again(chen, acme, invoices):
    with unit_of_work() as session:
        payment = pay(session, acme, 100, invoices={invoices[0]: 100})
    assert chen.post(f"/payments/{payment.id}/delete").location == "/payments"
    assert balances() == [100, 100]


def test_sales_reads_payments_and_writes_none(ben, acme, invoices):
    with unit_of_work() as session:
        payment = pay(session, acme, 100)
    page = ben.get(f"/payments/{payment.id}")
    assert page.status_code == 200
    assert "Refund" not in page.text
    assert "Record Payment" not in ben.get("/payments").text
    assert ben.get("/payments/new").status_code == 403
    for act in ("edit", "allocate", "unallocate", "refund", "delete"):
        assert ben.post(f"/payments/{payment.id}/{act}").status_code == 403


@pytest.fixture
def payment(acme):
    with unit_of_work() as session:
        return pay(session, acme, 100)


def test_a_stranger_finds_no_payment(acme, payment, dora):
    assert dora.get(f"/payments/{payment.id}").status_code == 404
    assert dora.get(f"/payments/new?customer_id={acme.id}").status_code == 404


def test_who_paid_is_asked_first(chen, acme, invoices):
    assert "$200.00" in chen.get("/payments/new").text
    assert chen.get("/payments/new?customer_name=acme ltd").location == f"/payments/new?customer_id={acme.id}"
    assert "Which one?" in chen.get("/payments/new?customer_name=acm").text


def test_a_foreign_payment_keeps_its_rate(chen):
    with unit_of_work() as session:
        euro = make_customer(session, display_name="Müller GmbH", currency="EUR")
        invoice = make_invoice(session, euro, exchange_rate=Decimal(2), lines=[make_line()])
    path = f"/payments/new?invoice_id={invoice.id}"
    assert re.search(r'name="exchange_rate"[^>]*value="2"', chen.get(path).text)
    chen.post(path, paid(exchange_rate="1.5", **to(**{str(invoice.id): "100"})))
    assert [(each.currency, each.exchange_rate) for each in payments()] == [("EUR", 1.5)]


def test_the_list_finds_payments_with_credit(asha, acme, invoices):
    with unit_of_work() as session:
        pay(session, acme, 100, invoices={invoices[0]: 100}, reference="SETTLED")
        pay(session, acme, 55, reference="OPEN")
    text = asha.get("/payments?status=unused").text
    assert "OPEN" in text
    assert "SETTLED" not in text
    assert "No payments match" in asha.get("/payments?q=nobody").text


def test_a_refund_or_an_allocation_sent_twice_is_done_once(chen, acme, invoices):
    with unit_of_work() as session:
        payment = pay(session, session.get_one(Customer, acme.id), "100")
    page = chen.get(f"/payments/{payment.id}").text
    (version,) = set(re.findall(r'name="version" value="(\d+)"', page))
    day = books.today(db.session()).isoformat()
    asked = {"refund-amount": "10", "refund-date": day, "version": version}
    assert chen.post(f"/payments/{payment.id}/refund", asked).status_code == 303
    assert chen.post(f"/payments/{payment.id}/refund", asked).status_code == 409
    applied = to(**{str(invoices[0].id): "5"}) | {"version": version}
    assert chen.post(f"/payments/{payment.id}/allocate", applied).status_code == 409
    (version,) = set(re.findall(r'name="version" value="(\d+)"', chen.get(f"/payments/{payment.id}").text))
    applied["version"] = version
    assert [chen.post(f"/payments/{payment.id}/allocate", applied).status_code for _ in range(2)] == [303, 409]
    db.session.expire_all()
    assert db.session.get_one(Payment, payment.id).unused == 85
