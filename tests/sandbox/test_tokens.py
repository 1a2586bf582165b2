"""Tokens: how they are got, how long they live, how often, and what they open."""

from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

CLIENT = {"client_id": "demo-client", "client_secret": "demo-secret"}
REFRESH = {**CLIENT, "grant_type": "refresh_token", "refresh_token": "demo-refresh"}
ZSC = {"grant_type": "urn:zbweb:zsc-key", "email": "admin@crm.example", "zsc_key": "ZSC-DEMO-KEY"}
BACK = "http://127.0.0.1:8000/oauth/callback"
CONSENT = {
    "client_id": "demo-client", "response_type": "code", "scope": "ZohoCRM.modules.ALL,ZohoCRM.org.READ",
    "redirect_uri": BACK, "access_type": "offline", "state": "s t",
}  # fmt: skip


@pytest.fixture
def http():
    pool = urllib3.PoolManager(retries=False)
    yield pool
    pool.clear()


@pytest.fixture
def exchange(crm, http):
    """Ask the token endpoint; the answer's JSON. Refusals are HTTP 200 too, so the body must be looked at."""

    def ask(fields, *, in_query=False):
        url = f"{crm.url}/oauth/v2/token"
        if in_query:
            answer = http.request_encode_url("POST", url, fields=fields)
        else:
            answer = http.request_encode_body("POST", url, fields=fields, encode_multipart=False)
        assert answer.status == 200
        return answer.json()

    return ask


def status_with(crm, http, token, path="/crm/v8/org"):
    answer = http.request("GET", crm.url + path, headers={"Authorization": f"Zoho-oauthtoken {token}"})
    return answer.status, answer.json().get("code")


def granted(crm, http, **changes):
    """Accept on the consent page; the parameters of the way back."""
    fields = {**CONSENT, "decision": "accept", **changes}
    answer = http.request("POST", f"{crm.url}/oauth/v2/auth", fields=fields, encode_multipart=False, redirect=False)
    assert answer.status == 302, answer.data
    assert answer.headers["Location"].startswith(BACK)
    return {key: values[0] for key, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


@pytest.mark.parametrize("in_query", [False, True])
def test_a_refresh_token_opens_the_api_for_an_hour(crm, http, exchange, in_query):
    reply = exchange(REFRESH, in_query=in_query)
    assert reply["expires_in"] == 3600
    assert reply["api_domain"] == crm.url
    assert "refresh_token" not in reply
    assert status_with(crm, http, reply["access_token"]) == (200, None)
    crm.faults(clock_skew_seconds=3601)
    assert status_with(crm, http, reply["access_token"]) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_secret": "wrong"}, "invalid_client_secret"),
        ({"refresh_token": "wrong"}, "invalid_code"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_refresh_is_refused_with_its_reason(exchange, change, error):
    assert exchange({**REFRESH, **change})["error"] == error


def test_the_eleventh_token_within_ten_minutes_is_refused(crm, exchange):
    assert all("access_token" in exchange(REFRESH) for _ in range(10))
    reply = exchange(REFRESH)
    assert reply["error"] == "Access Denied"
    assert "too many requests" in reply["error_description"]
    crm.faults(clock_skew_seconds=601)
    assert "access_token" in exchange(REFRESH)


def test_the_sixteenth_living_token_kills_the_oldest(crm, http, exchange):
    crm.faults(token_throttle=False)
    tokens = [exchange(REFRESH)["access_token"] for _ in range(16)]
    assert status_with(crm, http, tokens[0]) == (401, "INVALID_TOKEN")
    assert status_with(crm, http, tokens[1]) == (200, None)


def test_the_service_key_is_exchanged_like_any_token(crm, http, exchange):
    reply = exchange(ZSC)
    assert status_with(crm, http, reply["access_token"]) == (200, None)
    assert {"access_token", "refresh_token", "api_domain", "expires_in", "scope"} <= set(reply)
    renewed = exchange({"grant_type": "refresh_token", "refresh_token": reply["refresh_token"]})
    assert status_with(crm, http, renewed["access_token"]) == (200, None)


@pytest.mark.parametrize(
    "change",
    [
        {"zsc_key": "ZSC-OTHER"},
        {"email": "nobody@crm.example"},
        {"email": "rohan@crm.example"},  # not an administrator
        {"email": "tomas@crm.example"},  # no longer active
    ],
)
def test_the_service_key_wants_an_active_administrator_and_the_right_key(exchange, change):
    reply = exchange({**ZSC, **change})
    assert reply["error"] == "invalid_code"
    assert "access_token" not in reply


def test_the_address_of_the_administrator_is_compared_without_case(exchange):
    assert "access_token" in exchange({**ZSC, "email": " Admin@CRM.example "})


def test_a_new_service_key_kills_the_old_one_and_what_it_opened(crm, http, exchange):
    reply = exchange(ZSC)
    crm.faults(revoke_zsc_key=True)
    assert exchange(ZSC)["error"] == "invalid_code"
    assert exchange({"grant_type": "refresh_token", "refresh_token": reply["refresh_token"]})["error"]
    assert status_with(crm, http, reply["access_token"]) == (401, "INVALID_TOKEN")
    key = crm.control("state", method="GET")["zsc_key"]
    assert "access_token" in exchange({**ZSC, "zsc_key": key})


def test_a_deactivated_user_is_locked_out_everywhere(crm, http, exchange):
    token = exchange(REFRESH)["access_token"]
    crm.faults(revoke_user="admin@crm.example")
    assert status_with(crm, http, token) == (401, "AUTHENTICATION_FAILURE")
    assert exchange(REFRESH)["error"] == "invalid_code"
    assert exchange(ZSC)["error"] == "invalid_code"
    crm.faults(revoke_user="")
    assert status_with(crm, http, token) == (200, None)


def test_consent_brings_a_code_that_works_once(crm, http, exchange):
    back = granted(crm, http)
    assert back["state"] == "s t"
    assert back["location"] == "us"
    assert back["accounts-server"] == crm.url
    fields = {**CLIENT, "grant_type": "authorization_code", "code": back["code"], "redirect_uri": BACK}
    reply = exchange(fields)
    assert {"access_token", "refresh_token"} <= set(reply)
    assert exchange(fields)["error"] == "invalid_code"
    assert "access_token" in exchange({**REFRESH, "refresh_token": reply["refresh_token"]})


def test_a_code_is_bound_to_its_address_and_dies_after_three_minutes(crm, http, exchange):
    fields = {**CLIENT, "grant_type": "authorization_code", "code": granted(crm, http)["code"]}
    assert exchange({**fields, "redirect_uri": "http://127.0.0.1:8000/else"})["error"] == "invalid_redirect_uri"
    crm.faults(clock_skew_seconds=181)
    assert exchange({**fields, "redirect_uri": BACK})["error"] == "invalid_code"


def test_a_refused_consent_says_so(crm, http):
    back = granted(crm, http, decision="reject")
    assert back == {"state": "s t", "error": "access_denied"}


def test_the_consent_page_names_the_program_and_what_it_wants(crm, http):
    page = http.request("GET", f"{crm.url}/oauth/v2/auth", fields=CONSENT).data.decode()
    assert "Zoho Billing (demo)" in page
    assert "ZohoCRM.org.READ" in page
    assert "Patricia Boyle" in page
    assert "Tomás Núñez" not in page


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"client_id": "nobody"}, "No program with this client ID"),
        ({"response_type": "token"}, "response type"),
        ({"redirect_uri": "http://evil.example/"}, "redirect address"),
        ({"redirect_uri": "javascript:alert(1)"}, "redirect address"),
        ({"scope": ""}, "scope"),
    ],
)
def test_a_bad_request_for_consent_is_refused_on_the_page(crm, http, change, sentence):
    answer = http.request("GET", f"{crm.url}/oauth/v2/auth", fields={**CONSENT, **change})
    assert answer.status == 400
    assert sentence in answer.data.decode()


def test_a_revoked_refresh_token_takes_its_access_tokens_along(crm, http, exchange):
    token = exchange(REFRESH)["access_token"]
    revoke = f"{crm.url}/oauth/v2/token/revoke"
    assert http.request("POST", revoke, fields={"token": "demo-refresh"}).json() == {"status": "success"}
    assert status_with(crm, http, token) == (401, "INVALID_TOKEN")
    assert exchange(REFRESH)["error"] == "invalid_code"
    assert http.request("POST", revoke, fields={"token": "demo-refresh"}).json()["status"] == "failure"


@pytest.mark.parametrize("header", [None, "Bearer {token}", "{token}"])
def test_only_the_crms_own_scheme_is_understood(crm, http, header):
    headers = {"Authorization": header.format(token=crm.token())} if header else {}
    answer = http.request("GET", f"{crm.url}/crm/v8/org", headers=headers)
    assert (answer.status, answer.json()["code"]) == (401, "AUTHENTICATION_FAILURE")


@pytest.mark.parametrize(
    ("scope", "path", "is_open"),
    [
        ("ZohoCRM.org.READ", "/crm/v8/org", True),
        ("ZohoCRM.org.READ", "/crm/v8/users", False),
        ("ZohoCRM.modules.ALL", "/crm/v8/Accounts?fields=id", True),
        ("ZohoCRM.modules.READ", "/crm/v8/Accounts?fields=id", True),
        ("ZohoCRM.modules.accounts.READ", "/crm/v8/Accounts?fields=id", True),
        ("ZohoCRM.modules.contacts.READ", "/crm/v8/Accounts?fields=id", False),
        ("ZohoCRM.modules.salesorders.ALL", "/crm/v8/Sales_Orders?fields=id", True),
        ("ZohoCRM.modules.ALL", "/crm/v8/Accounts/search?word=optics", False),
        ("ZohoCRM.modules.ALL ZohoSearch.securesearch.READ", "/crm/v8/Accounts/search?word=optics", True),
        ("ZohoCRM.settings.fields.READ", "/crm/v8/settings/fields?module=Accounts", True),
        ("ZohoCRM.settings.fields.READ", "/crm/v8/settings/custom_views?module=Accounts", False),
    ],
)
def test_a_scope_opens_what_it_names(crm, http, scope, path, is_open):
    token = crm.token(scope=scope)
    answer = http.request("GET", crm.url + path, headers={"Authorization": f"Zoho-oauthtoken {token}"})
    if is_open:
        assert answer.status in (200, 204)
    else:
        assert (answer.status, answer.json()["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
