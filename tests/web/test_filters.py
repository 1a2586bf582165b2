"""How values look on a page."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from flask import Flask, g

from zbweb import clock
from zbweb.web import filters

NOON = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)


@pytest.fixture
def app():
    return Flask(__name__)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (Decimal("1204.5"), "USD", "$1,204.50"),
        (Decimal("-5"), "EUR", "-€5.00"),
        (Decimal("300"), "JPY", "¥300"),
        (Decimal("1.2345"), "KWD", "KWD\xa01.234"),
        (Decimal("0"), "USD", "$0.00"),
        (None, "USD", "—"),
    ],
)
def test_money_carries_its_currency_and_its_digits(amount, currency, text):
    assert filters.money(amount, currency) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1204, "1,204"), (Decimal("2.500000"), "2.5"), (Decimal("0.000001"), "0.000001"), (0, "0"), (None, "—")],
)
def test_numbers_are_grouped_and_lose_empty_zeros(value, text):
    assert filters.number(value) == text


@pytest.mark.parametrize(
    ("zone", "day", "moment"),
    [
        ("UTC", "3 Nov 2026", "3 Nov 2026, 12:00"),
        ("Asia/Kolkata", "3 Nov 2026", "3 Nov 2026, 17:30"),
        ("Pacific/Kiritimati", "4 Nov 2026", "4 Nov 2026, 02:00"),
    ],
)
def test_moments_are_shown_on_the_organisations_clock(app, zone, day, moment):
    with app.app_context():
        g.organisation = SimpleNamespace(time_zone=zone)
        assert filters.day(NOON) == day
        assert filters.moment(NOON) == moment


def test_a_calendar_day_is_the_same_day_everywhere(app):
    with app.app_context():
        g.organisation = SimpleNamespace(time_zone="Pacific/Kiritimati")
        assert filters.day(date(2026, 11, 3)) == "3 Nov 2026"


def test_without_an_organisation_times_are_utc():
    assert filters.moment(NOON) == "3 Nov 2026, 12:00"


@pytest.mark.parametrize(
    ("since", "text"),
    [
        (timedelta(seconds=4), "just now"),
        (timedelta(seconds=-0.5), "just now"),
        (timedelta(seconds=-4), "in a moment"),
        (timedelta(seconds=59), "59 seconds ago"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=2), "2 hours ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=31), "3 Oct 2026"),
        (timedelta(hours=-2), "in 2 hours"),
    ],
)
def test_how_long_ago_is_said_in_words(monkeypatch, since, text):
    monkeypatch.setattr(clock, "now", lambda: NOON)  # the words depend on the present moment
    assert filters.ago(NOON - since) == text


def test_machines_read_moments_in_utc():
    east = NOON.astimezone(filters.ZoneInfo("Asia/Kolkata"))
    assert filters.iso(east) == "2026-11-03T12:00:00+00:00"
    assert filters.iso(date(2026, 11, 3)) == "2026-11-03"


@pytest.mark.parametrize(
    ("status", "label", "tone"),
    [
        ("partly_failed", "Partly failed", "warning"),
        ("Partly failed", "Partly failed", "warning"),
        ("paid", "Paid", "success"),
        ("overdue", "Overdue", "danger"),
        ("never heard of", "Never heard of", "neutral"),
    ],
)
def test_a_status_has_words_and_a_tone(status, label, tone):
    assert (filters.status_label(status), filters.status_tone(status)) == (label, tone)


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({"sort": "-name"}, "/items?q=a+b&tag=x&tag=y&sort=-name"),
        ({"q": None}, "/items?tag=x&tag=y"),
        ({"q": None, "tag": None}, "/items"),
        ({"page": 3}, "/items?q=a+b&tag=x&tag=y&page=3"),
    ],
)
def test_a_changed_query_keeps_the_rest_and_starts_at_the_first_page(app, changes, url):
    with app.test_request_context("/items?q=a+b&tag=x&tag=y&page=2"):
        assert filters.query_url(**changes) == url


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/", "home"),
        ("/sales-orders/7/edit", "sales-orders"),
        ("/settings/users", "settings"),
        ("/settings/integrations/zoho-crm/history", "zoho-apps"),
    ],
)
def test_the_path_says_where_one_is_in_the_navigation(app, path, key):
    with app.test_request_context(path):
        assert filters.nav_key() == key
