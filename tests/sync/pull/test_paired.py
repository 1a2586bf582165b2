"""Both ways, whoever is paired is followed, whatever the choice of module fetches anew."""

import pytest

from tests.factories.both_sides import add_customer, change, link_of, outcomes, person
from tests.factories.sync import connected, hasty_client
from zbweb.billing.models import ContactPerson
from zbweb.db import db, unit_of_work
from zbweb.sync.models import ModuleSetup
from zbweb.sync.preview.rehearsal import preview

SCOPES = ("accounts", "contacts", "accounts_and_contacts")


@pytest.fixture(params=SCOPES)
def partners(request, app, asha, sandbox):
    """Both ways, whatever is fetched; one business with a person and one individual of ours are there already."""
    found = connected(app, sandbox, scope=request.param, extent="both", policy="skip", winner="ask")
    add_customer(display_name="Acme", phone="1", persons=(person(phone="1"),))
    add_customer(display_name="Tessa Romano", type="individual", first_name="Tessa", last_name="Romano", phone="1")
    run = found.sync()
    assert [(each.outcome, each.reason) for each in found.entries(run)] == [("added", "pushed_new")] * 3
    return found


def phones():
    db.session.rollback()
    people = db.session.query(ContactPerson).populate_existing()
    return {each.last_name: each.phone for each in people}


def edit_all(partners, phone):
    for module in ("Accounts", "Contacts"):
        for record in partners.records(module):
            partners.edit(module, record["id"], Phone=phone)


def read_all_again(partners):
    with unit_of_work() as session:
        session.get_one(ModuleSetup, partners.setup_id).watermarks = {}


@pytest.mark.parametrize("is_whole", [False, True], ids=["what changed", "everything again"])
def test_changes_in_the_crm_arrive_for_each_of_them(partners, is_whole):
    edit_all(partners, "2")
    if is_whole:
        read_all_again(partners)
    run = partners.sync()
    assert {(each.outcome, each.reason) for each in partners.entries(run)} == {("updated", "changed_in_crm")}
    assert ({each.phone for each in partners.customers()}, phones()) == ({"2"}, {"Lovelace": "2"})


def test_it_is_quiet_afterwards(partners):
    edit_all(partners, "2")
    partners.sandbox.faults(clock_skew_seconds=120)  # no overlap has it read once more
    partners.sync()
    partners.forget_calls()
    run = partners.sync()
    assert (partners.entries(run), partners.writes()) == ([], [])
    assert len([call for call in partners.sandbox.requests() if call["path"].startswith("/crm/")]) <= 5


def test_what_both_sides_changed_is_a_conflict_and_nothing_is_overwritten(partners, asha):
    tessa = next(each for each in partners.customers() if each.type == "individual")
    partners.edit("Contacts", link_of("customer", tessa.id).crm_id, Phone="crm")
    change(tessa.id, asha.actor, phone="ours")
    run = partners.sync()
    assert outcomes(partners, run) == [("in", "conflict", "both_changed", "Tessa Romano")]
    assert next(each for each in partners.customers() if each.id == tessa.id).phone == "ours"


def test_what_is_deleted_in_the_crm_is_noticed(partners):
    for module in ("Accounts", "Contacts"):
        partners.drop(module, *[record["id"] for record in partners.records(module)])
    partners.sync()
    assert [link_of("customer", each.id) for each in partners.customers()] == [None, None]


def test_nobody_else_of_a_module_that_is_not_fetched_is_brought_in(partners):
    scope = partners.setup.scope
    partners.add("Accounts", Account_Name="New account")
    partners.add("Contacts", Last_Name="Loose")
    partners.sync()
    read_all_again(partners)
    partners.sync()
    fetched = {each.display_name for each in partners.customers()} - {"Acme", "Tessa Romano"}
    assert fetched == {"accounts": {"New account"}, "contacts": {"Loose"}}.get(scope, {"New account"})


def test_the_preview_tells_of_them(partners):
    edit_all(partners, "2")
    db.session.rollback()
    found = preview(partners.connection, hasty_client(partners.connection), of_draft=False)
    assert found.counts["updated"] == 3
    assert found.counts.get("added", 0) == 0


def test_an_individual_that_is_no_longer_fetched_is_left_out_with_the_reason(app, asha, sandbox):
    """Fetched while the box for contacts without an account was checked; then it was unchecked."""
    partners = connected(app, sandbox, scope="accounts_and_contacts", include_loose=True, extent="fetch", policy="skip")
    loose = partners.add("Contacts", Last_Name="Loose")
    partners.sync()
    with unit_of_work() as session:
        session.get_one(ModuleSetup, partners.setup_id).include_loose = False
    partners.edit("Contacts", loose, Phone="2")
    assert outcomes(partners, partners.sync()) == [("in", "skipped", "no_account", "Loose")]
