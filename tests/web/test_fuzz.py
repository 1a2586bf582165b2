"""Whatever is typed into whichever form, the answer is a page, a refusal or a redirect: never a broken page."""

import shutil
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.addresses import filled, kinds_of
from tests.factories.whole import furnish
from zbweb.db import db, unit_of_work
from zbweb.sync import connection as connections
from zbweb.web.limits import limiter

EXAMPLES = 6
GENTLY = settings(
    max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck), derandomize=True,
)  # fmt: skip
NOT_FORMS = {"hooks.receive"}
"""The CRM's notifications have a test of their own."""
NASTY = (
    "", " ", "0", "-1", "1e309", "NaN", "Infinity", "-0", "99999999999999999999", "1,5", "٣", "0x10", "2026-02-30",
    "9999-12-31", "0001-01-01", "\x00", "a\x00b", "\r\nBcc: a@b.example", "=1+1", "<script>alert(1)</script>", "%s%n",
    "{{ 7*7 }}", "'; --", "../../etc/passwd", "é" * 300, "x" * 5000, "😀", "\u202e", "null", "a@b", "USD", "y",
)  # fmt: skip


@pytest.fixture(name="settings")
def _settings(crm_settings):
    return crm_settings


@pytest.fixture
def person(connected):
    """Asha, connected to the CRM, whose organisation has one of everything."""
    with unit_of_work() as session:
        furnish(session, connection=connections.active(session))
    return connected


class Forms(HTMLParser):
    """The fields of a page's forms that post, by address, each with the values it offers."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, dict[str, set[str]]] = {}
        self.action, self.select = "", ""

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        action = values.get("hx-post") or values.get("formaction") or ""
        if tag == "form":
            self.action = (values.get("action") or "") if values.get("method") == "post" else ""
        for address in filter(None, (action, self.action if tag == "form" else "")):
            self.found.setdefault(urlsplit(address).path, {})
        name = values.get("name") or (self.select if tag == "option" else "")
        if tag == "select":
            self.select = name
        if self.action and name and tag in {"input", "select", "textarea", "button", "option"}:
            self.found[urlsplit(self.action).path].setdefault(name, set()).add(values.get("value") or "")


def addresses(app, method):
    """Each address of a method, for each kind of document, by its endpoint."""
    passed_over = {*NOT_FORMS, "static", "panel.show", "crm_records.show"}
    rules = [rule for rule in app.url_map.iter_rules() if method in rule.methods and rule.endpoint not in passed_over]
    with db.engine.connect() as connection:
        return {
            "/settings/jobs/1/retry" if "job_id" in rule.arguments else filled(rule, kind, connection): rule.endpoint
            for rule in rules
            for kind in kinds_of(rule)
        }


def forms_of(app, person):
    """Address → field → the values it offers, for every POST route; a form that no page showed has every field."""
    parser = Forms()
    for path in addresses(app, "GET"):
        answer = None if path == "/login" or path.endswith(".csv") else person.get(path)
        if answer and answer.mimetype == "text/html":
            parser.feed(answer.text)
    pool = {name: values for fields in parser.found.values() for name, values in fields.items()}
    return {path: parser.found.get(path) or pool for path in addresses(app, "POST")}


def fillings(fields):
    """What may be sent for these fields: what is offered, or something nobody offered."""
    texts = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    each = {
        name: st.sampled_from(sorted(offered)) | texts if offered else texts
        for name, offered in fields.items()
        if name != "csrf_token"
    }
    return st.fixed_dictionaries({}, optional=each)


class Place:
    """The database as it stands now, to go back to before each try."""

    def __init__(self) -> None:
        self.file = db.engine.url.database
        self.copy = f"{self.file}.kept"
        db.session.remove()
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()
        shutil.copy(self.file, self.copy)

    def restore(self) -> None:
        db.session.remove()
        db.engine.dispose()
        shutil.copy(self.copy, self.file)


def test_no_form_breaks_whatever_is_typed(app, person, monkeypatch):
    monkeypatch.setattr(limiter, "enabled", False)
    forms, broken = forms_of(app, person), {}
    assert len(forms) > 80
    place, cookie = Place(), person.client.get_cookie("session").value

    def attempt(path, typed):
        place.restore()
        person.client.set_cookie("session", cookie)
        if person.post(path, typed).status_code == 500:
            broken[path] = typed

    for path, fields in sorted(forms.items()):

        @GENTLY
        @given(fillings(fields))
        def send(typed):
            attempt(path, typed)  # noqa: B023  called at once

        send()
    assert broken == {}
