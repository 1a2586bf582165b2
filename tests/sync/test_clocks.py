"""The CRM's clock is ten minutes ahead of ours, or behind: nothing is lost, nothing is twice, nobody wins unduly."""

import time

import pytest

from tests.factories.both_sides import add_customer, change, link_of, sync_and_die
from tests.factories.sync import connected

_A_TICK = 1.1
"""The CRM counts in whole seconds."""


@pytest.fixture(params=[-600, 600], ids=["behind", "ahead"])
def partners(request, app, asha, sandbox):
    sandbox.faults(clock_skew_seconds=request.param)
    return connected(
        app, sandbox, scope="accounts_and_contacts", include_loose=True, extent="both", winner="newest", policy="skip"
    )


@pytest.mark.parametrize("last", ["here", "there"])
def test_the_newest_change_wins_by_one_clock(partners, asha, last):
    account = partners.add("Accounts", Account_Name="Acme", Phone="1")
    partners.sync()
    customer_id = partners.customers()[0].id
    edits = {
        "here": lambda: change(customer_id, asha.actor, phone="here"),
        "there": lambda: partners.edit("Accounts", account, Phone="there"),
    }
    for place in ("here", "there") if last == "there" else ("there", "here"):
        edits[place]()
        time.sleep(_A_TICK)
    partners.sync()
    assert [each.phone for each in partners.customers()] == [last]
    assert [each["Phone"] for each in partners.records("Accounts", "Phone")] == [last]


def test_changes_flow_and_then_all_is_quiet(partners, asha):
    partners.add("Accounts", Account_Name="There")
    customer_id = add_customer(display_name="Here")
    partners.sync()
    partners.edit("Accounts", link_of("customer", customer_id).crm_id, Phone="2")
    theirs = next(each for each in partners.customers() if each.display_name == "There")
    change(theirs.id, asha.actor, fax="3")
    partners.sync()
    assert {(each.display_name, each.phone, each.fax) for each in partners.customers()} == {
        ("There", "", "3"), ("Here", "2", ""),
    }  # fmt: skip
    partners.drop("Accounts", link_of("customer", theirs.id).crm_id)
    partners.sync()
    assert [each.display_name for each in partners.customers()] == ["Here"]
    partners.forget_calls()
    run = partners.sync()
    assert (partners.writes(), run.added, run.updated, run.deleted) == ([], 0, 0, 0)


def test_a_push_whose_answer_was_lost_is_found_though_its_customer_was_renamed(partners, asha):
    customer_id = add_customer(display_name="Acme")
    run_id = sync_and_die(partners, after="insert")
    clock = partners.sandbox.sandbox.clock
    partners.sandbox.faults(clock_skew_seconds=clock.skew_seconds + 120)  # somebody sets it, a little less wrong
    change(customer_id, asha.actor, display_name="Other")
    partners.carry_out(run_id)
    assert [each["Account_Name"] for each in partners.records("Accounts", "Account_Name")] == ["Other"]
    assert [each.display_name for each in partners.customers()] == ["Other"]
