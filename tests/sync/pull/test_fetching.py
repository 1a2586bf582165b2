"""Fetching from the CRM, run after run: what arrives, what stays quiet, and what each policy does."""

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DataError

from tests.factories.customers import make_customer
from tests.factories.sync import Partners, connected
from tests.people import Person
from zbweb.billing import customers
from zbweb.billing.models import ContactPerson, Customer, CustomField, JournalEntry
from zbweb.db import db, unit_of_work
from zbweb.sync.core.words import LinkState, RunStatus, Trigger
from zbweb.sync.models import Link
from zbweb.sync.pull import reading


@pytest.fixture
def join(app, asha, sandbox):
    """Connect with the choices a test is about."""

    def connect(**choices) -> Partners:
        return connected(app, sandbox, **({"scope": "accounts", "extent": "fetch", "policy": "skip"} | choices))

    return connect


def fates(pair: Partners, run) -> set[tuple[str, str, str]]:
    return {(entry.outcome, entry.reason, entry.name) for entry in pair.entries(run)}


def test_accounts_become_business_customers(join):
    pair = join()
    pair.add(
        "Accounts", Account_Name="Müller & Söhne", Phone="+49 30 1234", Billing_City="Köln", Website="mueller.example"
    )
    run = pair.sync(Trigger.FIRST)
    assert (run.status, run.added, run.done, run.total) == (RunStatus.SUCCEEDED, 1, 1, 1)
    (customer,) = pair.customers()
    assert (customer.type, customer.display_name, customer.company_name) == (
        "business",
        "Müller & Söhne",
        "Müller & Söhne",
    )
    assert (customer.phone, customer.billing_city, customer.website) == ("+49 30 1234", "Köln", "mueller.example")


def test_contacts_become_individual_customers(join):
    pair = join(scope="contacts")
    pair.add("Contacts", First_Name="Anna", Last_Name="O'Brien", Email="anna@obrien.example", Mailing_Zip="19103")
    pair.sync()
    (customer,) = pair.customers()
    assert (customer.type, customer.display_name) == ("individual", "Anna O'Brien")
    assert (customer.email, customer.billing_code) == ("anna@obrien.example", "19103")


def test_an_accounts_contacts_become_its_contact_persons(join):
    pair = join(scope="accounts_and_contacts")
    account = pair.add("Accounts", Account_Name="Akamai")
    for name in ("Jones", "Smith"):
        pair.add("Contacts", Last_Name=name, Account_Name={"id": account})
    loose = pair.add("Contacts", Last_Name="Loose")
    run = pair.sync()
    (customer,) = pair.customers()
    assert [person.last_name for person in customer.contact_persons] == ["Jones", "Smith"]
    assert ("skipped", "no_account", "Loose") in fates(pair, run)
    assert loose not in [link.crm_id for link in db.session.scalars(select(Link))]


def test_the_first_contact_of_an_account_is_its_primary_one(join):
    pair = join(scope="accounts_and_contacts")
    account = pair.add("Accounts", Account_Name="Akamai")
    for name in ("Jones", "Smith"):
        pair.add("Contacts", Last_Name=name, Account_Name={"id": account})
    pair.sync()
    pair.add("Contacts", Last_Name="Late", Account_Name={"id": account})
    pair.sync()
    persons = pair.customers()[0].contact_persons
    assert [(person.last_name, person.primary) for person in persons] == [
        ("Jones", True), ("Smith", False), ("Late", False),
    ]  # fmt: skip


def test_contacts_without_an_account_come_when_they_are_included(join):
    pair = join(scope="accounts_and_contacts", include_loose=True)
    pair.add("Contacts", First_Name="Lou", Last_Name="Loose")
    pair.sync()
    (customer,) = pair.customers()
    assert (customer.type, customer.display_name) == ("individual", "Lou Loose")


def test_custom_fields_are_filled_by_their_type(join):
    with unit_of_work() as session:
        session.add(
            CustomField(organisation_id=session.info["organisation_id"], label="Staff", key="staff", type="number")
        )
    pair = join(mappings={"account": {"custom.staff": "Employees"}})
    pair.add("Accounts", Account_Name="Acme", Employees=1200)
    pair.sync()
    assert pair.customers()[0].custom == {"staff": 1200}


def test_a_second_run_right_after_the_first_changes_nothing(join):
    pair = join(scope="accounts_and_contacts", include_loose=True)
    account = pair.add("Accounts", Account_Name="Acme", Phone="1")
    pair.add("Contacts", Last_Name="Person", Account_Name={"id": account})
    pair.add("Contacts", Last_Name="Loose")
    pair.sync()
    journal, links = pair.count(JournalEntry), pair.count(Link)
    pair.forget_calls()
    run = pair.sync()
    assert (run.status, run.added, run.updated, run.deleted, run.skipped) == (RunStatus.SUCCEEDED, 0, 0, 0, 0)
    assert (pair.count(JournalEntry), pair.count(Link)) == (journal, links)
    assert pair.writes() == []
    assert len(pair.sandbox.requests()) <= 5


def test_only_what_changed_in_the_crm_is_updated(join):
    pair = join()
    acme = pair.add("Accounts", Account_Name="Acme", Phone="1", Billing_City="Paris")
    pair.add("Accounts", Account_Name="Other")
    pair.sync()
    with unit_of_work() as session:
        session.scalars(select(Customer).where(Customer.display_name == "Acme")).one().billing_city = "Lyon"
    pair.edit("Accounts", acme, Phone="2")
    run = pair.sync()
    (entry,) = pair.entries(run)
    assert (entry.outcome, entry.diff) == ("updated", {"phone": ["1", "2"]})
    customer = next(each for each in pair.customers() if each.display_name == "Acme")
    assert (customer.phone, customer.billing_city) == ("2", "Lyon")


def test_a_value_of_ours_that_the_crm_overwrites_is_kept_in_the_entry(join):
    pair = join()
    acme = pair.add("Accounts", Account_Name="Acme", Phone="1")
    pair.sync()
    with unit_of_work() as session:
        session.scalars(select(Customer)).one().phone = "ours"
    pair.edit("Accounts", acme, Phone="theirs")
    run = pair.sync()
    (entry,) = pair.entries(run)
    assert (entry.reason, entry.diff) == ("crm_won", {"phone": ["ours", "theirs"]})


@pytest.mark.parametrize(
    ("policy", "outcome", "customers", "phone"),
    [("clone", "added", 2, "ours"), ("overwrite", "updated", 1, "theirs"), ("skip", "skipped", 1, "ours")],
)
def test_the_policy_decides_about_a_customer_of_the_same_name(join, asha, policy, outcome, customers, phone):
    pair = join(policy=policy)
    with unit_of_work() as session:
        make_customer(session, display_name="Café  Zoë", phone="ours", billing_city="Rome")
    pair.add("Accounts", Account_Name="CAFE ZOE", Phone="theirs")
    run = pair.sync()
    assert [entry.outcome for entry in pair.entries(run)] == [outcome]
    found = pair.customers()
    assert (len(found), found[0].phone, found[0].billing_city) == (customers, phone, "Rome")


def test_a_skipped_twin_is_remembered_as_a_pair(join, asha):
    pair = join()
    with unit_of_work() as session:
        make_customer(session, display_name="Acme")
    pair.add("Accounts", Account_Name="Acme")
    pair.sync()
    assert [link.state for link in db.session.scalars(select(Link))] == [LinkState.APART]


@pytest.mark.parametrize(("policy", "customers"), [("clone", 3), ("overwrite", 1), ("skip", 1)])
def test_of_several_records_of_one_name_the_first_is_paired_and_the_rest_follow_the_policy(join, policy, customers):
    pair = join(policy=policy)
    for city in ("Rome", "Oslo", "Bern"):
        pair.add("Accounts", Account_Name="Acme", Billing_City=city)
    run = pair.sync()
    assert len(pair.customers()) == customers
    assert len(pair.entries(run)) == 3


def test_a_customer_deleted_here_is_not_fetched_again(join, asha):
    pair = join()
    acme = pair.add("Accounts", Account_Name="Acme")
    pair.sync()
    with unit_of_work() as session:
        customer = session.scalars(select(Customer)).one()
        customers.delete(session, customer, actor=asha.actor)
    pair.edit("Accounts", acme, Phone="changed")
    run = pair.sync()
    assert pair.customers() == []
    assert fates(pair, run) == {("skipped", "removed_here", "Acme")}


def test_a_contact_that_changes_its_account_moves_to_the_other_customer(join):
    pair = join(scope="accounts_and_contacts")
    first, second = (pair.add("Accounts", Account_Name=name) for name in ("First", "Second"))
    contact = pair.add("Contacts", Last_Name="Mover", Account_Name={"id": first})
    pair.sync()
    pair.edit("Contacts", contact, Account_Name={"id": second})
    pair.sync()
    person = db.session.scalars(select(ContactPerson)).one()
    assert person.customer.display_name == "Second"


def test_a_new_account_brings_its_unchanged_contacts(join, sandbox):
    pair = join(scope="accounts_and_contacts")
    pair.add("Contacts", Last_Name="Early")
    pair.sync()
    early = pair.records("Contacts")[0]["id"]
    account = pair.add("Accounts", Account_Name="Late")
    pair.edit("Contacts", early, Account_Name={"id": account})
    pair.sync()
    (customer,) = pair.customers()
    assert [person.last_name for person in customer.contact_persons] == ["Early"]


def test_a_record_that_cannot_be_mapped_fails_by_name_and_is_mended_by_the_next_run(join):
    with unit_of_work() as session:
        session.add(
            CustomField(organisation_id=session.info["organisation_id"], label="Rank", key="rank", type="decimal")
        )
    pair = join(mappings={"account": {"fax": "Account_Site"}})
    long = pair.add("Accounts", Account_Name="Wordy", Account_Site="x" * 70)
    pair.add("Accounts", Account_Name="Fine")
    run = pair.sync()
    assert (run.status, run.added, run.failed) == (RunStatus.PARTLY_FAILED, 1, 1)
    failed = next(entry for entry in pair.entries(run) if entry.outcome == "failed")
    assert (failed.reason, failed.name) == ("too_long", "Wordy")
    assert "Fax" in failed.crm_words
    pair.edit("Accounts", long, Account_Site="short")
    again = pair.sync()
    assert (again.status, again.added) == (RunStatus.SUCCEEDED, 1)
    db.session.refresh(failed)
    assert failed.resolved_at is not None


def test_a_failed_record_is_tried_again_though_nothing_changed_in_the_crm(join):
    pair = join(mappings={"account": {"fax": "Account_Site"}})
    pair.add("Accounts", Account_Name="Wordy", Account_Site="x" * 70)
    pair.sync()
    pair.forget_calls()
    run = pair.sync()
    assert (run.status, run.failed) == (RunStatus.PARTLY_FAILED, 1)
    assert len([entry for entry in pair.entries(run) if entry.outcome == "failed"]) == 1


def test_a_contact_of_a_failed_account_waits_for_it(join):
    pair = join(scope="accounts_and_contacts", mappings={"account": {"fax": "Account_Site"}})
    account = pair.add("Accounts", Account_Name="Wordy", Account_Site="x" * 70)
    pair.add("Contacts", Last_Name="Waiting", Account_Name={"id": account})
    run = pair.sync()
    assert ("failed", "blocked_by_account", "Waiting") in fates(pair, run)
    pair.edit("Accounts", account, Account_Site="short")
    again = pair.sync()
    assert again.status == RunStatus.SUCCEEDED
    assert [person.last_name for person in pair.customers()[0].contact_persons] == ["Waiting"]


def test_contacts_of_a_new_account_come_though_the_run_that_linked_it_broke_off(join, sandbox):
    berlin = sandbox.control(
        "custom_views", {"module": "Accounts", "name": "Berlin", "criteria": "(Billing_City:equals:Berlin)"}
    )
    pair = join(scope="accounts_and_contacts", account_view_id=str(berlin["id"]))
    account = pair.add("Accounts", Account_Name="Late", Billing_City="Paris")
    pair.add("Contacts", Last_Name="Early", Account_Name={"id": account})
    pair.sync()
    sandbox.faults(clock_skew_seconds=300)  # so that no overlap reads the contact again
    pair.sync()
    sandbox.faults(clock_skew_seconds=600)
    pair.edit("Accounts", account, Billing_City="Berlin")
    sandbox.faults(fail_next=[{"status": 403, "count": 1, "path": "/crm/v8/coql"}])
    assert pair.sync().status == RunStatus.FAILED
    assert pair.sync().status == RunStatus.SUCCEEDED
    assert [person.last_name for person in pair.customers()[0].contact_persons] == ["Early"]
    pair.forget_calls()
    pair.sync()
    assert "/crm/v8/coql" not in {call["path"] for call in sandbox.requests()}, "they are looked for once"


def test_contacts_of_an_account_that_failed_at_first_come_with_it(join, sandbox):
    pair = join(scope="accounts_and_contacts", mappings={"account": {"fax": "Account_Site"}})
    pair.sync()
    account = pair.add("Accounts", Account_Name="Wordy", Account_Site="x" * 70)
    person = pair.add("Contacts", Last_Name="Early")
    pair.sync()
    sandbox.faults(clock_skew_seconds=300)
    pair.edit("Contacts", person, Account_Name={"id": account})
    assert pair.sync().status == RunStatus.PARTLY_FAILED
    pair.edit("Accounts", account, Account_Site="short")
    assert pair.sync().status == RunStatus.SUCCEEDED
    assert [person.last_name for person in pair.customers()[0].contact_persons] == ["Early"]


def test_a_character_that_no_database_holds_is_left_out_of_a_text(any_app, sandbox):
    Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")
    pair = connected(any_app, sandbox, scope="accounts", extent="fetch", policy="skip")
    pair.add("Accounts", Account_Name="Ac\x00me", Phone="1\x002")
    assert pair.sync().status == RunStatus.SUCCEEDED
    assert [(each.display_name, each.phone) for each in pair.customers()] == [("Acme", "12")]


def test_a_record_that_the_database_refuses_fails_alone_and_as_often_as_it_is_tried(join, monkeypatch):
    pair = join()
    pair.add("Accounts", Account_Name="Poison")
    pair.add("Accounts", Account_Name="Fine")
    inner = reading.bring_in

    def bring_in(desk, table, records):
        if any(record["Account_Name"] == "Poison" for record in records):
            raise DataError("insert", {}, ValueError("it does not fit"))
        inner(desk, table, records)

    monkeypatch.setattr(reading, "bring_in", bring_in)  # the database of the tests takes whatever fits a column
    assert [(run.status, run.failed) for run in (pair.sync(), pair.sync())] == [(RunStatus.PARTLY_FAILED, 1)] * 2
    assert [each.display_name for each in pair.customers()] == ["Fine"]


def test_accounts_that_are_seeded_after_the_first_sync_come_with_the_next_one(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", extent="fetch", policy="skip")
    sandbox.seed(accounts=3, contacts_per_account=0)
    assert partners.sync().added == 3
    sandbox.control("seed", {"accounts": 2, "contacts_per_account": 0, "append": True})
    assert partners.sync().added == 2
