"""Lists as spreadsheets: the whole list, as its filters have it, with nothing that calculates."""

import csv
import datetime
import html
import io
import re
from decimal import Decimal

import pytest

from tests.factories.customers import make_customer
from tests.factories.links import make_connection, make_link
from tests.factories.transactions import make_invoice, pay
from zbweb.billing import items, taxes
from zbweb.billing.items import ItemDraft
from zbweb.billing.journal import SYSTEM
from zbweb.db import unit_of_work

LISTS = ("/customers", "/items", "/payments", "/quotes", "/sales-orders", "/invoices")


@pytest.fixture
def books(asha):
    with unit_of_work() as session:
        acme = make_customer(
            session, display_name="=Acme", company_name="Acme Ltd", email="ann@acme.example", phone="1"
        )
        make_customer(session, type="individual", display_name="Zoe", currency="JPY", active=False)
        make_link(session, make_connection(session), acme)
        invoice = make_invoice(session, acme)
        pay(session, acme, "40", invoices={invoice: "30"}, on=datetime.date(2026, 1, 5), reference="WIRE")
        pay(session, acme, "5", invoices={invoice: "5"}, on=datetime.date(2026, 1, 6))
        tax = taxes.create(session, name="VAT", rate=Decimal("7.25"), actor=SYSTEM)
        items.create(session, ItemDraft("Chair", "CHR", "Soft", Decimal("1389.50"), "pcs", tax.id), actor=SYSTEM)
        items.create(session, ItemDraft("Desk", "", "", Decimal("0.000125"), "", None), actor=SYSTEM)


def cells(person, address):
    answer = person.get(address)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))


ACME = ["'=Acme", "Business", "Acme Ltd", "ann@acme.example", "1", "USD", "65.00", "Active"]
ZOE = ["Zoe", "Individual", "", "", "", "JPY", "0", "Inactive"]
CHAIR = ["Chair", "CHR", "Soft", "pcs", "VAT", "USD", "1389.5", "Active"]
DESK = ["Desk", "", "", "", "", "USD", "0.000125", "Active"]
FIRST = ["PMT-000001", "2026-01-05", "'=Acme", "Bank transfer", "WIRE", "USD", "40.00", "10.00"]
SECOND = ["PMT-000002", "2026-01-06", "'=Acme", "Bank transfer", "", "USD", "5.00", "0.00"]


@pytest.mark.parametrize(
    ("address", "rows"),
    [
        ("/customers/export.csv", [ACME, ZOE]),
        ("/customers/export.csv?sort=-name", [ZOE, ACME]),
        ("/customers/export.csv?view=crm", [ACME]),
        ("/customers/export.csv?q=zoe&after=999", [ZOE]),
        ("/items/export.csv", [CHAIR, DESK]),
        ("/items/export.csv?q=chr", [CHAIR]),
        ("/items/export.csv?view=inactive", []),
        ("/payments/export.csv", [SECOND, FIRST]),
        ("/payments/export.csv?status=unused", [FIRST]),
        ("/payments/export.csv?q=WIRE", [FIRST]),
    ],
)
def test_a_list_is_exported_as_it_is_filtered_and_sorted(asha, books, address, rows):
    header, *found = cells(asha, address)
    assert found == rows
    assert all(len(row) == len(header) for row in found)


def test_a_long_list_is_exported_whole(asha):
    with unit_of_work() as session:
        for number in range(1_203):
            make_customer(session, display_name=f"Customer {number:04}")
    names = [row[0] for row in cells(asha, "/customers/export.csv")[1:]]
    assert names == [f"Customer {number:04}" for number in range(1_203)]


@pytest.mark.parametrize("address", LISTS)
def test_the_link_keeps_whatever_the_address_of_the_list_says(asha, books, address):
    page = asha.get(f"{address}?q=a%26b&endpoint=x&kind=y&_external=1").text
    (link,) = re.findall(r'<a href="([^"]*export\.csv[^"]*)"[^>]*data-with-query', page)
    assert html.unescape(link) == f"{address}/export.csv?q=a%26b&endpoint=x&kind=y&_external=1"
    assert cells(asha, html.unescape(link))[1:] == []
