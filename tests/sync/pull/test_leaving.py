"""Records that go away in the CRM: deleted, out of the view, or merged."""

import pytest
from sqlalchemy import select, update

from tests.factories.both_sides import bill
from tests.factories.customers import make_customer
from tests.factories.sync import Partners, connected, hasty_client
from zbweb.billing.models import Customer
from zbweb.db import db, unit_of_work
from zbweb.sync import execution, runs
from zbweb.sync.core.words import LinkReason, LinkState, RunStatus, Trigger
from zbweb.sync.models import Link
from zbweb.sync.setup import offer, wizard


@pytest.fixture
def pair(app, asha, sandbox) -> Partners:
    return connected(app, sandbox, scope="accounts_and_contacts", extent="fetch", policy="skip")


def reasons(pair, run):
    return [(entry.outcome, entry.reason) for entry in pair.entries(run)]


def test_a_customer_that_came_from_the_crm_is_deleted_with_its_record(pair):
    acme = pair.add("Accounts", Account_Name="Acme")
    pair.add("Contacts", Last_Name="Person", Account_Name={"id": acme})
    pair.sync()
    pair.drop("Accounts", acme)
    run = pair.sync()
    assert (run.deleted, run.added, run.failed) == (1, 0, 0)
    assert reasons(pair, run)[0] == ("deleted", "deleted_in_crm")
    assert pair.customers() == []
    before = pair.entries(run)[0].before
    assert (before["record"]["display_name"], before["persons"][0]["last_name"]) == ("Acme", "Person")
    assert {link.state for link in db.session.scalars(select(Link))} == {LinkState.ARCHIVED}


def test_a_customer_with_an_invoice_is_only_marked_inactive(pair):
    acme = pair.add("Accounts", Account_Name="Acme")
    pair.sync()
    bill(pair.customers()[0].id)
    pair.drop("Accounts", acme)
    run = pair.sync()
    assert (run.deleted, reasons(pair, run)) == (1, [("deleted", "deactivated")])
    assert [customer.active for customer in pair.customers()] == [False]


def test_a_customer_that_was_made_here_stays(app, asha, sandbox):
    pair = connected(app, sandbox, scope="accounts", extent="fetch", policy="overwrite")
    with unit_of_work() as session:
        make_customer(session, display_name="Acme")
    acme = pair.add("Accounts", Account_Name="Acme")
    pair.sync()
    pair.drop("Accounts", acme)
    run = pair.sync()
    assert reasons(pair, run) == [("deleted", "kept_here")]
    assert [customer.active for customer in pair.customers()] == [True]


def test_a_deleted_contact_leaves_its_customer(pair):
    acme = pair.add("Accounts", Account_Name="Acme")
    person = pair.add("Contacts", Last_Name="Person", Account_Name={"id": acme})
    pair.sync()
    pair.drop("Contacts", person)
    run = pair.sync()
    assert run.deleted == 1
    assert pair.customers()[0].contact_persons == []


def test_a_record_merged_into_a_skipped_one_hands_its_customer_over(app, asha, sandbox):
    pair = connected(app, sandbox, scope="accounts", extent="fetch", policy="skip")
    first = pair.add("Accounts", Account_Name="Acme")
    pair.sync()
    second = pair.add("Accounts", Account_Name="Acme")
    pair.sync()
    pair.drop("Accounts", first)
    run = pair.sync()
    assert reasons(pair, run) == [("updated", "merged_in_crm")]
    assert len(pair.customers()) == 1
    active = db.session.scalars(select(Link).where(Link.state == LinkState.ACTIVE)).one()
    assert active.crm_id == second


@pytest.fixture
def twins(app, asha, sandbox):
    """Two accounts of one name: the first is linked, the second was left out; then some time has passed."""
    pair = connected(app, sandbox, scope="accounts", extent="fetch", policy="skip")
    first = pair.add("Accounts", Account_Name="Acme", Phone="1")
    pair.sync()
    second = pair.add("Accounts", Account_Name="Acme", Phone="2")
    pair.sync()
    pass_time(sandbox)
    return pair, first, second


def pass_time(sandbox):
    """Ten minutes more, so that no overlap reads again what was read before."""
    sandbox.faults(clock_skew_seconds=sandbox.sandbox.clock.skew_seconds + 600)


def test_after_a_merge_the_survivors_values_arrive(twins, sandbox):
    pair, first, second = twins
    pair.edit("Accounts", second, Phone="3")
    pair.drop("Accounts", first)
    pass_time(sandbox)
    pair.sync()
    assert [(each.display_name, each.phone) for each in pair.customers()] == [("Acme", "3")]
    pair.forget_calls()
    assert pair.sync().updated == 0


def test_two_twins_that_go_together_leave_no_customer_behind(twins, sandbox):
    pair, first, second = twins
    pair.drop("Accounts", first, second)
    pair.sync()
    pass_time(sandbox)
    pair.sync()
    assert pair.customers() == []


def test_nothing_is_merged_into_a_record_that_went_before(twins, sandbox):
    pair, first, second = twins
    pair.drop("Accounts", second)
    pair.sync()
    pass_time(sandbox)
    pair.drop("Accounts", first)
    pair.sync()
    assert pair.customers() == []


def test_nothing_is_merged_into_a_record_that_became_a_customer_of_its_own(twins, sandbox):
    pair, first, second = twins
    pair.edit("Accounts", second, Account_Name="Zylker")
    pair.sync()
    assert sorted(each.display_name for each in pair.customers()) == ["Acme", "Zylker"]
    pass_time(sandbox)
    pair.drop("Accounts", first)
    assert pair.sync().status == "succeeded"
    assert [each.display_name for each in pair.customers()] == ["Zylker"]


def test_an_account_that_stands_there_for_its_documents_takes_nothing_over(twins):
    pair, first, _second = twins
    with unit_of_work() as session:
        session.execute(update(Link).where(Link.state == LinkState.APART).values(reason=LinkReason.FOR_DOCUMENTS))
    pair.drop("Accounts", first)
    pair.sync()
    assert pair.customers() == []


@pytest.fixture
def in_view(app, asha, sandbox):
    """A connection that syncs the view "Berlin": accounts whose billing city is Berlin."""
    view = sandbox.control(
        "custom_views", {"module": "Accounts", "name": "Berlin", "criteria": "(Billing_City:equals:Berlin)"}
    )
    return connected(app, sandbox, scope="accounts", extent="fetch", policy="skip", account_view_id=str(view["id"]))


def test_only_records_of_the_view_arrive(in_view):
    in_view.add("Accounts", Account_Name="Here", Billing_City="Berlin")
    in_view.add("Accounts", Account_Name="Elsewhere", Billing_City="Paris")
    in_view.sync()
    assert [customer.display_name for customer in in_view.customers()] == ["Here"]


def test_a_record_that_leaves_the_view_is_excluded_and_not_deleted(in_view):
    here = in_view.add("Accounts", Account_Name="Here", Billing_City="Berlin")
    in_view.sync()
    in_view.edit("Accounts", here, Billing_City="Paris")
    run = in_view.sync()
    assert reasons(in_view, run) == [("excluded", "left_view")]
    assert [customer.billing_city for customer in in_view.customers()] == ["Berlin"]
    again = in_view.sync()
    assert reasons(in_view, again) == []
    in_view.edit("Accounts", here, Billing_City="Berlin", Phone="new")
    in_view.sync()
    assert in_view.customers()[0].phone == "new"
    assert db.session.scalars(select(Link)).one().excluded_at is None


def test_a_view_that_was_deleted_fails_the_run_with_a_sentence(in_view, sandbox):
    in_view.add("Accounts", Account_Name="Here", Billing_City="Berlin")
    in_view.sync()
    sandbox.control(f"custom_views/{in_view.setup.account_view_id}", method="DELETE")
    run = in_view.sync()
    assert run.status == RunStatus.FAILED
    assert "view" in run.error_message.lower()
    assert len(in_view.customers()) == 1


def test_after_the_setup_is_edited_everything_is_read_again_and_what_is_gone_is_followed(pair, asha):
    acme = pair.add("Accounts", Account_Name="Acme")
    pair.add("Accounts", Account_Name="Stays")
    pair.sync()
    pair.drop("Accounts", acme)
    with unit_of_work() as session:
        kept = wizard.keep(session, pair.connection, {"include_loose": True})
        sight = offer.look(pair.client, ("Accounts", "Contacts"))
        wizard.save(session, pair.connection, sight, seen=kept.stamp, actor=asha.actor)
    run = pair.sync()
    assert run.deleted == 1
    assert [customer.display_name for customer in pair.customers()] == ["Stays"]
    assert db.session.scalars(select(Customer)).one().active


def test_contacts_that_are_contact_persons_stay_so_under_another_module_and_each_is_told(app, asha, sandbox):
    pair = connected(app, sandbox, scope="accounts_and_contacts", extent="fetch", policy="skip")
    acme = pair.add("Accounts", Account_Name="Acme")
    pair.add("Contacts", Last_Name="Lovelace", Account_Name={"id": acme})
    pair.sync()
    with unit_of_work() as session:
        kept = wizard.keep(session, pair.connection, {"scope": "contacts"})
        wizard.save(session, pair.connection, offer.look(pair.client, ("Contacts",)), seen=kept.stamp, actor=asha.actor)
    pair.add("Contacts", Last_Name="Hopper")
    run = pair.sync()
    assert sorted(reasons(pair, run)) == [("added", "new"), ("skipped", "stays_person")]
    assert sorted(each.display_name for each in pair.customers()) == ["Acme", "Hopper"]


def test_who_left_the_view_is_known_however_often_the_run_makes_room(in_view):
    for start in (0, 100, 200):
        names = [f"Here {number}" for number in range(start, start + 100)]
        in_view.crm.insert("Accounts", [{"Account_Name": name, "Billing_City": "Berlin"} for name in names])
    in_view.sync()
    ids = [each["id"] for each in in_view.records("Accounts")]
    for start in (0, 100, 200):
        in_view.crm.update("Accounts", [{"id": each, "Phone": "new"} for each in ids[start : start + 100]])
    in_view.edit("Accounts", ids[7], Billing_City="Paris")
    with unit_of_work() as session:
        run_id = runs.queue_run(session, in_view.connection, trigger=Trigger.INSTANT, actor_name="Asha").id
    slices = 1
    while not execution.execute(run_id, execution.Shift(f"slice-{slices}", hasty_client, should_yield=lambda: True)):
        slices += 1
        assert slices < 5
    gone = db.session.scalars(select(Link.crm_id).where(Link.excluded_at.is_not(None))).all()
    assert (slices, gone) == (2, [ids[7]])
