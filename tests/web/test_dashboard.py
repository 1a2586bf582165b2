"""The dashboard and the reports: figures that agree with each other, charts that are also tables."""

import csv
import io
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.factories.customers import make_customer
from tests.factories.links import make_connection
from tests.factories.transactions import make_invoice, make_line, make_quote, pay
from zbweb.billing import books
from zbweb.db import unit_of_work
from zbweb.web import charts


@pytest.fixture
def acme(asha):
    """Owes 100 that is current and 300 that has been due for 20 days; has paid 25 in advance."""
    with unit_of_work() as session:
        customer = make_customer(session, display_name="Acme Ltd")
        today = books.today(session)
        make_invoice(session, customer, date=today, due_date=today + timedelta(days=5))
        make_invoice(
            session, customer, date=today - timedelta(days=30), due_date=today - timedelta(days=20),
            lines=[make_line("Desk", "3", "100")],
        )  # fmt: skip
        pay(session, customer, 25)
        make_quote(session, customer, lines=[make_line("Fit-out", "1", "5000")])
        return customer


def test_the_dashboard_says_what_is_owed_overdue_and_open(ben, acme):
    page = ben.get("/").text
    for words in ("$400.00", "$300.00", "$25.00", "$5,000.00", "Acme Ltd", "INV-000001", "QT-000001"):
        assert words in page
    assert 'aria-label="Sales by month"' in page
    assert "Show as a table" in page


def test_an_empty_dashboard_says_what_to_do(asha):
    assert "Nothing yet" in asha.get("/").text
    assert "Not connected." in asha.get("/sync-state").text


def test_the_dashboard_tells_of_the_sync(asha, acme):
    with unit_of_work() as session:
        make_connection(session)
    assert 'hx-get="/sync-state"' in asha.get("/").text
    page = asha.get("/sync-state", headers={"HX-Request": "true"}).text
    assert "<html" not in page
    assert "Unresolved failures" in page
    assert "Last sync" in page


def test_the_report_ages_by_customer_and_sums_up(ben, acme):
    page = ben.get("/reports/receivables").text
    on_phones, columns = re.search(r"Acme Ltd.*?</tr>", page, re.DOTALL)[0].split("</th>")
    assert re.findall(r"\$[\d,.]+", columns) == ["$100.00", "$0.00", "$300.00", "$0.00", "$0.00", "$400.00", "$25.00"]
    assert re.findall(r">([^<>]+ \$[\d,.]+)<", on_phones) == ["Current $100.00", "16-30 days $300.00", "Credit $25.00"]
    assert f"/reports/receivables/{acme.id}?column=2" in columns


def test_a_cell_opens_the_invoices_behind_it(ben, acme):
    page = ben.get(f"/reports/receivables/{acme.id}?column=2").text
    assert "INV-000002" in page
    assert "INV-000001" not in page
    assert ">20<" in re.sub(r"\s", "", page)


def test_the_report_of_a_past_day_leaves_out_what_came_later(asha, acme):
    with unit_of_work() as session:
        before = books.today(session) - timedelta(days=25)
    page = asha.get(f"/reports/receivables?as_of={before}").text
    row = re.search(r"Acme Ltd.*?</tr>", page, re.DOTALL)[0]
    assert re.findall(r"\$[\d,.]+", row)[0] == "$300.00"


def test_the_report_as_csv_has_the_same_figures(asha, acme):
    rows = list(csv.reader(io.StringIO(asha.get("/reports/receivables.csv").text.lstrip("\ufeff"))))
    assert rows[0][0] == "Customer"
    assert [Decimal(cell) for cell in rows[1][1:8]] == [100, 0, 300, 0, 0, 400, 25]


def test_a_statement_runs_from_balance_to_balance(ben, acme):
    page = ben.get(f"/customers/{acme.id}/statement").text
    for words in ("Opening balance", "INV-000001", "INV-000002", "PMT-000001", "Closing balance", "$375.00"):
        assert words in page
    assert "Closing balance" in ben.get(f"/customers/{acme.id}/statement.csv").text
    assert ben.get(f"/customers/{acme.id}/statement?to=0001-01-01").status_code == 200


@pytest.mark.parametrize(
    ("paid", "sentence"),
    [
        (None, "invoices of $100.00. In all, $100.00 is outstanding."),
        ("20", "invoices of $100.00 and payments of $20.00. In all, $80.00 is outstanding."),
        ("100", "invoices of $100.00 and payments of $100.00. In all, nothing is outstanding."),
        ("130", "invoices of $100.00 and payments of $130.00. In all, there is a credit of $30.00."),
    ],
)
def test_a_statement_ends_with_what_is_dated_after_it(ben, paid, sentence):
    with unit_of_work() as session:
        acme = make_customer(session, display_name="Late Ltd")
        make_invoice(session, acme, date=date(2026, 3, 7))
        if paid:
            pay(session, acme, paid, on=date(2026, 3, 8))
    path = f"/customers/{acme.id}/statement"
    assert f"<p>Dated after 6 Mar 2026: {sentence}</p>" in ben.get(f"{path}?to=2026-03-06").text
    assert "Dated after" not in ben.get(f"{path}?to=2026-03-08").text
    rows = ben.get(f"{path}.csv?to=2026-03-06").text.splitlines()
    assert rows[-4].startswith(",Invoices dated later,,100.00")
    assert len(ben.get(f"{path}.csv?to=2026-03-08").text.splitlines()) == len(rows) - 4 + (2 if paid else 1)


def test_receivables_say_what_becomes_of_invoices_dated_later(ben):
    assert "Invoices dated later are included." in ben.get("/reports/receivables").text
    assert "What is dated later is left out." in ben.get("/reports/receivables?as_of=2026-01-31").text


def test_the_statement_leads_back_to_the_other_pages_of_its_customer(ben, acme):
    tabs = re.search(r'aria-label="Customer">.*?</nav>', ben.get(f"/customers/{acme.id}/statement").text, re.DOTALL)[0]
    assert f'href="/customers/{acme.id}/activity"' in tabs
    assert re.search(r'aria-current="page"[^>]*>Statement<', tabs)


def test_a_stranger_sees_neither_report_nor_statement(acme, dora):
    assert "Acme Ltd" not in dora.get("/reports/receivables").text
    assert "Acme Ltd" not in dora.get("/").text
    for path in (f"/customers/{acme.id}/statement", f"/reports/receivables/{acme.id}"):
        assert dora.get(path).status_code == 404


def test_bars_are_as_high_as_their_amounts():
    chart = charts.bars([("Jan", Decimal(0), ""), ("Feb", Decimal(50), ""), ("Mar", Decimal(100), "")])
    none, half, whole = (bar.height for bar in chart.bars)
    assert none == 0
    assert whole == pytest.approx(2 * half, rel=0.02)
    assert all(bar.y + bar.height == pytest.approx(chart.base) for bar in chart.bars)


@pytest.mark.parametrize("most", ["0", "0.5", "7", "399", "400", "401", "123456.78"])
def test_the_grid_reaches_above_the_largest_amount(most):
    (bar,) = charts.bars([("only", Decimal(most), "")]).bars
    assert 0 <= bar.y <= charts.HEIGHT
    assert bar.y >= charts.bars([("only", Decimal(most), "")]).lines[-1].y


def test_shares_are_of_the_largest():
    assert charts.shares([Decimal(5), Decimal(10), Decimal(0)]) == [50, 100, 0]
    assert charts.shares([Decimal(0)]) == [0]
