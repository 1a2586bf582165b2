"""The editor of quotes, orders and invoices: what is typed, previewed, refused, kept and saved."""

import re
from decimal import Decimal

import pytest

from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, make_line, make_quote, make_transaction
from zbweb.billing import items, payment_terms, taxes, transactions
from zbweb.billing.items import ItemDraft
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Transaction
from zbweb.billing.payment_terms import TermDraft
from zbweb.billing.words import Kind
from zbweb.db import db, unit_of_work
from zbweb.web.forms.amounts import parse

HTMX = {"HX-Request": "true"}


@pytest.fixture
def acme(asha):
    with unit_of_work() as session:
        return make_customer(session, display_name="Acme Ltd")


@pytest.fixture
def chair(asha):
    with unit_of_work() as session:
        tax = taxes.create(session, name="VAT", rate=Decimal(10), actor=SYSTEM)
        draft = ItemDraft("Chair", sku="CHR", rate=Decimal("149.5"), unit="pcs", tax_id=tax.id)
        return items.create(session, draft, actor=SYSTEM)


def typed(customer, *lines, **values):
    """A form as the browser sends it; a line is (name, quantity, rate) or a dictionary."""
    form = {"customer_id": customer.id, "customer_name": customer.display_name, "date": "2026-11-23"} | values
    for index, line in enumerate(lines):
        named = line if isinstance(line, dict) else dict(zip(("name", "quantity", "rate"), line, strict=False))
        form |= {f"lines-{index}-{name}": value for name, value in named.items()}
    return form


def saved(answer) -> Transaction:
    assert answer.status_code in {302, 303}, answer.text
    found = re.fullmatch(r"/([a-z-]+)/(\d+)", answer.location)
    return transactions.get(db.session(), Kind(found[1]), int(found[2]))


# ---- saving


@pytest.mark.parametrize("kind", Kind)
def test_a_saved_document_lands_on_its_own_page(ben, acme, kind):
    answer = ben.post(f"/{kind}/new", typed(acme, ("Consulting", "2", "1,250.50")))
    document = saved(answer)
    assert (document.kind, document.total, document.status) == (kind, Decimal("2501"), "draft")
    page = ben.get(answer.location).text
    assert "Consulting" in page
    assert "$2,501.00" in page


def test_a_form_sent_twice_saves_one_document_and_the_next_form_another(asha, acme):
    page = asha.get("/invoices/new").text
    key = re.search(r'name="request_key"[^>]*value="([^"]+)"', page)[1]
    form = typed(acme, ("Chair", "1", "10"), request_key=key)
    places = {asha.post("/invoices/new", form).location for _ in range(2)}
    assert len(places) == 1
    assert asha.post("/invoices/new", form | {"request_key": "another"}).location not in places


def test_every_field_of_the_form_reaches_the_document(asha, acme, chair):
    with unit_of_work() as session:
        term = payment_terms.create(session, TermDraft("Net 10", days=10), actor=SYSTEM)
    line = {"name": "Chair", "quantity": "10", "rate": "100", "discount_value": "10", "discount_kind": "percent",
            "tax_id": chair.tax_id, "description": "Soft"}  # fmt: skip
    values = {"reference": "PO-7", "number": "INV-9", "payment_term_id": term.id, "discount_value": "100",
              "discount_kind": "amount", "shipping": "20", "adjustment": "-5", "notes": "Thanks", "terms": "Net",
              "potential_id": "551", "potential_name": "New office", "potential_stage": "Negotiation"}  # fmt: skip
    document = saved(asha.post("/invoices/new", typed(acme, line, **values)))
    assert (document.subtotal, document.discount_total, document.tax_total) == (900, 100, 80)
    assert document.total == 895  # 900 - 100 + 80 tax + 20 shipping - 5 adjustment
    assert document.due_date.isoformat() == "2026-12-03"
    assert (document.number, document.reference, document.potential_name) == ("INV-9", "PO-7", "New office")
    assert (document.notes, document.terms, document.lines[0].description) == ("Thanks", "Net", "Soft")


def test_blank_rows_are_dropped_and_the_others_keep_their_order(asha, acme):
    form = typed(acme, ("First", "1", "5"), ("", "1", ""), ("Second", "1", "7"), ("", "1", ""))
    document = saved(asha.post("/invoices/new", form))
    assert [line.name for line in document.lines] == ["First", "Second"]


def test_an_item_named_in_full_brings_its_rate_unit_and_tax(asha, acme, chair):
    document = saved(asha.post("/invoices/new", typed(acme, ("chair", "2", ""))))
    line = document.lines[0]
    assert (line.item_id, line.rate, line.unit, line.tax_name) == (chair.id, Decimal("149.5"), "pcs", "VAT")


def test_a_rate_that_was_typed_is_not_replaced_by_the_items(asha, acme, chair):
    line = saved(asha.post("/invoices/new", typed(acme, ("Chair", "1", "99")))).lines[0]
    assert (line.item_id, line.rate, line.tax_name) == (chair.id, Decimal("99"), "")


def test_an_items_price_is_converted_for_a_customer_with_another_currency(asha, chair):
    with unit_of_work() as session:
        euro = make_customer(session, display_name="Müller GmbH", currency="EUR")
    form = typed(euro, ("Chair", "1", ""), currency="EUR", exchange_rate="1.25")
    document = saved(asha.post("/invoices/new", form))
    assert (document.currency, document.total, document.base_total) == ("EUR", Decimal("131.56"), Decimal("164.45"))


def test_a_typed_name_finds_the_customer_it_names(asha, acme):
    document = saved(asha.post("/quotes/new", typed(acme, ("A", "1", "1"), customer_id="", customer_name=" acme  LTD")))
    assert document.customer_id == acme.id


def test_a_name_typed_over_a_picked_customer_counts(asha, acme):
    with unit_of_work() as session:
        other = make_customer(session, display_name="Zeta Inc")
    document = saved(asha.post("/quotes/new", typed(acme, ("A", "1", "1"), customer_name="Zeta Inc")))
    assert document.customer_id == other.id


def test_save_and_send_goes_on_to_the_message(asha, acme):
    answer = asha.post("/invoices/new", typed(acme, ("A", "1", "1"), op="send"))
    assert re.fullmatch(r"/invoices/\d+/send", answer.location)


# ---- refusals


def test_what_is_wrong_is_said_at_its_field_and_everything_typed_is_kept(asha, acme):
    form = typed(acme, ("Good", "1", "5"), ("Bad", "many", ""), ("", "1", "3"), reference="PO-99", shipping="-1")
    answer = asha.post("/invoices/new", form)
    assert answer.status_code == 422
    for words in (
        'value="many"',
        'value="PO-99"',
        'value="Good"',
        "Write a number",
        "Enter a rate.",
        "Name what is sold.",
    ):
        assert words in answer.text
    assert 'id="lines-1-quantity-error"' in answer.text
    assert 'href="#lines-2-name"' in answer.text
    assert db.session().query(Transaction).count() == 0


def test_what_only_the_service_can_see_is_said_at_the_field_too(asha, acme):
    answer = asha.post("/invoices/new", typed(acme, ("", "1", ""), ("Thing", "0", "5")))
    assert answer.status_code == 422
    assert re.search(r'id="lines-0-quantity-error".*?The quantity must be more than zero', answer.text, re.DOTALL)


def test_a_document_without_lines_is_refused_with_a_blank_row_to_fill(asha, acme):
    answer = asha.post("/invoices/new", typed(acme))
    assert answer.status_code == 422
    assert "Add at least one line." in answer.text
    assert 'name="lines-0-name"' in answer.text


def test_an_unknown_customer_is_refused_with_those_of_a_similar_name(asha, acme):
    answer = asha.post("/invoices/new", typed(acme, ("A", "1", "1"), customer_id="", customer_name="acm"))
    assert answer.status_code == 422
    assert "There is no customer acm." in answer.text
    assert f'<option value="{acme.id}">Acme Ltd</option>' in answer.text


def test_a_customer_of_another_organisation_is_nobody(acme, dora):
    answer = dora.post("/invoices/new", typed(acme, ("A", "1", "1")))
    assert answer.status_code == 422
    assert "There is no customer Acme Ltd." in answer.text


@pytest.fixture
def invoice(acme):
    with unit_of_work() as session:
        return make_invoice(session, acme)


def test_a_document_of_another_organisation_is_not_found(invoice, dora):
    for path in (f"/invoices/{invoice.id}", f"/invoices/{invoice.id}/edit", f"/invoices/{invoice.id}/pdf"):
        assert dora.get(path).status_code == 404


def test_an_invoice_is_not_found_among_the_quotes(asha, invoice):
    assert asha.get(f"/quotes/{invoice.id}").status_code == 404


# ---- without JavaScript


def test_rows_are_added_moved_and_removed_by_plain_buttons(asha, acme):
    form = typed(acme, ("One", "1", "1"), ("Two", "1", "2"))

    def names(op):
        text = asha.post("/invoices/new", form | {"op": op}).text.split("<template")[0]
        return re.findall(r'name="lines-\d+-name"[^>]*?value="([^"]*)"', text)

    assert names("add") == ["One", "Two", ""]
    assert names("up-1") == names("down-0") == ["Two", "One"]
    assert names("remove-0") == ["Two"]
    assert names("remove-77") == ["One", "Two"]


def test_a_customer_is_found_and_chosen_from_a_drop_down(asha, acme):
    found = asha.post("/invoices/new", typed(acme, ("A", "1", "1"), customer_id="", customer_name="acm", op="find"))
    assert found.status_code == 200
    assert f'<option value="{acme.id}">Acme Ltd</option>' in found.text
    chosen = typed(acme, ("A", "1", "1"), customer_id="", customer_name="acm", customer_match=acme.id)
    assert saved(asha.post("/invoices/new", chosen)).customer_id == acme.id


# ---- editing


def test_an_edit_keeps_the_rows_it_names_and_drops_the_others(asha, acme):
    with unit_of_work() as session:
        lines = [make_line("Kept", "1", "5"), make_line("Gone", "1", "7")]
        invoice = make_transaction(session, acme, is_draft=True, lines=lines)
    kept_id = invoice.lines[0].id
    page = asha.get(f"/invoices/{invoice.id}/edit").text
    assert 'value="Kept"' in page
    line = {"id": kept_id, "name": "Kept", "quantity": "3", "rate": "5"}
    answer = asha.post(f"/invoices/{invoice.id}/edit", typed(acme, line, version=invoice.version))
    assert [(line.id, line.quantity) for line in saved(answer).lines] == [(kept_id, 3)]


def test_the_second_of_two_editors_is_told_and_loses_nothing(asha, chen, acme):
    with unit_of_work() as session:
        quote = make_quote(session, acme)
    line = {"id": quote.lines[0].id, "name": "Widget", "quantity": "1", "rate": "100"}
    form = typed(acme, line, version=quote.version, number=quote.number)
    assert chen.post(f"/quotes/{quote.id}/edit", form | {"notes": "Chen's"}).status_code == 303
    answer = asha.post(f"/quotes/{quote.id}/edit", form | {"notes": "Asha's"})
    assert answer.status_code == 409
    assert "Somebody else saved this record" in answer.text
    assert "Asha&#39;s</textarea>" in answer.text
    assert transactions.get(db.session(), Kind.QUOTE, quote.id).notes == "Chen's"
    over = asha.post(f"/quotes/{quote.id}/edit", form | {"notes": "Asha's", "op": "overwrite"})
    assert saved(over).notes == "Asha's"


def test_a_document_that_cannot_be_edited_says_why(asha, acme):
    with unit_of_work() as session:
        invoice = make_invoice(session, acme)
    asha.post(f"/invoices/{invoice.id}/move", {"to": "void"})
    answer = asha.get(f"/invoices/{invoice.id}/edit", follow_redirects=True)
    assert "This invoice is void. Duplicate it to start anew." in answer.text
    assert f"/invoices/{invoice.id}/edit" not in answer.text


# ---- while one types


def preview(person, form, kind="invoices"):
    return person.post(f"/{kind}/preview", form, headers=HTMX).text


def test_totals_are_the_servers_as_one_types(asha, acme, chair):
    line = {"name": "", "quantity": "3", "rate": "10.005", "tax_id": chair.tax_id}
    text = preview(asha, typed(acme, line, shipping="5"))
    for words in ("$30.02", "VAT (10%)", "$3.00", "$38.02"):
        assert words in text
    assert '<data hidden data-amount-of="lines-0-amount" value="$30.02"></data>' in text
    assert db.session().query(Transaction).count() == 0


def test_totals_come_before_the_customer_does(asha, acme, chair):
    form = typed(acme, {"name": "Chair", "quantity": "2", "rate": "50", "tax_id": chair.tax_id})
    text = preview(asha, form | {"customer_id": "", "customer_name": ""})
    assert "$110.00" in text
    assert "Choose a customer" not in text


def test_the_preview_says_what_would_be_refused(asha, acme):
    text = preview(asha, typed(acme, ("A", "1", "10"), discount_value="50", discount_kind="amount"))
    assert "The discount of 50" in text


def test_an_editor_opened_for_an_inactive_customer_says_so_at_once_and_at_the_field_when_saved(asha):
    with unit_of_work() as session:
        old = make_customer(session, display_name="Acme Old", active=False)
    sentence = "Acme Old is inactive, so nothing new is made for it. Mark it as active first."
    assert f'role="status">{sentence}</p>' in asha.get(f"/invoices/new?customer_id={old.id}").text
    answer = asha.post("/invoices/new", typed(old, ("A", "1", "1")))
    assert answer.status_code == 422
    assert re.search(rf'id="customer_name-error">.*{sentence}', answer.text, re.DOTALL)


@pytest.mark.parametrize("rate", ["1,50", "1.234,50", "a lot"])
def test_the_preview_says_which_amount_it_cannot_read_instead_of_counting_it_as_nothing(asha, acme, rate):
    text = preview(asha, typed(acme, ("A", "1", rate)))
    assert "Rate: Write a number with a point, such as 12.50." in text
    assert "$0.00" not in text


def test_the_due_date_follows_date_and_terms(asha, acme):
    with unit_of_work() as session:
        term = payment_terms.create(session, TermDraft("Net 30", days=30), actor=SYSTEM)
    text = preview(asha, typed(acme, ("A", "1", "1"), payment_term_id=term.id, date="2026-01-15"))
    assert "Due 14 Feb 2026." in text


def due_date_in(page):
    """What stands in the box, which is the same as the editor remembers to have written there."""
    (box,), (shown,) = (
        re.findall(rf'name="{name}"[^>]*value="([^"]*)"', page) for name in ("due_date", "due_date_shown")
    )
    assert box == shown
    return box


def by_itself(day):
    return {"due_date": day, "due_date_shown": day}


@pytest.fixture
def net_30(asha):
    with unit_of_work() as session:
        return payment_terms.create(session, TermDraft("Net 30", days=30), actor=SYSTEM)


def test_the_box_shows_the_due_date_that_will_be_saved_and_follows_date_and_terms(asha, acme, net_30):
    form = typed(acme, ("A", "1", "1"), payment_term_id=net_30.id, date="2026-01-15")
    assert due_date_in(asha.post("/invoices/new", form | {"op": "add"}).text) == "2026-02-14"
    later = form | by_itself("2026-02-14") | {"date": "2026-01-20"}
    assert due_date_in(asha.post("/invoices/new", later | {"op": "add"}).text) == "2026-02-19"
    assert '<data hidden data-due-date value="2026-02-19"></data>' in preview(asha, later)
    document = saved(asha.post("/invoices/new", later))
    assert (document.due_date.isoformat(), document.payment_term_id) == ("2026-02-19", net_30.id)


def test_a_due_date_that_somebody_typed_stays_whatever_happens_to_date_and_terms(asha, acme, net_30):
    form = typed(acme, ("A", "1", "1"), payment_term_id=net_30.id, date="2026-01-15", due_date="2026-03-01")
    page = asha.post("/invoices/new", form | {"due_date_shown": "2026-02-14", "op": "add"}).text
    assert re.search(r'name="due_date"[^>]*value="2026-03-01"', page)
    document = saved(asha.post("/invoices/new", form | {"due_date_shown": "2026-02-14"}))
    page = asha.get(f"/invoices/{document.id}/edit").text
    assert due_date_in(page) == "2026-03-01"
    moved = form | by_itself("2026-03-01") | {"date": "2026-01-20", "version": document.version}
    assert due_date_in(asha.post(f"/invoices/{document.id}/edit", moved | {"op": "add"}).text) == "2026-03-01"
    assert saved(asha.post(f"/invoices/{document.id}/edit", moved)).due_date.isoformat() == "2026-03-01"


def test_the_due_date_of_an_edited_invoice_follows_each_of_two_changes(asha, acme, net_30):
    form = typed(acme, ("A", "1", "1"), payment_term_id=net_30.id, date="2026-01-15")
    document = saved(asha.post("/invoices/new", form))
    path, form = f"/invoices/{document.id}/edit", form | {"version": document.version}
    form |= {"date": "2026-01-20"} | by_itself("2026-02-14")
    assert due_date_in(asha.post(path, form | {"op": "add"}).text) == "2026-02-19"
    form |= {"date": "2026-01-25"} | by_itself("2026-02-19")
    assert saved(asha.post(path, form)).due_date.isoformat() == "2026-02-24"


def test_an_edited_invoice_goes_back_to_the_terms_of_its_customer(asha, net_30):
    with unit_of_work() as session:
        acme = make_customer(session, display_name="Acme Ltd", payment_term_id=net_30.id)
        other = payment_terms.create(session, TermDraft("Net 7", days=7), actor=SYSTEM)
    form = typed(acme, ("A", "1", "1"), payment_term_id=other.id, date="2026-01-15")
    document = saved(asha.post("/invoices/new", form))
    form |= by_itself("2026-01-22") | {"payment_term_id": "", "version": document.version}
    document = saved(asha.post(f"/invoices/{document.id}/edit", form))
    assert (document.due_date.isoformat(), document.payment_term_id) == ("2026-02-14", net_30.id)


def test_an_invoice_due_on_its_own_day_by_a_person_s_word_is_not_given_terms_by_an_edit(asha, acme, net_30):
    document = saved(asha.post("/invoices/new", typed(acme, ("A", "1", "1"), due_date="2026-11-23")))
    form = typed(acme, ("A", "2", "1"), version=document.version) | by_itself("2026-11-23")
    document = saved(asha.post(f"/invoices/{document.id}/edit", form))
    assert (document.total, document.due_date.isoformat(), document.payment_term_id) == (2, "2026-11-23", None)


def test_the_exchange_rate_appears_with_a_foreign_customer_only(asha, acme):
    with unit_of_work() as session:
        euro = make_customer(session, display_name="Müller GmbH", currency="EUR")
    assert 'name="exchange_rate"' in preview(asha, typed(euro, ("A", "1", "1"), currency="USD"))
    same = preview(asha, typed(euro, ("A", "1", "1"), currency="EUR", exchange_rate="1.1"))
    assert "currency-field" not in same, "a field that one may be typing in is not swapped"
    assert 'name="exchange_rate"' not in preview(asha, typed(acme, ("A", "1", "1"), currency="EUR"))


def test_customers_are_offered_by_name_active_ones_only(asha, acme):
    with unit_of_work() as session:
        make_customer(session, display_name="Acme Old", active=False)
    text = asha.get("/editor/customers?customer_name=ac", headers=HTMX).text
    assert "Acme Ltd" in text
    assert "Acme Old" not in text


def test_picking_a_customer_answers_the_field_alone(asha, acme):
    text = asha.get(f"/editor/customer?customer_id={acme.id}", headers=HTMX).text
    assert text.lstrip().startswith('<div id="customer-field"')
    assert f'name="customer_id" id="customer_id" value="{acme.id}"' in text
    assert "<html" not in text


def test_a_rate_that_nothing_can_be_converted_at_leaves_the_price_alone(asha, chair):
    text = asha.get(f"/editor/items?lines-0-name=chr&currency=EUR&exchange_rate=0.{'0' * 40}1", headers=HTMX).text
    assert 'data-rate="149.5"' in text


def test_items_are_offered_at_their_price_in_the_documents_currency(asha, chair):
    text = asha.get("/editor/items?lines-3-name=chr&currency=EUR&exchange_rate=1.25", headers=HTMX).text
    assert 'data-rate="119.6"' in text
    assert "€119.60" in text
    assert f'data-tax-id="{chair.tax_id}"' in text
    assert f'id="lines-3-name-option-{chair.id}"' in text, "each row has options of its own"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"lines-0-quantity": "9" * 70}, "a million millions is too much"),
        ({"shipping": "9" * 80}, "a million millions is too much"),
        ({"date": "9999-12-31"}, "Give the year in full"),
        ({"date": "0026-11-23"}, "Give the year in full"),
        ({"discount_kind": "junk"}, "Choice"),
        ({"tax_mode": "junk"}, "Choice"),
    ],
)
def test_what_nobody_can_have_meant_comes_back_with_a_sentence_and_previews(asha, acme, values, sentence):
    form = typed(acme, ("Chair", "1", "10")) | values
    answer = asha.post("/invoices/new", form)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="Chair"' in answer.text
    assert asha.post("/invoices/preview", form, headers=HTMX).status_code == 200


@pytest.mark.parametrize("name", ["payment_term_id", "lines-0-tax_id", "lines-0-item_id"])
def test_an_id_that_no_database_counts_to_is_refused(asha, acme, name):
    assert asha.post("/invoices/new", typed(acme, ("Chair", "1", "10")) | {name: "9" * 30}).status_code == 422


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,204.50", "1204.50"), (" 12 ", "12"), (".5", "0.5"), ("-3", "-3"), ("1 000", "1000"), ("1,234,567", "1234567")],
)
def test_numbers_are_read_as_people_type_them(text, value):
    assert parse(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["12,5", "1e9", "NaN", "Infinity", "ten", "1.2.3", "1,23,4", "--1", "", "9" * 13, f"-{'9' * 80}"]
)
def test_what_is_no_plain_number_is_refused(text):
    with pytest.raises(ValueError, match="Write a"):
        parse(text)


def test_the_first_document_in_a_currency_asks_for_its_rate(asha):
    with unit_of_work() as session:
        rand = make_customer(session, display_name="Cape", currency="ZAR")
    page = asha.get(f"/invoices/new?customer_id={rand.id}").text
    assert re.search(r'name="exchange_rate"[^>]*value=""', page)
    typed = {"customer_id": rand.id, "customer_name": "Cape", "date": "2026-11-01", "currency": "ZAR"}
    line = {"lines-0-name": "Widget", "lines-0-quantity": "1", "lines-0-rate": "1000"}
    answer = asha.post("/invoices/new", typed | line | {"exchange_rate": ""})
    assert (answer.status_code, "Give the exchange rate as a number above zero" in answer.text) == (422, True)
    assert asha.post("/invoices/new", typed | line | {"exchange_rate": "0.055"}).status_code == 303
    assert re.search(r'name="exchange_rate"[^>]*value="0.055"', asha.get(f"/invoices/new?customer_id={rand.id}").text)
