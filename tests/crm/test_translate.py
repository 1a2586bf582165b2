"""What the CRM's refusals become: every documented code, each with a sentence and a word on retrying."""

from datetime import UTC, datetime

import pytest

from zbweb.crm import errors
from zbweb.crm.translate import Refusal, error_of, refusal_in

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def translated(status, code="", details=None, said="", retry_after=None):
    refusal = Refusal(code, said, details or {}) if code else None
    return error_of(status, refusal, subject="the module Accounts", retry_after=retry_after, at=NOW)


@pytest.mark.parametrize(
    ("status", "code", "details", "kind"),
    [
        # who we are
        (401, "INVALID_TOKEN", {}, errors.AuthExpired),
        (401, "AUTHENTICATION_FAILURE", {}, errors.AuthExpired),
        (401, "", {}, errors.AuthExpired),
        (401, "OAUTH_SCOPE_MISMATCH", {}, errors.ScopeMissing),
        (403, "OAUTH_SCOPE_MISMATCH", {}, errors.ScopeMissing),
        (403, "NO_PERMISSION", {"permissions": ["Crm_Implied_View_Accounts"]}, errors.PermissionDenied),
        (400, "AUTHORIZATION_FAILED", {}, errors.PermissionDenied),
        (403, "", {}, errors.PermissionDenied),
        # what is not there
        (400, "INVALID_MODULE", {"resource_path_index": 0}, errors.ModuleUnavailable),
        (404, "INVALID_MODULE", {}, errors.ModuleUnavailable),
        (400, "MODULE_NOT_AVAILABLE", {}, errors.ModuleUnavailable),
        (400, "CVID_NOT_SUPPORTED", {}, errors.ViewGone),
        (400, "INVALID_DATA", {"param_name": "cvid"}, errors.ViewGone),
        (404, "INVALID_URL_PATTERN", {}, errors.Refused),
        # page tokens
        (400, "INVALID_DATA", {"param_name": "page_token"}, errors.TokenExpired),
        (400, "TOKEN_BOUND_DATA_MISMATCH", {"param_name": "page_token"}, errors.TokenExpired),
        (400, "EXPIRED_VALUE", {"api_name": "page_token"}, errors.TokenExpired),
        (400, "PAGINATION_LIMIT_EXCEEDED", {"param_name": "page_token"}, errors.ListTooLong),
        # later
        (429, "TOO_MANY_REQUESTS", {}, errors.RateLimited),
        (429, "", {}, errors.RateLimited),
        (400, "RATE_LIMIT_EXCEEDED", {}, errors.RateLimited),
        (500, "INTERNAL_ERROR", {}, errors.Unavailable),
        (502, "", {}, errors.Unavailable),
        (503, "", {}, errors.Unavailable),
        # the rest
        (400, "INVALID_DATA", {"api_name": "Phone"}, errors.Refused),
        (400, "LIMIT_EXCEEDED", {"limit": 50, "param_name": "fields"}, errors.Refused),
        (412, "ALREADY_MODIFIED", {}, errors.Refused),
        (302, "", {}, errors.Refused),
    ],
)
def test_every_refusal_has_its_error(status, code, details, kind):
    error = translated(status, code, details)
    assert type(error) is kind
    assert (error.code, error.crm_status, error.details) == (code or None, status, details)


@pytest.mark.parametrize(
    ("kind", "retryable"),
    [
        (errors.Unreachable, True),
        (errors.TimedOut, True),
        (errors.MalformedAnswer, True),
        (errors.Unavailable, True),
        (errors.RateLimited, True),
        (errors.AnswerLost, False),
        (errors.AuthExpired, False),
        (errors.WrongKey, False),
        (errors.CredentialsUnreadable, False),
        (errors.ScopeMissing, False),
        (errors.PermissionDenied, False),
        (errors.ModuleUnavailable, False),
        (errors.ViewGone, False),
        (errors.TokenExpired, False),
        (errors.ListTooLong, False),
        (errors.Refused, False),
    ],
)
def test_each_error_says_whether_trying_again_may_help(kind, retryable):
    assert kind("x").retryable is retryable


def test_the_sentence_names_the_thing_the_status_and_the_code():
    message = translated(403, "NO_PERMISSION").message
    assert "the module Accounts" in message
    assert "(HTTP 403, NO_PERMISSION)" in message


def test_a_refusal_of_another_kind_repeats_the_crms_own_words():
    assert '"invalid data"' in translated(400, "INVALID_DATA", said="invalid data").message


def test_the_crms_hint_when_to_come_back_is_kept():
    assert translated(429, "TOO_MANY_REQUESTS", retry_after="12").retry_after == 12


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"code": "INVALID_MODULE", "details": {}, "message": "m", "status": "error"}, "INVALID_MODULE"),
        ({"data": [{"code": "INVALID_MODULE", "details": {}, "message": "m", "status": "error"}]}, "INVALID_MODULE"),
        ({"code": "X", "details": None, "message": None, "status": "error"}, "X"),
        # no refusals
        ({"data": [{"id": "1", "Account_Name": "Acme"}], "info": {}}, None),
        ({"users": [{"id": "1", "status": "active"}]}, None),
        ({"count": 127}, None),
        ({"data": []}, None),
        ({}, None),
        ([], None),
        ("text", None),
        (None, None),
    ],
)
def test_a_refusal_is_found_where_the_crm_puts_it(body, code):
    refusal = refusal_in(body)
    assert (refusal.code if refusal else None) == code
