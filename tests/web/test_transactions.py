"""The lists and pages of quotes, orders and invoices, and what their buttons do."""

import io
import re
import zipfile
from decimal import Decimal

import pytest
from pypdf import PdfReader
from sqlalchemy import event

from tests.factories.customers import make_customer
from tests.factories.links import make_connection
from tests.factories.transactions import bill, make_invoice, make_line, make_order, make_quote, make_transaction, pay
from zbweb.billing import moves, transactions
from zbweb.billing.drafts import Potential
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import EmailMessage, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.db import db, unit_of_work


@pytest.fixture
def acme(asha):
    with unit_of_work() as session:
        return make_customer(session, display_name="Acme Ltd", email="books@acme.example")


def made(make, customer, **values):
    with unit_of_work() as session:
        return make(session, customer, **values)


def again(document):
    db.session().expire_all()
    return transactions.get(db.session(), Kind(document.kind), document.id)


def all_of(kind):
    return db.session().query(Transaction).filter_by(kind=kind).all()


# ---- the page


def test_an_invoice_is_marked_as_sent_and_gets_its_number(ben, acme):
    draft = made(make_transaction, acme, is_draft=True)
    page = ben.get(f"/invoices/{draft.id}").text
    assert re.search(r"<span>Mark as Sent</span>", page)
    answer = ben.post(f"/invoices/{draft.id}/move", {"to": "sent"}, follow_redirects=True)
    assert "Invoice INV-000001" in answer.text
    assert "Mark as Sent" not in answer.text
    assert again(draft).status == "sent"


def test_a_move_that_is_not_allowed_is_a_conflict_with_a_sentence(asha, acme):
    invoice = made(make_invoice, acme)
    answer = asha.post(f"/invoices/{invoice.id}/move", {"to": "accepted"})
    assert answer.status_code == 409
    assert "cannot become accepted" in answer.text
    assert asha.post(f"/invoices/{invoice.id}/move", {"to": "nonsense"}).status_code == 422


def test_the_page_shows_the_potential_and_who_did_what(asha, acme):
    quote = made(make_quote, acme, potential=Potential("551", "New office", "Negotiation"))
    page = asha.get(f"/quotes/{quote.id}").text
    assert "New office" in page
    assert "marked it as sent" in page


def test_the_pdf_is_the_documents(asha, acme):
    invoice = made(make_invoice, acme, lines=[make_line("Walnut desk", "2", "350")])
    answer = asha.get(f"/invoices/{invoice.id}/pdf")
    assert answer.mimetype == "application/pdf"
    assert "inline" in answer.headers["Content-Disposition"]
    text = PdfReader(io.BytesIO(answer.data)).pages[0].extract_text()
    assert "Walnut desk" in text
    assert "700.00" in text
    kept = asha.get(f"/invoices/{invoice.id}/pdf?download=1").headers["Content-Disposition"]
    assert kept.startswith("attachment")
    assert "INV-000001.pdf" in kept


def test_a_quote_converted_in_two_tabs_makes_one_invoice(asha, acme):
    quote = made(make_quote, acme)
    first = asha.post(f"/quotes/{quote.id}/convert", {"to": "invoices"})
    second = asha.post(f"/quotes/{quote.id}/convert", {"to": "invoices"})
    assert first.location == second.location
    assert len(all_of("invoices")) == 1
    page = asha.get(first.location).text
    assert f'href="/quotes/{quote.id}"' in page, "each names where it came from"


def test_an_order_converted_twice_with_the_same_page_makes_one_invoice(asha, acme):
    order = made(make_order, acme)
    form = {"to": "invoices", "version": order.version}
    places = {asha.post(f"/sales-orders/{order.id}/convert", form).location for _ in range(2)}
    assert len(places) == 1
    assert len(all_of("invoices")) == 1


def test_an_order_is_invoiced_in_parts(asha, acme):
    order = made(make_order, acme, lines=[make_line("Chair", "20", "10"), make_line("Desk", "4", "100")])
    chairs, desks = (line.id for line in order.lines)
    assert "Invoice a Part" in asha.get(f"/sales-orders/{order.id}").text
    form = {"version": order.version, f"quantity-{chairs}": "5", f"quantity-{desks}": "0"}
    asha.post(f"/sales-orders/{order.id}/part", form)
    (invoice,) = all_of("invoices")
    assert [(line.name, line.quantity) for line in invoice.lines] == [("Chair", 5)]
    assert "Partially invoiced" in asha.get(f"/sales-orders/{order.id}").text


@pytest.mark.parametrize(("quantity", "sentence"), [("21", "From 0 to 20 of Chair"), ("lots", "Write a number")])
def test_more_than_remains_is_refused_at_its_line(asha, acme, quantity, sentence):
    order = made(make_order, acme, lines=[make_line("Chair", "20", "10")])
    form = {"version": order.version, f"quantity-{order.lines[0].id}": quantity}
    answer = asha.post(f"/sales-orders/{order.id}/part", form)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'value="{quantity}"' in answer.text


def test_a_part_that_cannot_be_billed_says_why_although_no_line_is_at_fault(asha, acme):
    order = made(make_order, acme, lines=[make_line("Chair", "20", "10")])
    asha.post(f"/customers/{acme.id}/active", {"active": "0"})
    form = {"version": order.version, f"quantity-{order.lines[0].id}": "1"}
    answer = asha.post(f"/sales-orders/{order.id}/part", form)
    assert answer.status_code == 422
    assert "No invoice was made yet. Acme Ltd is inactive" in answer.text


@pytest.mark.parametrize("path", ["/invoices/{}", "/invoices?customer_id={}", "/payments/new?customer_id={}"])
def test_an_id_larger_than_any_database_counts_is_not_found(asha, path):
    assert asha.get(path.format("9" * 30)).status_code == 404


def test_a_duplicate_is_a_new_draft_to_edit(asha, acme):
    quote = made(make_quote, acme)
    answer = asha.post(f"/quotes/{quote.id}/duplicate")
    assert re.fullmatch(r"/quotes/\d+/edit", answer.location)
    assert sorted(each.status for each in all_of("quotes")) == ["draft", "sent"]


def test_a_draft_is_deleted_and_a_sent_invoice_is_not(asha, acme):
    draft, sent = made(make_transaction, acme, is_draft=True), made(make_invoice, acme)
    assert asha.post(f"/invoices/{draft.id}/delete").location == "/invoices"
    assert asha.post(f"/invoices/{sent.id}/delete").status_code == 409
    assert [each.id for each in all_of("invoices")] == [sent.id]


def test_voiding_an_invoice_returns_its_payment_to_credit(asha, acme):
    with unit_of_work() as session:
        invoice = make_invoice(session, acme)
        payment = pay(session, acme, 100, invoices={invoice: 100})
    asha.post(f"/invoices/{invoice.id}/move", {"to": "void"})
    db.session().expire_all()
    assert payment.unused == 100


def test_finance_applies_a_customers_credit_and_sales_does_not(asha, ben, chen, acme):
    with unit_of_work() as session:
        pay(session, acme, 30)
        invoice = make_invoice(session, acme)
    path = f"/invoices/{invoice.id}/apply-credit"
    assert "Apply Credit" not in ben.get(f"/invoices/{invoice.id}").text
    assert ben.post(path).status_code == 403
    assert "Apply Credit" in chen.get(f"/invoices/{invoice.id}").text
    chen.post(path)
    assert again(invoice).paid == 30


# ---- e-mail


def test_a_message_without_a_mail_server_is_held_and_can_be_read(asha, acme):
    invoice = made(make_transaction, acme, is_draft=True)
    form = asha.get(f"/invoices/{invoice.id}/send").text
    assert 'value="books@acme.example"' in form
    message = {"recipients": "a@acme.example; b@acme.example", "subject": "Your invoice", "body": "Dear Acme"}
    answer = asha.post(f"/invoices/{invoice.id}/send", message, follow_redirects=True)
    assert "held in the outbox, not sent" in answer.text
    assert again(invoice).status == "draft", "only a mail server's word makes it sent"
    (email,) = db.session().query(EmailMessage).all()
    assert "Your invoice" in asha.get("/outbox?status=held").text
    assert "Dear Acme" in asha.get(f"/outbox/{email.id}").text
    refused = asha.post(f"/outbox/{email.id}/retry")
    assert refused.status_code == 409
    assert "There is no mail server yet" in refused.text


def test_a_wrong_address_is_said_at_the_field_and_the_message_kept(asha, acme):
    invoice = made(make_invoice, acme)
    message = {"recipients": "not an address", "subject": "Your invoice", "body": "Long and careful words"}
    answer = asha.post(f"/invoices/{invoice.id}/send", message)
    assert answer.status_code == 422
    assert 'id="recipients-error"' in answer.text
    assert "Long and careful words" in answer.text


# ---- lists


def test_the_list_is_filtered_searched_and_paged_by_its_url(asha, acme):
    with unit_of_work() as session:
        other = make_customer(session, display_name="Zeta Inc")
        for _ in range(26):
            make_invoice(session, acme)
        make_transaction(session, other, is_draft=True)
    first = asha.get("/invoices").text
    rest = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    assert len(re.findall("data-select-row", first)) + len(re.findall("data-select-row", asha.get(rest).text)) == 27
    assert "Acme Ltd" not in asha.get("/invoices?status=draft").text
    assert "Acme Ltd" not in asha.get("/invoices?q=zeta").text
    assert "Zeta Inc" not in asha.get(f"/invoices?customer_id={acme.id}&status=unpaid").text.split('id="rows"')[1]
    assert "No invoices match" in asha.get("/invoices?from=2031-01-01").text
    assert asha.get("/invoices?from=nonsense&sort=nonsense&after=x&status=nonsense").status_code == 200


def test_a_list_is_a_fragment_for_htmx_and_a_page_for_others(asha, acme):
    made(make_invoice, acme)
    assert "<html" in asha.get("/invoices").text
    assert "<html" not in asha.get("/invoices", headers={"HX-Request": "true"}).text


def test_the_csv_holds_no_formula(asha):
    with unit_of_work() as session:
        make_invoice(session, make_customer(session, display_name='=HYPERLINK("http://evil")'))
    text = asha.get("/invoices/export.csv").text
    assert "INV-000001" in text
    assert "'=HYPERLINK" in text


def test_a_bulk_action_does_what_it_can_and_says_why_not_the_rest(asha, acme):
    drafts = [made(make_transaction, acme, is_draft=True) for _ in range(2)]
    sent = made(make_invoice, acme)
    ids = [each.id for each in (*drafts, sent)]
    answer = asha.post("/invoices/bulk", {"ids": ids, "action": "first_step"}, follow_redirects=True)
    assert "2 of 3 done, 1 skipped because: INV-000001: This invoice is sent already." in answer.text
    assert {again(each).status for each in drafts} == {"sent"}
    assert len({again(each).number for each in (*drafts, sent)}) == 3


def test_drafts_among_the_chosen_are_deleted_and_the_rest_kept(asha, acme):
    draft, sent = made(make_transaction, acme, is_draft=True), made(make_invoice, acme)
    asha.post("/invoices/bulk", {"ids": [draft.id, sent.id], "action": "delete"})
    assert [each.id for each in all_of("invoices")] == [sent.id]


def test_the_pdfs_of_the_chosen_come_in_one_archive(asha, acme):
    ids = [made(make_invoice, acme).id for _ in range(2)]
    answer = asha.post("/invoices/bulk", {"ids": ids, "action": "pdf"})
    assert zipfile.ZipFile(io.BytesIO(answer.data)).namelist() == ["INV-000001.pdf", "INV-000002.pdf"]


@pytest.fixture
def draft(acme):
    return made(make_transaction, acme, is_draft=True)


def test_a_bulk_action_reaches_no_document_of_another_organisation(asha, draft, dora):
    answer = dora.post("/invoices/bulk", {"ids": [draft.id], "action": "delete"}, follow_redirects=True)
    assert "0 of 0 done" in answer.text
    assert asha.get(f"/invoices/{draft.id}").status_code == 200


def test_nothing_chosen_is_said(asha):
    assert asha.post("/quotes/bulk", {"action": "delete"}).status_code == 422


def test_amounts_keep_their_currency(asha):
    with unit_of_work() as session:
        customer = make_customer(session, display_name="Kawaguchi", currency="JPY")
        make_invoice(session, customer, exchange_rate=Decimal("0.0067"), lines=[make_line("Tea", "3", "100")])
    assert "¥300" in asha.get("/invoices").text


# ---- speed


@pytest.mark.parametrize(
    "path",
    ["/", "/sync-state", "/invoices", "/invoices?q=acme&status=unpaid", "/sales-orders", "/invoices/{id}",
     "/invoices/{id}/edit", "/invoices/new", "/payments", "/payments/new?invoice_id={id}", "/payments/1",
     "/reports/receivables", "/customers/1/statement", "/outbox", "/invoices/{id}/send"],
)  # fmt: skip
def test_no_page_runs_more_than_twelve_queries(asha, acme, path):
    with unit_of_work() as session:
        make_connection(session)
        order = make_order(session, acme, lines=[make_line(f"Part {at}") for at in range(8)])
        invoice = bill(session, order, {0: "1"})
        moves.move(session, invoice, Status.SENT, SYSTEM)
        for _ in range(5):
            paid = make_invoice(session, acme)
            pay(session, acme, 10, invoices={paid: 5, invoice: 1})
    queries = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: queries.append(call[2]))
    assert asha.get(path.format(id=invoice.id)).status_code == 200
    selects = [query for query in queries if query.startswith("SELECT")]
    assert len(selects) <= 12, "\n".join(selects)


@pytest.mark.parametrize(
    ("came_from", "offered"),
    [
        ("http://localhost/invoices/{id}", 'href="/invoices/{id}"'),
        ("https://elsewhere.example/invoices/{id}", 'href="/"'),
        ("", 'href="/"'),
    ],
)
def test_a_refused_button_leads_back_to_its_document_and_nowhere_else(asha, acme, came_from, offered):
    sent = made(make_invoice, acme)
    refused = asha.post(f"/invoices/{sent.id}/delete", headers={"Referer": came_from.format(id=sent.id)})
    assert refused.status_code == 409
    assert offered.format(id=sent.id) in refused.text.partition("error-page")[2]
    assert "elsewhere" not in refused.text


# --- money is for those who handle it ---------------------------------------------------------------


def test_sales_people_leave_an_invoice_alone_for_which_money_was_received(asha, ben, chen, acme):
    with unit_of_work() as session:
        invoice = make_invoice(session, session.merge(acme))
        pay(session, session.merge(acme), "40", invoices={invoice: "40"})
        free = make_invoice(session, session.merge(acme))
    page = f"/invoices/{invoice.id}"
    answer = ben.post(f"{page}/move", {"to": "void"})
    assert (answer.status_code, "Ask somebody from finance" in answer.text) == (403, True)
    ben.post("/invoices/bulk", {"action": "void", "ids": [invoice.id, free.id]})
    assert "Ask somebody from finance" in ben.get("/invoices").text
    db.session.expire_all()
    assert (db.session.get_one(Transaction, invoice.id).status, db.session.get_one(Transaction, free.id).status) == (
        "sent", "void",
    )  # fmt: skip
    assert chen.post(f"{page}/move", {"to": "void"}).status_code == 303
