"""A form from a page that is out of date: nothing is saved, nothing goes to another organisation, nothing is lost."""

import html
import re
from importlib import import_module
from pkgutil import iter_modules

import pytest
from sqlalchemy import select
from wtforms import Form, PasswordField

from tests.people import PASSWORD
from zbweb.billing.models import Customer, Membership, Organisation
from zbweb.db import db, unit_of_work, work_for
from zbweb.web import forms, stale_forms

NEW = "/customers/new"
OURS = {"Origin": "http://localhost"}


@pytest.fixture
def studio(app, asha):
    """Asha is an admin of a second organisation, Zylker Studio, too; forms need their token from here on."""
    with unit_of_work() as session:
        work_for(session, None)
        second = Organisation(name="Zylker Studio", base_currency="EUR", country="DE", time_zone="Europe/Berlin")
        session.add(second)
        session.flush()
        session.add(Membership(organisation_id=second.id, user_id=1, role="admin"))
    work_for(db.session(), asha.organisation_id)
    app.config["WTF_CSRF_ENABLED"] = True
    return second.id


def token_on(page):
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]


def typed(token, **more):
    return {
        "type": "business",
        "display_name": "Acme",
        "currency": "USD",
        "notes": "two\nlines",
        "csrf_token": token,
    } | more


def send(person, data, path=NEW, headers=OURS):
    return person.post(path, data, headers=headers)


def kept(answer):
    """The form of the answer, as a browser would send it."""
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text)
    return {name: html.unescape(value) for name, value in fields}


def switch(person, organisation_id):
    token = token_on(person.get("/customers").text)
    assert send(
        person, {"organisation_id": organisation_id, "csrf_token": token}, "/organisations/switch"
    ).status_code in (302, 303)


def saved():
    db.session.rollback()
    rows = db.session.execute(select(Customer.organisation_id, Customer.display_name).execution_options(unfenced=True))
    return [tuple(row) for row in rows]


def test_a_form_of_one_organisation_is_not_saved_in_another_and_can_be_sent_after_switching_back(asha, studio):
    token = token_on(asha.get(NEW).text)
    switch(asha, studio)
    answer = send(asha, typed(token))
    assert (answer.status_code, saved()) == (400, [])
    assert "The page belongs to Zylker Ltd, and you have switched to Zylker Studio" in answer.text
    again = kept(answer)
    assert send(asha, again).status_code == 400
    switch(asha, asha.organisation_id)
    assert send(asha, again).status_code == 303
    assert saved() == [(asha.organisation_id, "Acme")]


def test_a_form_of_an_older_log_in_is_kept_and_sent_again_by_one_click(asha, studio):
    token = token_on(asha.get(NEW).text)
    with asha.client.session_transaction() as cookie:
        del cookie["csrf_token"]
    answer = send(asha, typed(token))
    assert (answer.status_code, saved()) == (400, [])
    assert "to save it for Zylker Ltd" in answer.text
    again = kept(answer)
    assert again["notes"] == "two\nlines"
    assert send(asha, again).status_code == 303
    assert saved() == [(asha.organisation_id, "Acme")]


def test_whoever_was_signed_out_meanwhile_signs_in_elsewhere_and_loses_nothing(asha, studio):
    token = token_on(asha.get(NEW).text)
    send(asha, {"csrf_token": token}, "/logout")
    first = send(asha, typed(token))
    assert "You are signed out, so nothing was saved" in first.text
    log_in = {"email": "asha@zylker.example", "password": PASSWORD}
    send(asha, log_in | {"csrf_token": token_on(asha.get("/login").text)}, "/login")
    second = send(asha, kept(first))
    assert saved() == []
    assert send(asha, kept(second)).status_code == 303
    assert [name for _, name in saved()] == ["Acme"]


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Referer": "https://evil.example/x"}])
def test_what_another_site_sends_is_not_kept(asha, studio, headers):
    answer = send(asha, typed("forged"), headers=headers)
    assert (answer.status_code, saved()) == (400, [])
    assert "Acme" not in answer.text


def test_a_secret_is_not_written_into_the_page(asha, studio):
    answer = send(asha, {"present": "hush-hush", "wanted": "x", "csrf_token": "old"}, "/password")
    assert (answer.status_code, "hush-hush" in answer.text) == (400, False)


def test_every_field_for_a_secret_is_known():
    modules = [import_module(f"{forms.__name__}.{each.name}") for each in iter_modules(forms.__path__)]
    found = {
        name
        for module in modules
        for form in vars(module).values()
        if isinstance(form, type) and issubclass(form, Form)
        for name, field in vars(form).items()
        if getattr(field, "field_class", None) is PasswordField
    }
    assert found
    assert found <= stale_forms.SECRET
