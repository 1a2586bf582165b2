"""Quick search: a few words lead to customers, items, documents and payments of one's own organisation."""

import re
from contextlib import contextmanager
from decimal import Decimal

import pytest
from sqlalchemy import event

from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, make_order, make_quote, pay
from tests.people import Person
from tests.product import ROOT
from zbweb.billing import items
from zbweb.billing.customers import set_active
from zbweb.billing.items import ItemDraft
from zbweb.billing.journal import SYSTEM
from zbweb.db import db, unit_of_work


@pytest.fixture
def person(any_app):
    return Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")


@pytest.fixture
def books(person):
    with unit_of_work() as session:
        acme = make_customer(session, display_name="Acmé Widgets Ltd", email="buy@acme.example", phone="+1 555 0100")
        zoe = make_customer(session, display_name="Zoe Ltd")
        items.create(session, ItemDraft("Widget, blue", "WDG-B", "", Decimal(5), "pcs", None), actor=SYSTEM)
        made = {
            "invoice": make_invoice(session, acme, reference="PO-77"),
            "order": make_order(session, zoe),
            "quote": make_quote(session, zoe),
        }
        set_active(session, zoe, active=False, actor=SYSTEM)
        made["payment"] = pay(session, acme, "40", invoices={made["invoice"]: "40"}, reference="WIRE-9")
    return made


@contextmanager
def counted():
    queries = []
    listener = lambda *call: queries.append(call[2])  # noqa: E731  it must be removed by name
    event.listen(db.engine, "before_cursor_execute", listener)
    yield queries
    event.remove(db.engine, "before_cursor_execute", listener)


@pytest.mark.parametrize(
    ("typed", "finds", "not_finds"),
    [
        ("acme w",       ["Acmé Widgets Ltd"],                        ["Zoe Ltd", "WDG-B"]),
        ("buy@acme",     ["Acmé Widgets Ltd"],                        ["Zoe Ltd"]),
        ("555 0100",     ["Acmé Widgets Ltd"],                        ["Zoe Ltd"]),
        ("widget",       ["Acmé Widgets Ltd", "Widget, blue"],        ["Zoe Ltd"]),
        ("wdg",          ["Widget, blue"],                            ["Acmé"]),
        ("zoe",          ["Zoe Ltd", "Inactive"],                     ["Acmé"]),
        ("inv-0000",     ["INV-000001", "Acmé Widgets Ltd"],          ["SO-000001", "QT-000001"]),
        ("PO-7",         ["INV-000001"],                              ["SO-000001"]),
        ("1",            ["INV-000001", "SO-000001", "QT-000001", "PMT-000001"], []),
        ("0001",         ["INV-000001", "SO-000001", "QT-000001", "PMT-000001"], []),
        ("WIRE",         ["PMT-000001"],                              ["INV-000001"]),
        ("pmt-000001",   ["PMT-000001"],                              ["INV-000001"]),
        ("%",            ["Nothing matches"],                         ["Acmé"]),
        ("_oe",          ["Nothing matches"],                         ["Zoe Ltd"]),
        ("",             ["What are you looking for?"],               ["Acmé"]),
    ],
)  # fmt: skip
def test_words_lead_to_what_they_may_mean(person, books, typed, finds, not_finds):
    main = person.get("/search", query_string={"q": typed}).text.split("<main")[1]
    assert [words for words in finds if words not in main] == []
    assert [words for words in not_finds if words in main] == []


def test_a_number_is_found_in_whatever_case_it_is_typed_and_written(person):
    with unit_of_work() as session:
        acme = make_customer(session, display_name="Acme Ltd")
        make_invoice(session, acme, number="Rechnung-7")
        pay(session, acme, "5").number = "Zahlung-7"
    for typed in ("Rechnung-7", "rechnung", "RECHNUNG-7", "Zahlung-7", "zahlung-7"):
        assert "7</" in person.get("/search", query_string={"q": typed}).text.split("<main")[1], typed
    for path in ("/invoices?q=rechnung-7", "/invoices?q=RECHNUNG", "/payments?q=Zahlung-7", "/payments?q=ZAHLUNG-7"):
        assert "Acme Ltd" in person.get(path).text, path


@pytest.mark.parametrize("typed", ["1", "acme", "INV"])
def test_it_takes_no_more_than_six_queries_beside_those_of_every_page(person, books, typed):
    with counted() as usual:
        person.get("/settings")
    with counted() as queries:
        person.get("/search", query_string={"q": typed})
    assert len(queries) - len(usual) <= 6, queries


def test_the_results_alone_are_answered_to_htmx(person, books):
    answer = person.get("/search?q=zoe", headers={"HX-Request": "true"})
    assert "Zoe Ltd" in answer.text
    assert "<html" not in answer.text


def test_each_result_links_to_its_record(person, books):
    page = person.get("/search?q=1").text
    for path in (
        f"/invoices/{books['invoice'].id}",
        f"/sales-orders/{books['order'].id}",
        f"/payments/{books['payment'].id}",
    ):
        assert f'href="{path}"' in page
        assert person.get(path).status_code == 200


def test_more_matches_than_are_shown_lead_to_the_list(person):
    with unit_of_work() as session:
        for number in range(9):
            make_customer(session, display_name=f"Branch {number}")
    page = person.get("/search?q=branch").text
    assert "Branch 7" in page
    assert "Branch 8" not in page
    assert 'href="/customers?q=branch"' in page


def test_strangers_find_nothing_of_ours(any_app, person, books):
    dora = Person.make(any_app, "dora@other.example", "Dora Lindqvist", "admin", organisation="Other GmbH")
    for typed in ("1", "acme", "widget", "zoe", "INV-000001", "PO-77", "WIRE-9"):
        assert "Nothing matches" in dora.get("/search", query_string={"q": typed}).text


def test_every_page_has_the_search_box(person):
    assert 'action="/search"' in person.get("/customers").text


def test_what_one_looks_for_always_fits_into_an_address():
    """A server answers a longer address itself, with a page that is none of ours."""
    fields = [
        (path.name, field)
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for field in re.findall(r"<input[^>]*>", path.read_text())
        if 'type="hidden"' not in field and ('name="q"' in field or 'type="search"' in field)
    ]
    assert len(fields) >= 5
    assert [name for name, field in fields if 'maxlength="200"' not in field] == []
