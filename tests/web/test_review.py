"""The review list's page: both customers side by side, one click for either answer."""

import pytest

from tests.factories.customers import make_customer
from tests.factories.links import make_link
from zbweb.billing.journal import Actor
from zbweb.billing.models import Customer
from zbweb.billing.words import Origin
from zbweb.db import db, unit_of_work
from zbweb.sync import connection as connections
from zbweb.sync.models import Link, ReviewPair

REVIEW = "/settings/integrations/zoho-crm/review"
DETAILS = "/settings/integrations/zoho-crm"
CRM = Actor("Zoho CRM", origin=Origin.CRM)


@pytest.fixture
def settings(crm_settings):
    return crm_settings


@pytest.fixture
def pair(connected, crm):
    """Acme Ltd was here, and Acme Limited came from the CRM, where it is."""
    account = crm.control("seed", {"accounts": 1}) and _first_account(crm)
    with unit_of_work() as session:
        ours = make_customer(session, display_name="Acme Ltd", billing_city="Rome")
        other = make_customer(session, display_name="Acme Limited", phone="5", actor=CRM)
        connection = connections.active(session)
        make_link(session, connection, other, crm_id=account, crm_name="Acme Limited")
        made = ReviewPair(organisation_id=ours.organisation_id, connection_id=connection.id, customer_id=ours.id,
                          other_id=other.id, why="name")  # fmt: skip
        session.add(made)
    return made


def _first_account(crm):
    with crm.sandbox.reading() as connection:
        return str(connection.execute("SELECT id FROM record WHERE module = 'Accounts'").fetchone()["id"])


def names():
    db.session.rollback()
    return sorted(customer.display_name for customer in db.session.query(Customer).populate_existing())


def test_an_empty_list_says_what_will_appear(connected):
    assert "Nothing to review" in connected.get(REVIEW).text


def test_a_pair_is_shown_side_by_side_with_what_they_share(connected, pair):
    page = connected.get(REVIEW).text
    for words in ("Acme Ltd", "Acme Limited", "Nearly the same name", "Rome", "Link", "Keep apart", "1 pair"):
        assert words in page


def test_the_details_page_and_the_dashboard_point_to_it(connected, pair):
    assert f'href="{REVIEW}"' in connected.get(DETAILS).text
    assert f'href="{REVIEW}"' in connected.get("/sync-state").text


def test_link_makes_one_of_two_and_fetches_the_crms_values(connected, pair):
    ours = pair.customer_id
    answer = connected.post(f"{REVIEW}/{pair.id}/link")
    assert (answer.status_code, answer.location) == (303, REVIEW)
    assert "one customer now" in connected.get(REVIEW).text
    db.session.expunge_all()
    (customer,) = db.session.query(Customer)
    assert (customer.id, customer.version > 1) == (ours, True)
    assert [link.entity_id for link in db.session.query(Link).filter_by(state="active", entity="customer")] == [
        customer.id
    ]


def test_keep_apart_leaves_both_and_asks_no_more(connected, pair):
    connected.post(f"{REVIEW}/{pair.id}/apart")
    page = connected.get(REVIEW).text
    assert "Acme Ltd stays a customer of its own" in page
    assert "Nothing to review" in page
    assert names() == ["Acme Limited", "Acme Ltd"]


def test_a_refusal_is_a_sentence_on_the_page(connected, pair):
    with unit_of_work() as session:
        session.get(Customer, pair.customer_id).type = "individual"
    assert connected.post(f"{REVIEW}/{pair.id}/link").status_code == 303
    assert "Give both the same customer type" in connected.get(REVIEW).text
    assert names() == ["Acme Limited", "Acme Ltd"]
    connected.post(f"{REVIEW}/{pair.id}/apart")
    connected.post(f"{REVIEW}/{pair.id}/apart")
    assert "decided already" in connected.get(REVIEW).text


def test_a_link_stands_even_if_the_crm_cannot_be_asked(connected, pair, crm):
    crm.faults(fail_next=[{"status": 503, "count": 50}])
    connected.post(f"{REVIEW}/{pair.id}/link")
    crm.faults(fail_next=[])
    assert "could not be fetched" in connected.get(REVIEW).text
    assert names() == ["Acme Ltd"]


def test_the_list_is_the_admins_and_of_their_organisation(connected, pair, ben, dora):
    assert ben.get(REVIEW).status_code == 403
    assert ben.post(f"{REVIEW}/{pair.id}/link").status_code == 403
    dora.post(f"{REVIEW}/{pair.id}/apart")
    assert "1 pair" in connected.get(REVIEW).text
