"""Who may open what: every route, by every role, signed out, and as a stranger from another organisation."""

import itertools
import re

import pytest

from tests.factories.customers import make_customer
from tests.people import PASSWORD
from zbweb.billing.words import Role
from zbweb.db import unit_of_work

PUBLIC = {
    "auth.login",
    "operations.healthz",
    "operations.readyz",
    "operations.metrics",
    "hooks.receive",
    "panel.show",
    "static",
}
ADMIN_ONLY = re.compile(r"^/settings(/|$)")


def rules(app):
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]


def address(rule) -> str:
    """The rule's path with an id that exists nowhere."""
    path = re.sub(r"<(?:int|float):[^>]+>", "999999", rule.rule)
    path = re.sub(r"<any\(([^,)]+)[^>]*>", lambda match: match.group(1).strip("'\""), path)
    return re.sub(r"<[^>]+>", "999999", path)


def test_every_view_says_who_may_open_it(app):
    silent = [
        rule.endpoint
        for rule in rules(app)
        if not getattr(app.view_functions[rule.endpoint], "is_public", False)
        and not getattr(app.view_functions[rule.endpoint], "allowed_roles", None)
    ]
    assert silent == []


def test_only_these_are_open_to_everybody(app):
    public = {rule.endpoint for rule in rules(app) if getattr(app.view_functions[rule.endpoint], "is_public", False)}
    assert public <= PUBLIC


def test_a_signed_out_visitor_is_sent_to_the_log_in_page(app, client):
    for rule in rules(app):
        if rule.endpoint in PUBLIC:
            continue
        for method in rule.methods & {"GET", "POST"}:
            answer = client.open(address(rule), method=method)
            assert answer.status_code in (302, 303), f"{method} {rule.rule}: {answer.status_code}"
            assert answer.headers["Location"].startswith("/login"), rule.rule


@pytest.mark.parametrize("role", ["sales", "finance"])
def test_settings_are_for_admins_only(app, ben, chen, role):
    person = {"sales": ben, "finance": chen}[role]
    for rule in rules(app):
        if not ADMIN_ONLY.match(rule.rule):
            continue
        for method in rule.methods & {"GET", "POST"}:
            answer = person.get(address(rule)) if method == "GET" else person.post(address(rule))
            assert answer.status_code == 403, f"{method} {rule.rule}: {answer.status_code}"


def test_every_page_answers_its_role_and_refuses_the_others(app, asha, ben, chen):
    """No page breaks (500) for whoever may open it; whoever may not gets 403, before anything is looked up."""
    people = {Role.ADMIN: asha, Role.SALES: ben, Role.FINANCE: chen}
    for rule in rules(app):
        view = app.view_functions[rule.endpoint]
        if rule.endpoint in {*PUBLIC, "auth.logout", "organisations.switch"}:
            continue
        for (role, person), method in itertools.product(people.items(), sorted(rule.methods & {"GET", "POST"})):
            status = (person.get if method == "GET" else person.post)(address(rule)).status_code
            if role in view.allowed_roles:
                assert status < 500, f"{method} {rule.rule} as {role}: {status}"
                assert status != 403, f"{method} {rule.rule} as {role}: {status}"
            else:
                assert status == 403, f"{method} {rule.rule} as {role}: {status}"


def test_a_stranger_sees_nothing_of_another_organisation(app, asha, dora):
    from zbweb.db import db, work_for

    work_for(db.session(), asha.organisation_id)
    with unit_of_work() as session:
        customer = make_customer(session, display_name="Zylker's own")
    number = customer.id
    assert asha.get(f"/customers/{number}").status_code == 200
    for path in (f"/customers/{number}", f"/customers/{number}/edit"):
        assert dora.get(path).status_code == 404
    assert "Zylker&#39;s own" not in dora.get("/customers").text


def test_every_unsafe_request_needs_the_csrf_token(app, asha):
    app.config["WTF_CSRF_ENABLED"] = True
    for rule in rules(app):
        if "POST" not in rule.methods or rule.endpoint == "hooks.receive":
            continue
        answer = asha.post(address(rule))
        assert answer.status_code == 400, f"{rule.rule}: {answer.status_code}"


def test_every_answer_carries_the_hardening_headers(app, asha):
    for path in ("/", "/login", "/customers", "/no-such-page"):
        headers = asha.get(path).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


def test_a_stolen_cookie_is_worth_nothing_after_signing_out(app, asha):
    cookie = asha.client.get_cookie("session").value
    asha.post("/logout")
    thief = app.test_client()
    thief.set_cookie("session", cookie)
    assert thief.get("/").status_code in (302, 303)


def test_wrong_passwords_are_refused_alike_for_known_and_unknown_people(app, asha, client):
    answers = [
        client.post("/login", data={"email": email, "password": "wrong"})
        for email in ("asha@zylker.example", "nobody@zylker.example")
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert "do not match" in answers[0].text
    assert "do not match" in answers[1].text


def test_signing_in_is_throttled(app, asha):
    visitor = app.test_client()
    statuses = [
        visitor.post("/login", data={"email": "asha@zylker.example", "password": "wrong"}).status_code
        for _ in range(30)
    ]
    assert statuses[-1] == 429


def test_an_account_is_tried_only_so_often_from_wherever(app, asha):
    visitor, statuses = app.test_client(), []
    for number in range(60):
        statuses.append(
            visitor.post(
                "/login",
                data={"email": "Asha@zylker.example ", "password": "wrong"},
                environ_overrides={"REMOTE_ADDR": f"198.51.100.{number}"},
            ).status_code
        )
    assert (statuses[0], statuses[-1]) == (422, 429)
    other = {"email": "nobody@zylker.example", "password": "wrong"}
    assert visitor.post("/login", data=other, environ_overrides={"REMOTE_ADDR": "198.51.100.99"}).status_code == 422


def test_a_forged_forwarding_header_is_no_new_visitor(app, asha):
    visitor = app.test_client()
    statuses = [
        visitor.post(
            "/login",
            data={"email": f"nobody{number}@zylker.example", "password": "wrong"},
            headers={"X-Forwarded-For": f"198.51.100.{number}"},
        ).status_code
        for number in range(25)
    ]
    assert statuses[-1] == 429


def test_what_one_person_began_in_a_browser_does_not_go_on_as_the_next(app, asha, client):
    form = {"email": "asha@zylker.example", "password": PASSWORD}
    with client.session_transaction() as cookie:
        cookie["crm_grant"] = "begun by somebody else"
    client.post("/login", data=form)
    with client.session_transaction() as cookie:
        assert "crm_grant" not in cookie
        cookie["crm_grant"] = "begun by Asha"
    client.post("/logout")
    with client.session_transaction() as cookie:
        assert not dict(cookie)


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "/\n/evil.example", "/\r\\evil"],
)
def test_signing_in_never_leads_away_from_here(app, asha, client, wanted):
    answer = client.post(
        "/login", query_string={"next": wanted}, data={"email": "asha@zylker.example", "password": PASSWORD}
    )
    assert answer.headers["Location"] == "/"


def test_an_id_that_no_row_can_have_finds_nothing(app, asha):
    huge = str(10**20)
    for rule in rules(app):
        if rule.endpoint in PUBLIC or not re.search(r"<int:", rule.rule):
            continue
        for method in rule.methods & {"GET", "POST"}:
            path = address(rule).replace("999999", huge)
            status = (asha.get if method == "GET" else asha.post)(path).status_code
            assert status < 500, f"{method} {path}: {status}"
    for path in ("/invoices/new?customer_id=", "/payments?customer_id=", "/customers?after=", "/invoices?before="):
        assert asha.get(path + huge).status_code < 500, path
