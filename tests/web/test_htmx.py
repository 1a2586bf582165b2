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

    @app.post("/leave")
    def leave():
        return htmx.redirect("/items")

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


@pytest.mark.parametrize(("headers", "status", "header"), [({}, 303, "Location"), (HTMX, 204, "HX-Redirect")])
def test_a_redirect_loads_the_whole_page_either_way(client, headers, status, header):
    answer = client.post("/leave", headers=headers)
    assert (answer.status_code, answer.headers[header]) == (status, "/items")


def test_events_of_one_answer_add_up_and_survive_any_language(app):
    with app.test_request_context():
        response = htmx.trigger(make_response(""), "closeDialog")
        htmx.trigger(response, "customersChanged", {"id": 7})
        htmx.toast(response, "Café gespeichert — 100 €", tone="warning")
    header = response.headers["HX-Trigger"]
    assert header.isascii()
    assert list(json.loads(header).items()) == [  # in the order in which they happen
        ("closeDialog", {}),
        ("customersChanged", {"id": 7}),
        ("toast", {"message": "Café gespeichert — 100 €", "tone": "warning"}),
    ]
