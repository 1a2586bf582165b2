"""One URL, two readers: a fragment for htmx, a page or a redirect for everybody else."""

import json

import pytest
from flask import Flask, make_response
from jinja2 import DictLoader

from zbweb.web import htmx

HTMX = {"HX-Request": "true"}


@pytest.fixture
def app():
    app = Flask(__name__)
    app.secret_key = "a secret of the tests"
    app.jinja_loader = DictLoader({"page.html": "<h1>Items</h1>{% block rows %}<p>{{ word }}</p>{% endblock %}"})
    app.context_processor(lambda: {"word": "from the context processor"})

    @app.get("/items")
    def items():
        return htmx.page_or_block("page.html", "rows", status=422, word="bolts")

    @app.get("/plain")
    def plain():
        return htmx.page_or_block("page.html", "rows")

    @app.post("/save")
    def save():
        return htmx.close_dialog(to="/items", message="Item saved.", events=["itemsChanged"])

    @app.post("/leave")
    def leave():
        return htmx.redirect("/items")

    @app.get("/poll")
    def poll():
        return htmx.stop_polling(htmx.page_or_block("page.html", "rows"))

    return app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.mark.parametrize(
    ("headers", "whole"),
    [
        ({}, True),
        (HTMX, False),
        (HTMX | {"HX-History-Restore-Request": "true"}, True),
        (HTMX | {"HX-Boosted": "true"}, True),
    ],
)
def test_only_a_request_for_a_fragment_gets_the_fragment(client, headers, whole):
    answer = client.get("/items", headers=headers)
    assert ("<h1>" in answer.text) is whole
    assert "<p>bolts</p>" in answer.text
    assert answer.status_code == 422
    assert "HX-Request" in answer.headers["Vary"]


def test_a_fragment_sees_what_context_processors_give(client):
    assert client.get("/plain", headers=HTMX).text == "<p>from the context processor</p>"


def test_a_dialog_closes_first_then_the_page_refreshes_and_the_message_shows(client):
    answer = client.post("/save", headers=HTMX)
    assert answer.status_code == 204
    events = json.loads(answer.headers["HX-Trigger"])
    assert list(events) == ["closeDialog", "itemsChanged", "toast"]
    assert events["toast"] == {"message": "Item saved.", "tone": "success"}


def test_without_htmx_a_closed_dialog_is_a_redirect_with_a_flashed_message(client):
    answer = client.post("/save")
    assert (answer.status_code, answer.location) == (303, "/items")
    with client.session_transaction() as session:
        assert session["_flashes"] == [("success", "Item saved.")]


@pytest.mark.parametrize(("headers", "status", "header"), [({}, 303, "Location"), (HTMX, 204, "HX-Redirect")])
def test_a_redirect_loads_the_whole_page_either_way(client, headers, status, header):
    answer = client.post("/leave", headers=headers)
    assert (answer.status_code, answer.headers[header]) == (status, "/items")


def test_polling_stops_for_htmx_only(client):
    assert client.get("/poll", headers=HTMX).status_code == 286
    assert client.get("/poll").status_code == 200


def test_events_of_one_answer_add_up_and_survive_any_language(app):
    with app.test_request_context():
        response = htmx.trigger(make_response(""), "customersChanged", {"id": 7})
        htmx.toast(response, "Café gespeichert — 100 €", tone="warning")
    header = response.headers["HX-Trigger"]
    assert header.isascii()
    assert json.loads(header) == {
        "customersChanged": {"id": 7},
        "toast": {"message": "Café gespeichert — 100 €", "tone": "warning"},
    }
