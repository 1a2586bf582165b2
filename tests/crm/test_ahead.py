"""One page fetched ahead."""

import threading

import pytest

from zbweb.crm.ahead import one_ahead
from zbweb.crm.errors import Unavailable
from zbweb.crm.port import Page

BOOK = {
    None: Page([{"id": "1"}], "b"),
    "b": Page([{"id": "2"}], "c"),
    "c": Page([{"id": "3"}], None),
}


def test_all_pages_come_in_order():
    assert [page.records[0]["id"] for page in one_ahead(BOOK.__getitem__, None)] == ["1", "2", "3"]


def test_reading_can_start_in_the_middle():
    assert [page.records[0]["id"] for page in one_ahead(BOOK.__getitem__, "b")] == ["2", "3"]


def test_an_empty_list_has_no_page():
    assert list(one_ahead(lambda _token: Page([], None), None)) == []


def test_the_next_page_is_asked_for_while_this_one_is_used():
    asked_for_b = threading.Event()

    def fetch(token):
        if token == "b":
            asked_for_b.set()
        return BOOK[token]

    pages = one_ahead(fetch, None)
    next(pages)
    assert asked_for_b.wait(5)
    pages.close()


def test_no_more_than_one_page_is_fetched_ahead():
    asked, asked_for_c = [], threading.Event()

    def fetch(token):
        asked.append(token)
        if token == "c":
            asked_for_c.set()
        return BOOK[token]

    pages = one_ahead(fetch, None)
    next(pages)
    assert not asked_for_c.wait(0.2)
    assert asked == [None, "b"]
    pages.close()


def test_an_error_comes_where_its_page_would_have_come():
    def fetch(token):
        if token == "b":
            raise Unavailable("down")
        return BOOK[token]

    pages = one_ahead(fetch, None)
    assert next(pages).records == [{"id": "1"}]
    with pytest.raises(Unavailable):
        next(pages)


def test_a_consumer_that_stops_early_does_not_wait_for_the_page_under_way():
    release = threading.Event()

    def fetch(token):
        if token == "b":
            release.wait(10)
        return BOOK[token]

    pages = one_ahead(fetch, None)
    next(pages)
    pages.close()
    assert not release.is_set()
    release.set()
