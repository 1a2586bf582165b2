"""Signing in: what is sent where, what each refusal means, and that secrets stay hidden."""

import logging
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.crm.scripted import Move, says
from zbweb import config
from zbweb.clock import now
from zbweb.crm import errors
from zbweb.crm.grants import (
    SCOPES,
    Grant,
    GrantKind,
    authorize_url,
    renewed,
    sign_in_with_code,
    sign_in_with_refresh_token,
    sign_in_with_zsc,
    withdraw,
)

TOKEN = {"access_token": "1000.access", "token_type": "Bearer", "expires_in": 3600}
THROTTLED = {"error": "Access Denied", "error_description": "You have made too many requests continuously."}
SECRETS = ("1000.access", "ZSC-DEMO-KEY", "demo-secret", "demo-refresh")


def by_key(http):
    return sign_in_with_zsc("admin@crm.example", "ZSC-DEMO-KEY", http=http)


def by_refresh_token(http):
    return sign_in_with_refresh_token("demo-refresh", client_id="demo-client", client_secret="demo-secret", http=http)


def by_code(http):
    return sign_in_with_code(
        "1000.code", "https://us.example/back", client_id="demo-client", client_secret="demo-secret", http=http
    )


@pytest.mark.parametrize(
    ("sign_in", "form"),
    [
        (
            by_key,
            {"grant_type": "urn:zbweb:zsc-key", "email": "admin@crm.example", "zsc_key": "ZSC-DEMO-KEY"},
        ),
        (
            by_refresh_token,
            {
                "grant_type": "refresh_token",
                "refresh_token": "demo-refresh",
                "client_id": "demo-client",
                "client_secret": "demo-secret",
            },
        ),
        (
            by_code,
            {
                "grant_type": "authorization_code",
                "code": "1000.code",
                "redirect_uri": "https://us.example/back",
                "client_id": "demo-client",
                "client_secret": "demo-secret",
            },
        ),
    ],
    ids=["key", "refresh token", "code"],
)
def test_secrets_travel_in_the_body_and_never_in_the_address(signs_in, http, sign_in, form):
    signs_in.play(says(TOKEN | {"refresh_token": "1000.refresh"}))
    sign_in(http)
    heard = signs_in.heard[0]
    assert (heard.method, heard.path, heard.query, heard.form) == ("POST", "/oauth/v2/token", {}, form)


@pytest.mark.parametrize("sign_in", [by_key, by_refresh_token], ids=["key", "refresh token"])
def test_a_grant_shows_no_secret(signs_in, http, sign_in):
    signs_in.play(says(TOKEN))
    assert not any(secret in repr(sign_in(http)) for secret in SECRETS)


@pytest.mark.parametrize("sign_in", [by_key, by_refresh_token], ids=["key", "refresh token"])
def test_signing_in_logs_no_secret(signs_in, http, caplog, capsys, sign_in):
    caplog.set_level(logging.DEBUG)
    signs_in.play(says(TOKEN))
    sign_in(http)
    shown = f"{caplog.text}{capsys.readouterr()}"
    assert "/oauth/v2/token" in shown
    assert not any(secret in shown for secret in SECRETS)


def test_a_token_is_given_up_a_minute_before_the_crm_does(signs_in, http):
    signs_in.play(says(TOKEN))
    assert timedelta(minutes=58) < by_key(http).expires_at - now() < timedelta(minutes=59, seconds=1)


def test_the_older_answer_tells_its_seconds_in_another_key(signs_in, http):
    signs_in.play(says(TOKEN | {"expires_in": 3600000, "expires_in_sec": 3600}))
    assert by_key(http).expires_at - now() < timedelta(hours=1)


@pytest.mark.parametrize(
    ("reply", "status", "kind", "words"),
    [
        # refused; the HTTP status says nothing
        ({"error": "invalid_code"}, 200, errors.CredentialsRefused, "refresh token is wrong"),
        ({"error": "invalid_client"}, 200, errors.CredentialsRefused, "client ID"),
        ({"error": "invalid_client"}, 400, errors.CredentialsRefused, "client ID"),
        ({"error": "invalid_client_secret"}, 200, errors.CredentialsRefused, "client secret"),
        ({"error": "something_new"}, 401, errors.CredentialsRefused, "something_new"),
        # throttled
        (THROTTLED, 200, errors.RateLimited, "wait"),
        ({"error": "access_denied"}, 400, errors.RateLimited, "wait"),
        ({}, 429, errors.RateLimited, "wait"),
        # trouble of its own
        ({}, 500, errors.Unavailable, "trouble"),
        ({"unexpected": True}, 200, errors.MalformedAnswer, "cannot be read"),
        ([], 200, errors.MalformedAnswer, "cannot be read"),
        # said yes, in words that cannot be used
        ({**TOKEN, "access_token": None}, 200, errors.MalformedAnswer, "could not be read"),
        ({**TOKEN, "access_token": ""}, 200, errors.MalformedAnswer, "could not be read"),
        ({**TOKEN, "access_token": "a\r\nHost: b"}, 200, errors.MalformedAnswer, "could not be read"),
        ({**TOKEN, "expires_in": "soon"}, 200, errors.MalformedAnswer, "could not be read"),
    ],
)
def test_every_refusal_of_a_sign_in_has_its_error(signs_in, http, reply, status, kind, words):
    signs_in.play(says(reply, status))
    with pytest.raises(kind, match=words) as caught:
        by_refresh_token(http)
    assert type(caught.value) is kind
    assert not any(secret in f"{caught.value!r}{caught.value.__dict__}" for secret in SECRETS)


def test_sign_ins_are_counted_by_how_they_end(signs_in, http, outcomes):
    signs_in.play(says(TOKEN), says({"error": "invalid_grant"}))
    by_key(http)
    with pytest.raises(errors.WrongKey):
        by_key(http)
    assert outcomes == ["sign-in accepted", "sign-in WrongKey"]


def test_a_wrong_key_is_called_a_wrong_key(signs_in, http):
    signs_in.play(says({"error": "invalid_grant"}, 400))
    with pytest.raises(errors.WrongKey, match="email address and ZSC key"):
        by_key(http)


def test_a_throttled_sign_in_says_when_to_come_back(signs_in, http):
    signs_in.play(says(THROTTLED))
    with pytest.raises(errors.RateLimited) as caught:
        by_refresh_token(http)
    assert caught.value.retry_after == 60


def test_a_sign_in_that_yields_no_refresh_token_is_refused(signs_in, http):
    signs_in.play(says(TOKEN))
    with pytest.raises(errors.CredentialsRefused, match="offline access"):
        by_code(http)


def test_a_key_is_not_sent_to_zoho_which_knows_no_such_sign_in(settings):
    config.use(settings)
    with pytest.raises(errors.CredentialsRefused, match="Connect with OAuth"):
        sign_in_with_zsc("admin@crm.example", "ZSC-DEMO-KEY")


def test_authorize_url_asks_for_offline_access_to_every_scope(settings):
    config.use(settings)
    address = urlsplit(
        authorize_url("demo-client", "https://us.example/back", state="s", accounts_url="https://accounts.zoho.eu")
    )
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert (address.scheme, address.netloc, address.path) == ("https", "accounts.zoho.eu", "/oauth/v2/auth")
    assert query == {
        "response_type": "code",
        "client_id": "demo-client",
        "scope": ",".join(SCOPES),
        "redirect_uri": "https://us.example/back",
        "access_type": "offline",
        "prompt": "consent",
        "state": "s",
    }


def grant(**changes):
    values = {"kind": GrantKind.OAUTH, "accounts_url": "", "api_url": "", "access_token": "1000.access"}
    return Grant(**values | {"expires_at": now()} | changes)


def test_access_without_a_refresh_token_cannot_be_renewed():
    with pytest.raises(errors.AuthExpired, match="Connect again"):
        renewed(grant())


@pytest.mark.parametrize(
    ("changes", "token"),
    [({"refresh_token": "demo-refresh"}, "demo-refresh"), ({"kind": GrantKind.ZSC, "zsc_key": "k"}, "1000.access")],
)
def test_withdrawing_names_the_strongest_token(signs_in, http, changes, token):
    signs_in.play(says({"status": "success"}))
    withdraw(grant(**changes), http=http)
    assert (signs_in.heard[0].path, signs_in.heard[0].form) == ("/oauth/v2/token/revoke", {"token": token})


@pytest.mark.parametrize(("status", "word"), [(200, "invalid_token"), (400, "invalid_code")])
def test_withdrawing_what_is_unknown_already_is_fine(signs_in, http, status, word):
    signs_in.play(says({"status": "failure", "error": word}, status))
    withdraw(grant(refresh_token="demo-refresh"), http=http)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Move(500, b""), errors.Unavailable),
        (says({}, 429), errors.RateLimited),
        (says({"error": "Access Denied"}, 400), errors.RateLimited),
        (Move(200, b"<html>"), errors.MalformedAnswer),
        (says({"error": "invalid_client"}, 400), errors.CredentialsRefused),
    ],
)
def test_a_failed_withdrawal_is_told(signs_in, http, answer, error):
    signs_in.play(answer)
    with pytest.raises(error):
        withdraw(grant(refresh_token="demo-refresh"), http=http)
