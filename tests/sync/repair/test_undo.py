"""Undoing a run: what it did here is taken back where nothing was built on it, and the next sync respects that."""

import json

import pytest
from sqlalchemy import select

from tests.factories.both_sides import add_customer, bill, change, link_of, person, waiting
from tests.factories.runs import make_entry, make_run
from tests.factories.sync import connected
from tests.factories.transactions import make_quote
from zbweb.billing import contact_persons, customers
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import ContactPerson, Customer, JournalEntry
from zbweb.db import db, unit_of_work
from zbweb.sandbox import records
from zbweb.sandbox.queries import Row
from zbweb.sync.core.undoing import Hindrance, Verb
from zbweb.sync.errors import CannotUndo
from zbweb.sync.models import Link, SyncRun
from zbweb.sync.pull import picking
from zbweb.sync.repair import review, undo


@pytest.fixture
def partners(app, asha, sandbox):
    return connected(
        app, sandbox, scope="accounts_and_contacts", include_loose=True, extent="fetch", policy="overwrite"
    )


def look(run):
    db.session.rollback()
    return undo.outlook(db.session(), db.session.get_one(SyncRun, run.id, populate_existing=True))


def take_back(asha, run, **more):
    """Undo a run; what was promised is what is done."""
    promised = look(run).steps
    with unit_of_work() as session:
        done = undo.undo(session, run.id, actor=asha.actor, **more)
    assert done == promised
    return done


def back(partners, run):
    db.session.rollback()
    return undo.back_in_crm(partners.client, undo.deleted_links(db.session(), run))


def books():
    """Every value of every customer and contact person, but for what tells when and how often they were written."""
    db.session.rollback()
    unstable = {"version", "updated_at"}
    return [
        {column.key: getattr(row, column.key) for column in model.__table__.columns if column.key not in unstable}
        for model in (Customer, ContactPerson)
        for row in db.session.scalars(select(model).order_by(model.id).execution_options(populate_existing=True))
    ]


def restore(crm, record_id):
    """Somebody takes a record out of the CRM's recycle bin."""
    with crm.changing(crm.admin) as work:
        bin_ = work.connection.execute("SELECT * FROM deleted WHERE id = ?", (int(record_id),)).fetchone()
        work.connection.execute("DELETE FROM deleted WHERE id = ?", (int(record_id),))
        row = Row(
            id=bin_["id"], module=bin_["module"], name="", owner_id=work.actor.id, created_by=work.actor.id,
            modified_by=work.actor.id, created=work.now, modified=work.now, body=json.loads(bin_["body"]),
        )  # fmt: skip
        records.add_rows(work, work.catalog.module(row.module), [row])


def fill(partners):
    account = partners.add("Accounts", Account_Name="Acme", Phone="1", Billing_City="Rome")
    partners.add("Contacts", First_Name="Ada", Last_Name="Lovelace", Account_Name={"id": account})
    partners.add("Contacts", First_Name="Lou", Last_Name="Loose")
    return account


# --- what was added ---------------------------------------------------------------------------------


def test_what_a_run_added_goes_and_stays_away(partners, asha):
    ours = add_customer(display_name="Made here")
    account = fill(partners)
    before = books()
    run = partners.sync()
    assert take_back(asha, run) == {Verb.REMOVE: 3}
    assert books() == before
    assert [each.id for each in partners.customers()] == [ours]
    assert partners.count(ContactPerson) == 0
    assert {(link.state, link.reason) for link in db.session.scalars(select(Link))} == {("archived", "undone")}
    partners.edit("Accounts", account, Phone="2")
    again = partners.sync()
    assert again.added == 0
    assert ("skipped", "removed_here") in {(entry.outcome, entry.reason) for entry in partners.entries(again)}


def test_fetched_again_the_books_are_as_the_sync_had_left_them(partners, asha):
    fill(partners)
    run = partners.sync()
    after = [(each.display_name, each.phone, len(each.contact_persons)) for each in partners.customers()]
    take_back(asha, run, fetch_again=True)
    assert partners.customers() == []
    again = partners.sync()
    assert again.added == 3
    assert [(each.display_name, each.phone, len(each.contact_persons)) for each in partners.customers()] == after


def test_a_record_that_was_left_out_comes_back_when_somebody_asks_for_it(partners, asha):
    account = fill(partners)
    take_back(asha, partners.sync())
    partners.sync(only={"crm": {"Accounts": [account]}, "local": {}})
    assert partners.customers() == []
    picking.fetch_one(partners.connection, "Accounts", account, actor=asha.actor, client=partners.client)
    assert [each.display_name for each in partners.customers()] == ["Acme"]


def test_nothing_that_somebody_built_on_is_removed(partners, asha):
    for name in ("Billed", "Quoted", "Edited", "Peopled", "Gone", "Plain"):
        partners.add("Accounts", Account_Name=name)
    run = partners.sync()
    by_name = {each.display_name: each.id for each in partners.customers()}
    bill(by_name["Billed"])
    with unit_of_work() as session:
        make_quote(session, session.get(Customer, by_name["Quoted"]))
        contact_persons.add(
            session, customers.locked(session, by_name["Peopled"]), person("Bo", "Lee"), actor=asha.actor
        )
        customers.delete(session, customers.locked(session, by_name["Gone"]), actor=asha.actor)
    change(by_name["Edited"], asha.actor, phone="by hand")
    found = look(run)
    assert found.steps == {Verb.REMOVE: 1}
    assert {why: [each.entry.name for each in stuck] for why, stuck in found.first_obstacles.items()} == {
        Hindrance.MONEY: ["Quoted", "Billed"],
        Hindrance.EDITED: ["Edited"],
        Hindrance.PERSON_ADDED: ["Peopled"],
        Hindrance.GONE: ["Gone"],
    }
    take_back(asha, run)
    assert {each.display_name for each in partners.customers()} == {"Billed", "Quoted", "Edited", "Peopled"}


def test_very_many_are_taken_back_in_batches(partners, asha, monkeypatch):
    monkeypatch.setattr("zbweb.sync.repair.undo_plan.BATCH", 7)
    partners.sandbox.seed(accounts=30, contacts_per_account=1)
    run = partners.sync()
    assert take_back(asha, run) == {Verb.REMOVE: 60}
    assert partners.customers() == []


# --- what was changed -------------------------------------------------------------------------------


def test_former_values_come_back_where_the_field_still_holds_what_the_run_wrote(partners, asha):
    account = fill(partners)
    partners.sync()
    acme = next(each.id for each in partners.customers() if each.display_name == "Acme")
    partners.edit("Accounts", account, Phone="2", Billing_City="Oslo", Fax="9")
    run = partners.sync()
    change(acme, asha.actor, billing_city="Bern")
    assert take_back(asha, run) == {Verb.RESTORE: 1}
    customer = customers.find(db.session(), acme)
    assert (customer.phone, customer.fax, customer.billing_city) == ("1", "", "Bern")
    partners.sync()
    customer = customers.find(db.session(), acme)
    assert (customer.phone, customer.fax, customer.billing_city) == ("1", "", "Bern")
    partners.edit("Accounts", account, Phone="3")
    partners.sync()
    db.session.refresh(customer)
    assert customer.phone == "3"


def test_values_that_have_changed_since_stay(partners, asha):
    account = fill(partners)
    partners.sync()
    acme = next(each.id for each in partners.customers() if each.display_name == "Acme")
    partners.edit("Accounts", account, Phone="2")
    run = partners.sync()
    change(acme, asha.actor, phone="by hand")
    found = look(run)
    assert (dict(found.steps), dict(found.obstacles)) == ({}, {Hindrance.CHANGED_SINCE: 1})
    take_back(asha, run)
    assert customers.find(db.session(), acme).phone == "by hand"


def test_both_ways_a_restored_value_goes_to_the_crm_as_a_change_made_here(both_ways, asha):
    account = fill(both_ways)
    both_ways.sync()
    both_ways.edit("Accounts", account, Phone="2")
    take_back(asha, both_ways.sync())
    both_ways.sync()
    assert [each["Phone"] for each in both_ways.records("Accounts", "Phone")] == ["1"]
    both_ways.forget_calls()
    both_ways.sync()
    assert both_ways.writes() == []


def test_a_twin_that_was_overwritten_is_itself_again_and_parted(partners, asha):
    ours = add_customer(display_name="Acme", phone="ours", fax="7")
    before = books()
    account = partners.add("Accounts", Account_Name="ACME", Phone="theirs")
    run = partners.sync()
    assert link_of("customer", ours) is not None
    assert take_back(asha, run) == {Verb.RESTORE: 1}
    assert books() == before
    assert link_of("customer", ours) is None
    partners.edit("Accounts", account, Phone="later")
    partners.sync()
    assert books() == before


def test_a_contact_that_moved_moves_back(partners, asha):
    first, second = (partners.add("Accounts", Account_Name=name) for name in ("First", "Second"))
    contact = partners.add("Contacts", Last_Name="Mover", Account_Name={"id": first})
    partners.sync()
    partners.edit("Contacts", contact, Account_Name={"id": second})
    run = partners.sync()
    assert take_back(asha, run) == {Verb.RESTORE: 1}
    assert db.session.scalars(select(ContactPerson)).one().customer.display_name == "First"


# --- what was deleted -------------------------------------------------------------------------------


def test_what_a_run_deleted_is_here_again_with_its_number_its_persons_and_its_custom_values(partners, asha):
    account = fill(partners)
    partners.sync()
    acme = next(each.id for each in partners.customers() if each.display_name == "Acme")
    with unit_of_work() as session:
        session.get(Customer, acme).custom = {"rank": "7", "vip": True}
    before = books()
    partners.drop("Accounts", account)
    run = partners.sync()
    assert take_back(asha, run, back=back(partners, run)) == {Verb.RECREATE: 1, Verb.REMOVE: 1}
    assert books() == before
    assert link_of("customer", acme) is None
    again = partners.sync()
    assert (again.added, again.deleted) == (0, 0)
    assert books() == before


def test_when_the_record_is_back_in_the_crm_the_two_are_paired_as_before(partners, asha):
    account = fill(partners)
    partners.sync()
    acme = next(each.id for each in partners.customers() if each.display_name == "Acme")
    lovelace = db.session.scalars(select(ContactPerson)).one().id
    partners.drop("Accounts", account)
    run = partners.sync()
    restore(partners.sandbox.sandbox, account)
    assert ("Accounts", account) in back(partners, run)
    take_back(asha, run, back=back(partners, run))
    assert link_of("customer", acme).crm_id == account
    partners.edit("Accounts", account, Phone="9")
    partners.sync()
    assert customers.find(db.session(), acme).phone == "9"
    assert [each.id for each in db.session.scalars(select(ContactPerson))] == [lovelace]


def test_a_deactivated_customer_is_active_again(partners, asha):
    account = fill(partners)
    partners.sync()
    acme = next(each.id for each in partners.customers() if each.display_name == "Acme")
    bill(acme)
    partners.drop("Accounts", account)
    run = partners.sync()
    assert not customers.find(db.session(), acme).active
    assert take_back(asha, run) == {Verb.ACTIVATE: 1}
    assert customers.find(db.session(), acme).active


def test_both_ways_a_restored_customer_is_not_added_to_the_crm_again(both_ways, asha):
    account = fill(both_ways)
    both_ways.sync()
    both_ways.drop("Accounts", account)
    run = both_ways.sync()
    take_back(asha, run, back=back(both_ways, run))
    both_ways.forget_calls()
    both_ways.sync()
    assert both_ways.writes() == []
    assert both_ways.records("Accounts") == []


# --- what cannot be undone --------------------------------------------------------------------------


def test_what_was_sent_stays_in_the_crm(both_ways, asha):
    add_customer(display_name="Made here", persons=(person(),))
    run = both_ways.sync()
    found = look(run)
    assert (dict(found.steps), dict(found.obstacles)) == ({}, {Hindrance.SENT: 2})
    take_back(asha, run)
    assert len(both_ways.records("Accounts")) == 1
    assert waiting() == set()


def test_documents_are_not_undone_with_a_sync(partners, asha, session):
    with unit_of_work() as session:
        run = make_run(session, partners.connection, status="succeeded", started_at=partners.connection.connected_at)
        make_entry(session, run, entity="transaction", entity_id=1, reason="potential_won")
    assert dict(look(run).obstacles) == {Hindrance.DOCUMENT: 1}


def test_a_run_is_undone_once(partners, asha):
    fill(partners)
    run = partners.sync()
    take_back(asha, run)
    with pytest.raises(CannotUndo, match="already"), unit_of_work() as session:
        undo.undo(session, run.id, actor=asha.actor)
    assert db.session.get(SyncRun, run.id).undone_at is not None


@pytest.mark.parametrize("values", [{"status": "running"}, {"status": "succeeded", "module": "invoices"}])
def test_a_run_that_is_going_on_or_is_of_documents_cannot_be_undone(partners, asha, values):
    with unit_of_work() as session:
        run = make_run(session, partners.connection, **values)
    with pytest.raises(CannotUndo):
        look(run)


def test_while_another_sync_is_going_on_nothing_is_undone(partners, asha):
    fill(partners)
    run = partners.sync()
    with unit_of_work() as session:
        make_run(session, partners.connection, status="running")
    with pytest.raises(CannotUndo, match="Another sync"):
        look(run)


def test_the_journal_says_who_undid_what(partners, asha):
    fill(partners)
    run = partners.sync()
    take_back(asha, run)
    told = db.session.execute(
        select(JournalEntry.entity, JournalEntry.action).where(JournalEntry.actor_name == "Asha Rao")
    ).all()
    assert ("sync_run", "undone") in told
    assert told.count(("customer", "deleted")) == 2
    assert told.count(("contact_person", "deleted")) == 1


def test_both_databases_take_a_run_back(any_app, sandbox):
    partners = connected(any_app, sandbox, scope="accounts_and_contacts", include_loose=False, policy="overwrite")
    add_customer(display_name="Acme Ltd", phone="ours")
    add_customer(display_name="Twin", phone="ours")
    before = books()
    account = partners.add("Accounts", Account_Name="Acme Limited")
    partners.add("Accounts", Account_Name="TWIN", Phone="theirs")
    partners.add("Contacts", First_Name="Ada", Last_Name="Lovelace", Account_Name={"id": account})
    run = partners.sync()
    assert review.count_open(db.session(), partners.connection_id) == 1
    with unit_of_work() as session:
        assert undo.undo(session, run.id, actor=SYSTEM) == {Verb.REMOVE: 2, Verb.RESTORE: 1}
    assert books() == before
    assert review.count_open(db.session(), partners.connection_id) == 0
