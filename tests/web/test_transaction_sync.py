"""Configuring document modules, the state on a document's page, figures on the details page, and the billing panel."""

import re

import pytest
from sqlalchemy import select, update

from tests.crm_pages import DETAILS
from tests.factories.customers import make_customer
from tests.factories.links import make_link
from tests.factories.transactions import make_invoice, make_quote
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer, OutboxRow
from zbweb.db import db, unit_of_work
from zbweb.sync import connection as connections
from zbweb.sync import runs
from zbweb.sync.documents import delivery
from zbweb.sync.figures import metrics
from zbweb.sync.outbox.claims import METRICS

SETUP = f"{DETAILS}/invoices"
CHOICES = {"enabled": "y", "extent": "push", "winner": "crm"}


@pytest.fixture
def settings(crm_settings):
    return crm_settings


def version(kind="invoices"):
    db.session.rollback()
    setup = runs.setup_of(db.session(), connections.active(db.session()).id, kind)
    return str(setup.version) if setup else "0"


def save(person, kind="invoices", **changes):
    return person.post(f"{DETAILS}/{kind}", CHOICES | {"version": version(kind)} | changes)


def an_invoice(**values):
    """An invoice of a customer that is linked with a CRM account."""
    with unit_of_work() as session:
        customer = make_customer(session, display_name="Acme Ltd")
        made = make_invoice(session, customer, **values)
        make_link(session, connections.active(session), customer, crm_id="123456")
        return made.id


def state(person, transaction_id):
    return person.get(f"/transactions/{transaction_id}/zoho-crm", headers={"HX-Request": "true"}).text


@pytest.mark.parametrize("who", ["asha", "ben"])
def test_a_document_says_when_nobody_has_set_up_its_kind_yet(request, connected, who):
    invoice_id = an_invoice()
    found = state(request.getfixturevalue(who), invoice_id)
    assert "Invoices are not sent to Zoho CRM yet." in found
    assert "hx-get" not in found, "nothing changes by itself"
    assert (f'href="{SETUP}"' in found) == (who == "asha")
    save(connected)
    assert "not sent to Zoho CRM yet" not in state(connected, invoice_id)


def test_nothing_is_said_where_an_admin_switched_documents_off(connected):
    invoice_id = an_invoice()
    save(connected, enabled="")
    assert state(connected, invoice_id).strip() == ""


# --- the setup --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["quotes", "sales-orders", "invoices"])
def test_every_kind_has_configure_now_and_then_edit(connected, kind):
    page = connected.get(DETAILS).text
    assert f'href="{DETAILS}/{kind}"' in page
    assert connected.get(f"{DETAILS}/{kind}").status_code == 200
    answer = save(connected, kind)
    assert answer.status_code == 303, answer.text
    page = connected.get(DETAILS).text
    assert re.search(rf'href="{DETAILS}/{kind}"[^>]*>\s*<svg.*?</svg><span>Edit</span>', page, re.DOTALL)
    assert "Push to CRM" in page


def test_edit_shows_the_stored_choices(connected):
    save(connected, extent="both", winner="newest", fire_triggers="y")
    page = connected.get(SETUP).text
    checked = re.findall(r"<input[^>]*checked[^>]*>", page)
    values = {value for tag in checked for value in re.findall(r'value="(\w+)"', tag)}
    assert {"both", "newest", "y"} <= values


def test_a_page_that_was_overtaken_is_refused(connected):
    save(connected)
    answer = connected.post(SETUP, CHOICES | {"version": "0"})
    assert answer.status_code == 409
    assert version() == "1"


def test_a_crm_that_is_away_leaves_everything_as_it_was(connected, crm):
    crm.faults(fail_next=[{"status": 503, "count": 30}])
    answer = save(connected)
    assert answer.status_code == 422
    assert "Nothing was saved yet" in answer.text
    assert version() == "0"


def test_documents_that_exist_already_are_counted_and_queued_when_asked(connected):
    an_invoice()
    assert "1 invoice of Billing is not in Zoho CRM yet" in " ".join(connected.get(SETUP).text.split())
    with unit_of_work() as session:
        for row in session.scalars(select(OutboxRow)):
            session.delete(row)
    save(connected, with_existing="y")
    db.session.rollback()
    assert [row.entity for row in db.session.scalars(select(OutboxRow))] == ["transaction"]


# --- the state on the document's page ---------------------------------------------------------------


def test_the_document_page_asks_for_its_state(connected):
    invoice_id = an_invoice()
    assert f"/transactions/{invoice_id}/zoho-crm" in connected.get(f"/invoices/{invoice_id}").text


def test_waiting_there_failed_and_retried(connected, ben):
    save(connected)
    invoice_id = an_invoice()
    waiting = state(ben, invoice_id)
    assert "Waiting" in waiting
    assert 'hx-trigger="every 1s"' in waiting
    with unit_of_work() as session:
        session.execute(update(OutboxRow).values(error_code="INVALID_DATA", error_message="Bad & worse", attempts=3))
    failed = state(ben, invoice_id)
    assert "Failed: Bad &amp; worse" in failed
    assert "Retry" in failed
    answer = ben.post(f"/transactions/{invoice_id}/zoho-crm/retry", headers={"HX-Request": "true"})
    assert "Waiting" in answer.text
    assert ben.post(f"/transactions/{invoice_id}/zoho-crm/retry").headers["Location"] == f"/invoices/{invoice_id}"


def test_a_delivered_document_is_in_zoho_crm(connected, crm):
    save(connected)
    with unit_of_work() as session:
        customer = make_customer(session, display_name="Acme Ltd")
        invoice_id = make_invoice(session, customer).id
        crm_id = _account(crm)
        make_link(session, connections.active(session), customer, crm_id=crm_id)
    delivery.deliver(connected.organisation_id)
    text = state(connected, invoice_id)
    assert "In Zoho CRM" in text
    assert "hx-get" not in text


def _account(crm):
    with crm.sandbox.store.read() as connection:
        return str(connection.execute("SELECT id FROM record WHERE module = 'Accounts' LIMIT 1").fetchone()[0])


def test_drafts_say_that_they_stay(connected):
    save(connected)
    assert "Drafts stay here" in state(connected, an_invoice(is_draft=True))


@pytest.mark.parametrize(
    ("how", "words"), [("pause", "The sync is paused."), ("disable", "The integration is disabled.")]
)
def test_while_nothing_is_sent_the_page_says_why(connected, how, words):
    save(connected)
    invoice_id = an_invoice()
    with unit_of_work() as session:
        getattr(connections, how)(session, connections.active(session), actor=SYSTEM)
    assert words in state(connected, invoice_id)


def test_a_stranger_sees_no_state(connected, dora):
    connected.get(DETAILS)
    assert dora.get(f"/transactions/{an_invoice()}/zoho-crm").status_code == 404


# --- figures ----------------------------------------------------------------------------------------


def test_figures_are_switched_off_and_on(connected):
    an_invoice()
    assert "Stop Sending Figures" in connected.get(DETAILS).text
    connected.post(f"{DETAILS}/figures", {"enabled": ""})
    page = connected.get(DETAILS).text
    assert "Stop Sending Figures" not in page
    connected.post(f"{DETAILS}/figures", {"enabled": "y"})
    db.session.rollback()
    assert [row.entity for row in db.session.scalars(select(OutboxRow).where(OutboxRow.entity == METRICS))] == [METRICS]


def test_what_the_crm_refuses_is_told(connected):
    an_invoice()
    with unit_of_work() as session:
        connection = connections.active(session)
        metrics.begin_anew(session, connection)
        connection.metric_fields = {"Accounts": {"outstanding": "", "overdue": "Overdue_Receivables"}}
        session.execute(
            update(OutboxRow).where(OutboxRow.entity == METRICS).values(error_code="X", error_message="No.")
        )
    page = connected.get(DETAILS).text
    assert "did not let us make: Outstanding Receivables" in page
    assert "Figures of 1 customer could not be written" in page


@pytest.mark.parametrize(
    ("is_paused", "words"), [(True, "wait for Resume Sync"), (False, "are on their way to Zoho CRM")]
)
def test_figures_are_sent_anew_at_once_or_after_the_pause(connected, is_paused, words):
    an_invoice()
    if is_paused:
        connected.post(f"{DETAILS}/pause")
    connected.post(f"{DETAILS}/figures/send-all")
    assert f"The figures of all linked customers {words}." in connected.get(DETAILS).text


def test_figures_are_not_sent_while_disabled(connected):
    an_invoice()
    connected.post(f"{DETAILS}/disable")
    answer = connected.post(f"{DETAILS}/figures/send-all")
    assert answer.status_code == 409
    assert "The integration is disabled" in answer.text


# --- the panel --------------------------------------------------------------------------------------


def panel_address(person):
    (address,) = re.findall(
        r'id="panel-address" readonly value="http://127.0.0.1:8000([^"]+)"', person.get(DETAILS).text
    )
    return address


def test_the_panel_shows_figures_and_open_documents_to_whoever_has_its_address(connected, client, crm):
    an_invoice()
    answer = client.get(panel_address(connected).replace("{account_id}", "123456"))
    assert answer.status_code == 200
    assert "Acme Ltd" in answer.text
    assert "$100.00" in answer.text
    assert "INV-000001" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors {crm.url}")
    assert "X-Frame-Options" not in answer.headers
    assert "script-src" not in policy
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_panel_says_which_currency_its_sums_are_in(connected, client):
    an_invoice()
    address = panel_address(connected).replace("{account_id}", "123456")
    assert "your base currency" not in client.get(address).text
    with unit_of_work() as session:
        session.scalars(select(Customer)).one().currency = "EUR"
    assert "The sums are in USD, your base currency; the documents below in EUR." in client.get(address).text


def test_the_panel_lists_the_quotes(connected, client):
    an_invoice()
    with unit_of_work() as session:
        make_quote(session, session.scalars(select(Customer)).one())
    assert "QT-000001" in client.get(panel_address(connected).replace("{account_id}", "123456")).text


def test_an_account_that_is_no_customer_shows_nothing(connected, client):
    an_invoice()
    answer = client.get(panel_address(connected).replace("{account_id}", "99"))
    assert answer.status_code == 200
    assert "not a customer in Billing yet" in answer.text
    assert "Acme" not in answer.text


@pytest.mark.parametrize("spoil", [lambda token: token + "x", lambda token: "2" + token[1:], lambda token: "x"])
def test_a_forged_address_opens_nothing(connected, client, spoil):
    token = panel_address(connected).split("?")[0].removeprefix("/panel/")
    assert client.get(f"/panel/{spoil(token)}?account=123456").status_code == 404


def test_the_address_is_worth_nothing_while_disabled(connected, client):
    address = panel_address(connected).replace("{account_id}", "123456")
    with unit_of_work() as session:
        connections.disable(session, connections.active(session), actor=SYSTEM)
    assert client.get(address).status_code == 404


def test_other_pages_cannot_be_framed(connected):
    answer = connected.get(DETAILS)
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
