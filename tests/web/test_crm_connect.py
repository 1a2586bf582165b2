"""Connecting: each refusal has its sentence on the form, and nothing that fails replaces what works."""

from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from flask.sessions import SecureCookieSessionInterface

from tests.crm_pages import CONNECT, DETAILS, KEY
from tests.factories.runs import make_connection
from zbweb.crm.credentials import CrmCredential
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync import clients
from zbweb.sync.models import Connection

OAUTH = {"data_centre": "us", "client_id": "demo-client", "client_secret": "demo-secret"}


@pytest.fixture
def settings(crm_settings):
    return crm_settings


def connection():
    db.session.expire_all()
    return db.session.query(Connection).one_or_none()


def test_email_and_key_connect_and_lead_to_the_details(asha, crm):
    answer = asha.post(CONNECT, KEY)
    assert (answer.status_code, answer.location) == (303, DETAILS)
    page = asha.get(DETAILS).text
    assert "Zoho CRM is connected to Zylker Instruments as Patricia Boyle." in page
    assert connection().crm_user_email == "admin@crm.example"


def test_the_form_bears_the_labels_of_the_specification(asha):
    page = asha.get(CONNECT).text
    for label in ("Email Address", "Zoho CRM ZSC Key", "Save", "Zoho CRM Credentials"):
        assert label in page


def test_a_wrong_key_is_refused_keeps_the_address_and_shows_no_key(asha):
    answer = asha.post(CONNECT, {**KEY, "zsc_key": "WRONG-KEY"})
    assert answer.status_code == 422
    assert "does not accept this email address and ZSC key" in answer.text
    assert 'value="admin@crm.example"' in answer.text
    assert "WRONG-KEY" not in answer.text
    assert connection() is None


def test_empty_fields_are_marked_before_the_crm_is_asked(asha, crm):
    answer = asha.post(CONNECT, {})
    assert answer.status_code == 422
    assert "Enter the ZSC key" in answer.text
    assert crm.requests() == []


@pytest.mark.parametrize(
    ("organisation", "faults", "words"),
    [
        ({"paid_type": "free"}, {}, ("Free plan", "Professional")),
        ({"paid_type": "standard"}, {}, ("Standard plan", "Professional")),
        ({"mc_status": True, "iso_code": "EUR"}, {}, ("base currency", "EUR", "USD")),
        ({}, {"forbid_module": "Deals"}, ("Deals", "access")),
        ({}, {"fail_next": [{"status": 500, "count": 50, "path": "/crm/v8/org"}]}, ("trouble of its own",)),
        (
            {},
            {"fail_next": [{"status": 403, "count": 50, "path": "/crm/v8/users", "code": "NO_PERMISSION"}]},
            ("may not",),
        ),
    ],
)
def test_each_check_that_fails_says_its_own_sentence_and_saves_nothing(asha, crm, organisation, faults, words):
    crm.control("org", organisation)
    crm.faults(**faults)
    answer = asha.post(CONNECT, KEY)
    assert answer.status_code == 422
    assert all(word in answer.text for word in words), answer.text
    assert connection() is None
    assert db.session.query(CrmCredential).count() == 0


def test_a_wrong_key_in_update_credentials_leaves_the_old_one_working(connected, crm):
    assert "Update Credentials" in connected.get(CONNECT).text
    answer = connected.post(CONNECT, {**KEY, "zsc_key": "WRONG-KEY"})
    assert answer.status_code == 422
    assert "The credentials saved before keep working." in answer.text
    assert clients.client_for(connection()).organisation().name == "Zylker Instruments"


def test_a_crm_organisation_that_another_organisation_here_syncs_with_is_refused(connected, dora):
    answer = dora.post(CONNECT, KEY)
    assert answer.status_code == 422
    assert "already connected to another organisation here" in answer.text


def test_another_crm_organisation_is_connected_only_after_a_confirmation(asha, session):
    with unit_of_work() as session:
        work_for(session, asha.organisation_id)
        old = make_connection(session, crm_organisation_id="another", crm_organisation_name="Old Instruments")
    answer = asha.post(CONNECT, KEY)
    assert (answer.status_code, answer.location) == (303, f"{CONNECT}/confirm")
    question = asha.get(f"{CONNECT}/confirm").text
    assert "Old Instruments" in question
    assert "Zylker Instruments" in question
    assert session.get(Connection, old.id).is_live

    assert asha.post(f"{CONNECT}/confirm").location == DETAILS
    db.session.expire_all()
    assert session.get(Connection, old.id).status == "replaced"
    assert "Zylker Instruments" in asha.get(DETAILS).text


def test_a_confirmation_without_a_sign_in_begins_again(connected):
    assert connected.get(f"{CONNECT}/confirm").location == CONNECT
    answer = connected.post(f"{CONNECT}/confirm")
    assert answer.status_code == 422
    assert "Begin again" in answer.text


def test_a_refresh_token_of_a_self_client_connects(asha):
    answer = asha.post(f"{CONNECT}/refresh-token", {**OAUTH, "refresh_token": "demo-refresh"})
    assert answer.location == DETAILS, answer.text
    assert connection().crm_user_name == "Patricia Boyle"


def test_a_self_client_needs_its_refresh_token(asha, crm):
    answer = asha.post(f"{CONNECT}/refresh-token", OAUTH)
    assert answer.status_code == 422
    assert "Enter the refresh token" in answer.text


def consent(asha, decision="accept"):
    """Ask for consent as the browser would, and return the address that the CRM sends it back to."""
    forward = asha.post(f"{CONNECT}/authorize", OAUTH)
    assert forward.status_code == 200
    address = forward.text.split('content="0; url=')[1].split('"')[0].replace("&amp;", "&")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    answer = urllib3.request("POST", address.split("?")[0], fields={**asked, "decision": decision}, redirect=False)
    back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"


def test_the_consent_page_of_the_crm_connects(asha):
    back = consent(asha)
    assert back.startswith(f"{CONNECT}/callback?")
    assert asha.get(back).location == DETAILS
    assert connection().is_live


def test_an_answer_with_another_state_is_refused(asha):
    back = consent(asha)
    state = parse_qs(urlsplit(back).query)["state"][0]
    answer = asha.get(back.replace(state, "forged"))
    assert answer.status_code == 422
    assert "begun in another browser" in answer.text
    assert connection() is None


def test_an_answer_counts_once(asha):
    back = consent(asha)
    asha.get(back)
    assert asha.get(back).status_code == 422


def test_refused_consent_is_said(asha):
    answer = asha.get(consent(asha, decision="reject"))
    assert answer.status_code == 422
    assert answer.text.lower().count("nothing was saved") == 1
    assert "was not given consent" in answer.text
    assert '<details class="card-body plain" open>' in answer.text  # where one begins again


def test_the_clients_secret_is_not_readable_in_the_cookie(asha):
    answer = asha.post(f"{CONNECT}/authorize", OAUTH)
    assert "demo-secret" not in str(answer.headers)
    jar = asha.client.get_cookie("session")
    opened = SecureCookieSessionInterface().get_signing_serializer(asha.client.application).loads(jar.value)
    assert "demo-secret" not in str(opened)


@pytest.mark.parametrize("path", ["", "/confirm", "/callback"])
def test_only_admins_connect(asha, ben, path):
    assert ben.get(CONNECT + path).status_code == 403
