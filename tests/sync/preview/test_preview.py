"""What the next sync would do: told exactly, and not done."""

import hashlib
from collections import Counter

import pytest
from sqlalchemy import select

from tests.factories.both_sides import add_customer, bill, change, fill_both_sides, link_of, person
from tests.factories.runs import make_run
from tests.factories.sync import connected, hasty_client
from zbweb.billing import customers
from zbweb.billing.models import Customer
from zbweb.db import Base, db, unit_of_work
from zbweb.errors import Invalid
from zbweb.sync.errors import AlreadyRunning, SetupIncomplete
from zbweb.sync.models import ModuleSetup, SyncEntry
from zbweb.sync.preview import sample
from zbweb.sync.preview.rehearsal import preview
from zbweb.sync.runs import choices_of
from zbweb.sync.setup import wizard


def foreseen(partners, *, of_draft=False):
    db.session.rollback()
    return preview(partners.connection, hasty_client(partners.connection), of_draft=of_draft)


def fates(found):
    return Counter({(group.outcome, group.reason): group.count for group in found.groups})


def happened(partners, run):
    """The fates of what the run read; a push may find twins of its own in modules that are not read."""
    modules = {table.crm_module for table in choices_of(partners.setup).tables}
    statement = select(SyncEntry).where(
        SyncEntry.run_id == run.id, SyncEntry.direction == "in", SyncEntry.crm_module.in_(modules)
    )
    db.session.rollback()
    return Counter((entry.outcome, entry.reason) for entry in db.session.scalars(statement))


def everything():
    """A digest of every row of every table but those that reading the CRM itself touches."""
    db.session.rollback()
    digest = hashlib.sha256()
    for table in Base.metadata.sorted_tables:
        if table.name != "crm_credentials":
            for row in db.session.execute(select(table).order_by(*table.primary_key.columns)):
                digest.update(repr((table.name, tuple(row))).encode())
    return digest.hexdigest()


def comes_true(partners):
    """Preview, see that nothing was written, sync, and compare."""
    before = everything()
    partners.forget_calls()
    found = foreseen(partners)
    assert everything() == before
    assert partners.writes() == []
    run = partners.sync()
    assert fates(found) == happened(partners, run)
    assert found.counts.get("unchanged", 0) == run.unchanged
    return found


SETUPS = [
    {"scope": scope, "policy": policy, "extent": extent, "include_loose": loose}
    for scope, policy, extent, loose in (
        ("accounts", "skip", "fetch", False),
        ("contacts", "overwrite", "both", False),
        ("accounts_and_contacts", "skip", "both", True),
        ("accounts_and_contacts", "overwrite", "fetch", True),
        ("accounts_and_contacts", "clone", "fetch", False),
    )
]


def test_a_preview_tells_of_customers_made_here_whom_the_view_does_not_show(app, asha, sandbox):
    banks = {"module": "Accounts", "name": "Banks", "criteria": "(Industry:equals:Bank)"}
    view_id = str(sandbox.control("custom_views", banks)["id"])
    partners = connected(app, sandbox, scope="accounts", extent="both", account_view_id=view_id)
    add_customer(display_name="Ours")
    theirs = partners.add("Accounts", Account_Name="Theirs", Industry="Bank")
    partners.sync()
    (ours,) = [each["id"] for each in partners.records("Accounts") if each["id"] != theirs]
    partners.edit("Accounts", ours, Phone="1")
    assert comes_true(partners).counts["updated"] == 1
    with unit_of_work() as session:
        session.get_one(ModuleSetup, partners.setup_id).watermarks = {}
    partners.edit("Accounts", ours, Phone="2")
    partners.edit("Accounts", theirs, Industry="Shop")
    found = comes_true(partners)
    assert (found.counts["updated"], found.counts["excluded"]) == (1, 1)


@pytest.mark.parametrize("choices", SETUPS, ids=lambda choices: "-".join(map(str, choices.values())))
def test_what_a_preview_says_is_what_the_sync_does_the_first_time_and_later(app, asha, sandbox, choices):
    partners = connected(app, sandbox, mappings={"account": {"fax": "Account_Site"}}, **choices)
    fill_both_sides(partners)
    for city in ("Rome", "Oslo"):
        partners.add("Accounts", Account_Name="Namesake", Billing_City=city)
    wordy = partners.add("Accounts", Account_Name="Wordy", Account_Site="x" * 70)
    partners.add("Contacts", Last_Name="Waiting", Account_Name={"id": wordy})
    loose = partners.add("Contacts", Last_Name="Loose")
    first = comes_true(partners)
    assert first.is_first
    comes_true(partners)
    acme, gone, *_ = [each["id"] for each in partners.records("Accounts")]
    partners.edit("Accounts", acme, Phone="new", Billing_City="Oslo")
    partners.drop("Accounts", gone)
    partners.edit("Contacts", partners.records("Contacts")[0]["id"], Phone="new")
    partners.edit("Accounts", wordy, Account_Site="short")
    late = partners.add("Accounts", Account_Name="Late")
    partners.edit("Contacts", loose, Account_Name={"id": late})
    customer = next(each for each in partners.customers() if each.origin == "crm")
    change(customer.id, asha.actor, phone="ours")
    later = comes_true(partners)
    assert not later.is_first
    assert sum(fates(later).values()) > 0
    comes_true(partners)


def test_deletions_and_records_that_leave_the_view_are_foreseen(app, asha, sandbox):
    view = sandbox.control(
        "custom_views", {"module": "Accounts", "name": "Berlin", "criteria": "(Billing_City:equals:Berlin)"}
    )
    partners = connected(app, sandbox, scope="accounts_and_contacts", extent="fetch", account_view_id=str(view["id"]))
    ids = [partners.add("Accounts", Account_Name=name, Billing_City="Berlin") for name in ("One", "Two", "Three")]
    partners.add("Contacts", Last_Name="Person", Account_Name={"id": ids[0]})
    partners.sync()
    bill(next(each.id for each in partners.customers() if each.display_name == "Two"))
    partners.drop("Accounts", *ids[:2])
    partners.edit("Accounts", ids[2], Billing_City="Paris")
    found = comes_true(partners)
    assert {("deleted", "deleted_in_crm"), ("deleted", "deactivated"), ("excluded", "left_view")} <= fates(found).keys()


def test_a_preview_tells_the_reason_and_the_field_of_what_would_fail(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", extent="fetch", mappings={"account": {"fax": "Account_Site"}})
    partners.add("Accounts", Account_Name="Wordy", Account_Site="x" * 70)
    partners.add("Accounts", Account_Name="Fine")
    found = foreseen(partners)
    (failed, added) = found.groups
    assert (failed.outcome, failed.reason, failed.rows[0].name) == ("failed", "too_long", "Wordy")
    assert "Fax" in failed.rows[0].words
    assert (added.count, added.rows[0].customer_id) == (1, None)
    assert found.added == {"customer": 1}


def test_twins_near_matches_and_contacts_without_an_account_are_told(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts_and_contacts", extent="both", policy="skip")
    twin = add_customer(display_name="Twin")
    near = add_customer(display_name="Acme Ltd", persons=(person(),))
    partners.add("Accounts", Account_Name="TWIN")
    partners.add("Accounts", Account_Name="Acme Limited")
    partners.add("Contacts", Last_Name="Loose")
    found = foreseen(partners)
    assert fates(found)["skipped", "duplicate_skipped"] == fates(found)["skipped", "no_account"] == 1
    (skipped,) = [group.rows[0] for group in found.groups if group.reason == "duplicate_skipped"]
    assert (skipped.customer_id, skipped.name) == (twin, "TWIN")
    assert [(each.customer_id, each.ours, each.theirs, each.why) for each in found.near] == [
        (near, "Acme Ltd", "Acme Limited", "name")
    ]
    assert found.to_push == 3
    assert [(each.name, each.customer_id, each.is_new) for each in found.outgoing] == [
        ("Twin", twin, True), ("Acme Ltd", near, True), ("Ada Lovelace", near, True),
    ]  # fmt: skip


def test_what_waits_to_be_sent_is_listed_with_why_it_was_refused(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", extent="both", policy="skip")
    linked, refused = add_customer(display_name="Acme"), add_customer(display_name="A" * 130)
    partners.sync()
    change(linked, asha.actor, phone="7")
    outgoing = {each.customer_id: each for each in foreseen(partners).outgoing}
    assert (outgoing[linked].is_new, outgoing[linked].problem) == (False, "")
    assert outgoing[refused].is_new
    assert outgoing[refused].problem


def test_an_account_that_we_made_and_that_changed_by_fields_of_no_concern_is_no_newcomer(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts_and_contacts", extent="both", policy="skip")
    customer_id = add_customer(display_name="Acme", persons=(person(),))
    partners.sync()
    partners.edit("Accounts", link_of("customer", customer_id).crm_id, Rating="Active")
    found = foreseen(partners)
    assert [haul.part for haul in found.hauls] == ["changed", "changed"]


def test_the_wizards_choices_are_previewed_before_they_are_saved(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", extent="fetch", policy="skip")
    add_customer(display_name="Twin")
    partners.add("Accounts", Account_Name="TWIN")
    partners.add("Contacts", Last_Name="Person")
    partners.sync()
    with unit_of_work() as session:
        wizard.keep(session, partners.connection, {"scope": "contacts", "policy": "clone"})
    assert sum(fates(foreseen(partners)).values()) == 0
    before = everything()
    assert fates(foreseen(partners, of_draft=True)) == {("added", "new"): 1}
    assert everything() == before


def test_choices_that_cannot_be_saved_cannot_be_previewed(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", extent="fetch")
    with unit_of_work() as session:
        wizard.keep(session, partners.connection, {"account_view_id": "12345"})
    with pytest.raises(Invalid, match="no longer exists"):
        foreseen(partners, of_draft=True)


def test_without_a_saved_setup_there_is_nothing_to_preview(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", extent="fetch")
    with unit_of_work() as session:
        session.merge(partners.setup).version = 0
    with pytest.raises(SetupIncomplete):
        foreseen(partners)


def test_while_a_sync_is_going_on_its_history_is_the_place_to_look(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", extent="fetch")
    with unit_of_work() as session:
        make_run(session, partners.connection, status="running")
    with pytest.raises(AlreadyRunning):
        foreseen(partners)


def test_a_preview_is_bounded_and_says_so(app, asha, sandbox, monkeypatch):
    monkeypatch.setattr(sample, "LIMIT", 200)
    partners = connected(app, sandbox, scope="accounts", extent="fetch")
    sandbox.seed(accounts=450)
    partners.forget_calls()
    found = foreseen(partners)
    (haul,) = found.hauls
    assert (haul.count, haul.total, found.is_whole) == (200, 450, False)
    assert found.counts["added"] == 200
    assert len(found.groups[0].rows) == 50
    assert len([call for call in partners.sandbox.requests() if call["path"].endswith("/Accounts")]) <= 2


def test_a_preview_leaves_what_is_unsaved_elsewhere_alone(any_app, sandbox):
    partners = connected(any_app, sandbox, scope="accounts", extent="fetch", policy="overwrite")
    twin = add_customer(display_name="Twin", phone="ours")
    partners.add("Accounts", Account_Name="TWIN", Phone="theirs")
    partners.add("Accounts", Account_Name="New")
    before = everything()
    assert fates(foreseen(partners)) == {("updated", "duplicate_overwritten"): 1, ("added", "new"): 1}
    assert everything() == before
    assert customers.find(db.session(), twin).phone == "ours"
    assert partners.count(Customer) == 1
