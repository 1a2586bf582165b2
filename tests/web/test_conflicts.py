"""The conflicts' page: both values side by side, a choice per field, and one for all."""

import re

import pytest

from tests.factories.customers import make_customer
from tests.factories.links import make_link
from tests.factories.runs import make_connection, make_entry, make_run
from zbweb.billing import custom_fields, customers
from zbweb.billing.custom_fields import FieldDraft
from zbweb.billing.journal import SYSTEM
from zbweb.db import db, unit_of_work
from zbweb.sync.models import Connection, Link, SyncEntry

CONFLICTS = "/settings/integrations/zoho-crm/conflicts"


@pytest.fixture
def conflict(session, asha):
    return make_conflict("Acme", phone=("ours", "theirs"), fax=("1", ""))


def make_conflict(name, *, connection=None, **diff):
    with unit_of_work() as session:
        customer = make_customer(session, display_name=name, phone="ours", fax="1")
        connection = session.merge(connection) if connection else make_connection(session)
        link = make_link(session, connection, customer, snapshot={"phone": "old", "fax": "0"})
        return make_entry(
            session, make_run(session, connection), name=name, outcome="conflict", reason="both_changed",
            entity_id=customer.id, crm_id=link.crm_id, diff={key: list(pair) for key, pair in diff.items()},
        )  # fmt: skip


def customer_of(entry):
    db.session.expire_all()
    return customers.find(db.session(), entry.entity_id)


def is_open(entry):
    db.session.expire_all()
    return db.session.get(SyncEntry, entry.id).resolved_at is None


def test_without_conflicts_the_page_says_so(asha, session):
    with unit_of_work() as session:
        make_connection(session)
    assert "No conflicts" in asha.get(CONFLICTS).text


def test_both_values_stand_side_by_side(asha, conflict):
    page = asha.get(CONFLICTS).text
    row = re.search(r"<tr[^>]*>\s*<th[^>]*>Phone.*?</tr>", page, re.S)[0]
    assert row.index("theirs") < row.index("ours")
    for words in ("Acme", ">Fax", "Zoho CRM", "Billing", "Another value", "1 conflict"):
        assert words in page


def test_each_field_takes_the_chosen_side(asha, conflict):
    answer = asha.post(f"{CONFLICTS}/{conflict.id}", {"choice-phone": "crm", "choice-fax": "billing"})
    assert (answer.status_code, answer.location) == (303, CONFLICTS)
    customer = customer_of(conflict)
    assert (customer.phone, customer.fax) == ("theirs", "1")
    assert not is_open(conflict)
    link = db.session.query(Link).filter_by(entity_id=customer.id).one()
    assert link.snapshot == {"phone": "theirs", "fax": ""}


@pytest.mark.parametrize("choice", [{"choice-phone": "typed"}, {}])
def test_a_value_can_be_typed_with_or_without_its_button(asha, conflict, choice):
    asha.post(f"{CONFLICTS}/{conflict.id}", {"typed-phone": " third ", "choice-fax": "crm", "typed-fax": "", **choice})
    customer = customer_of(conflict)
    assert (customer.phone, customer.fax) == ("third", "")


def test_a_typed_value_beside_a_chosen_side_does_not_count(asha, conflict):
    asha.post(f"{CONFLICTS}/{conflict.id}", {"typed-phone": "third", "choice-phone": "crm", "choice-fax": "crm"})
    assert customer_of(conflict).phone == "theirs"


def test_an_open_field_is_named_and_what_was_chosen_is_kept(asha, conflict):
    answer = asha.post(f"{CONFLICTS}/{conflict.id}", {"choice-phone": "typed", "typed-phone": "third"})
    assert answer.status_code == 422
    assert "Choose for every field which value stays." in answer.text
    assert 'value="third"' in answer.text
    assert re.search(r'value="typed"[^>]*checked', answer.text)
    assert is_open(conflict)


def test_a_typed_value_that_does_not_fit_is_refused_at_its_field(asha):
    with unit_of_work() as session:
        custom_fields.create(session, FieldDraft("Seats", type="number"), actor=SYSTEM)
    conflict = make_conflict("Acme", **{"custom.cf_seats": (1, 2)})
    assert ">Seats" in asha.get(CONFLICTS).text
    answer = asha.post(f"{CONFLICTS}/{conflict.id}", {"typed-custom.cf_seats": "many"})
    assert answer.status_code == 422
    assert "Seats needs a number" in answer.text
    asha.post(f"{CONFLICTS}/{conflict.id}", {"typed-custom.cf_seats": "12"})
    assert customer_of(conflict).custom == {"cf_seats": 12}


def test_several_conflicts_are_decided_for_one_side_at_once(asha, conflict):
    connection = db.session.get(Connection, conflict.connection_id)
    other = make_conflict("Zoo", connection=connection, phone=("ours", "zoo"))
    asha.post(f"{CONFLICTS}/all", {"ids": [conflict.id, other.id], "side": "crm"})
    assert (customer_of(conflict).phone, customer_of(other).phone) == ("theirs", "zoo")
    assert "2 conflicts were decided for Zoho CRM" in asha.get(CONFLICTS).text


def test_what_somebody_else_decided_meanwhile_is_said(asha, conflict):
    choices = {"choice-phone": "crm", "choice-fax": "crm"}
    asha.post(f"{CONFLICTS}/{conflict.id}", choices)
    asha.post(f"{CONFLICTS}/{conflict.id}", {"choice-phone": "billing", "choice-fax": "billing"})
    assert "decided already" in asha.get(CONFLICTS).text
    assert customer_of(conflict).phone == "theirs"


def test_deciding_for_one_side_what_is_decided_already_is_no_success(asha, conflict):
    for side in ("crm", "billing"):
        asha.post(f"{CONFLICTS}/all", {"ids": [conflict.id], "side": side})
    assert "Nothing was left to decide" in asha.get(CONFLICTS).text
    assert customer_of(conflict).phone == "theirs"


@pytest.mark.parametrize(
    ("choices", "stays"),
    [
        ({"choice-phone": "crm", "choice-fax": "crm"}, ("theirs", "empty")),
        ({"choice-phone": "billing", "choice-fax": "billing"}, ("ours", "1")),
        ({"typed-phone": "third", "choice-fax": "billing"}, ("third", "1")),
    ],
)
def test_the_history_says_of_a_decided_conflict_which_value_stays(asha, conflict, choices, stays):
    page = f"/settings/integrations/zoho-crm/history/{conflict.run_id}"
    before = " ".join(re.sub("<[^>]*>", "", asha.get(page).text).split())
    assert "ours here, theirs in Zoho CRM Fax 1 here, empty in Zoho CRM" in before
    asha.post(f"{CONFLICTS}/{conflict.id}", choices)
    after = " ".join(re.sub("<[^>]*>", "", asha.get(page).text).split())
    assert "Decided by Asha Rao." in after
    assert f"ours here, theirs in Zoho CRM; {stays[0]} stays Fax 1 here, empty in Zoho CRM; {stays[1]} stays" in after
    told = stays[0]
    assert f"Phone: ours here, theirs in Zoho CRM, {told} stays" in asha.get(f"{page}.csv").text


def test_what_is_typed_for_an_email_has_to_be_one(asha):
    conflict = make_conflict("Acme", email=("ours@acme.example", "theirs@acme.example"))
    answer = asha.post(f"{CONFLICTS}/{conflict.id}", {"typed-email": "no address"})
    assert answer.status_code == 422
    assert "This is not an email address." in answer.text
    assert is_open(conflict)
    asha.post(f"{CONFLICTS}/{conflict.id}", {"typed-email": "third@acme.example"})
    assert customer_of(conflict).email == "third@acme.example"


def test_a_nonsensical_side_is_refused(asha, conflict):
    assert asha.post(f"{CONFLICTS}/all", {"ids": [conflict.id], "side": "none"}).status_code == 422
    assert is_open(conflict)


def test_conflicts_are_the_admins_and_of_their_organisation(asha, conflict, ben, dora):
    assert ben.post(f"{CONFLICTS}/{conflict.id}", {"choice-phone": "crm", "choice-fax": "crm"}).status_code == 403
    dora.post(f"{CONFLICTS}/{conflict.id}", {"choice-phone": "crm", "choice-fax": "crm"})
    assert is_open(conflict)
