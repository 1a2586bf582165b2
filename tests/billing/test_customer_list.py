"""The list of customers: every page in order and exactly once, whatever the sorting, on both databases."""

import pytest
from sqlalchemy import event, false

from tests.factories.customers import make_customer
from tests.people import Person
from zbweb.billing.models import Customer
from zbweb.billing.naming import name_key
from zbweb.billing.queries import customers as list_of
from zbweb.billing.queries.customers import SORTS, VIEW_LABELS, View, Wanted
from zbweb.billing.queries.paging import Window
from zbweb.db import db, unit_of_work

NAMES = ["Beta", "alpha", "Émile", "beta", "Gamma", "alpha", "delta", "Zed", "alpha", "Omega", "Chi"]


@pytest.fixture
def customers(any_app):
    """Eleven customers, some of one name, saved in no order."""
    Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")
    with unit_of_work() as session:
        made = [
            make_customer(
                session, display_name=name, email=f"{number % 3}@x.example", phone=f"55-{number}",
                company_name="Shared Co" if number < 2 else "", type="individual" if number % 2 else "business",
                active=number != 4,
            )
            for number, name in enumerate(NAMES)
        ]  # fmt: skip
        return [customer.id for customer in made]


def page(window=None, **wanted):
    return list_of.page(db.session(), Wanted(**wanted), window or Window(), is_from_crm=false())


def walk(**wanted):
    """All rows by Next, then all by Previous from the last page; both as lists of pages."""
    here = page(Window(size=3), **wanted)
    forth = [here]
    while here.after is not None:
        here = page(Window(after=here.after, size=3), **wanted)
        forth.append(here)
    back = [here]
    while here.before is not None:
        here = page(Window(before=here.before, size=3), **wanted)
        back.insert(0, here)
    return forth, back


@pytest.mark.parametrize("search", ["", "x.example"])
@pytest.mark.parametrize("sort", [prefix + key for key in SORTS for prefix in ("", "-")])
def test_every_customer_is_on_one_page_in_order_forth_and_back(customers, sort, search):
    forth, back = walk(sort=sort, search=search)
    ids = [row.id for each in forth for row in each.rows]
    assert sorted(ids) == sorted(customers)
    key = SORTS[sort.removeprefix("-")].key
    values = [(getattr(db.session.get(Customer, each), key), each) for each in ids]
    assert values == sorted(values, reverse=sort.startswith("-"))
    assert [row.id for each in back for row in each.rows] == ids
    assert {each.total for each in forth} == {11}


def test_a_cursor_of_a_customer_that_is_gone_begins_again(customers):
    assert page(Window(after=10**9, size=3)).rows == page(Window(size=3)).rows
    assert page(Window(before=10**9, size=3)).rows == page(Window(size=3)).rows


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ALPHA", 3),
        ("emile", 1),
        ("shared", 2),
        ("2@X.EXAMPLE", 3),
        ("55-10", 1),
        ("%", 0),
        ("nobody", 0),
        ("  ", 11),
    ],
)
def test_the_search_looks_at_name_company_email_and_phone(customers, search, found):
    assert page(search=search).total == found


@pytest.mark.parametrize(
    ("view", "found"),
    [("all", 11), ("crm", 0), ("active", 10), ("inactive", 1), ("business", 6), ("individual", 5)],
)
def test_each_view_holds_its_own(customers, view, found):
    assert page(view=View(view)).total == found
    assert set(VIEW_LABELS) == set(View)


def test_all_ids_of_a_view_can_be_had_up_to_a_limit(customers):
    wanted = Wanted(view=View.INDIVIDUAL)
    assert len(list_of.ids(db.session(), wanted, is_from_crm=false(), limit=100)) == 5
    assert len(list_of.ids(db.session(), wanted, is_from_crm=false(), limit=2)) == 2


def test_a_page_is_at_most_three_queries(customers):
    queries = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: queries.append(call[2]))
    page(Window(after=customers[3], size=3), search="a")
    assert len([query for query in queries if query.startswith("SELECT")]) <= 3, queries


def test_names_are_compared_as_the_list_sorts_them(customers):
    names = [name_key(row.display_name) for row in page().rows]
    assert names == sorted(names)
