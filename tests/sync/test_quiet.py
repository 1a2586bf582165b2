"""After any sync, an immediate second one changes nothing on either side and makes no write call."""

import itertools

import pytest

from tests.factories.both_sides import change, fill_both_sides, link_of, waiting
from tests.factories.sync import connected
from zbweb.billing.models import ContactPerson
from zbweb.db import db
from zbweb.sync.models import Link

SCOPES = ("accounts", "contacts", "accounts_and_contacts")
SETUPS = [
    pytest.param({"scope": scope, "policy": policy, "extent": extent}, id=f"{scope}-{policy}-{extent}")
    for scope, policy, extent in itertools.product(SCOPES, ("skip", "overwrite", "clone"), ("fetch", "both"))
] + [
    pytest.param(
        {"scope": "accounts_and_contacts", "extent": "both", "winner": winner, "include_loose": True},
        id=f"{winner} wins",
    )
    for winner in ("crm", "billing", "newest", "ask")
]


def ours(partners):
    rows = [(each.id, each.version, each.display_name) for each in partners.customers()]
    persons = [(each.id, each.version) for each in db.session.query(ContactPerson).populate_existing()]
    links = [(each.id, each.state, dict(each.snapshot)) for each in db.session.query(Link).populate_existing()]
    return rows, persons, links


def theirs(partners):
    return [partners.records(module, "Modified_Time", "Full_Name") for module in ("Accounts", "Contacts")]


@pytest.mark.parametrize("choices", SETUPS)
def test_an_immediate_second_sync_changes_nothing(app, asha, sandbox, choices):
    partners = connected(app, sandbox, **choices)
    fill_both_sides(partners)
    first = partners.sync()
    assert first.status == "succeeded", (first.error_message, [entry.crm_words for entry in partners.entries(first)])
    before = ours(partners), theirs(partners)
    partners.forget_calls()
    second = partners.sync()
    assert partners.writes() == []
    assert (second.added, second.updated, second.deleted, second.failed) == (0, 0, 0, 0)
    assert (ours(partners), theirs(partners)) == before
    if choices["extent"] == "both":
        assert waiting() == set()


@pytest.mark.parametrize("edited", ["here", "there", "both"])
def test_a_change_flows_once_and_then_all_is_quiet(both_ways, asha, edited):
    fill_both_sides(both_ways)
    both_ways.sync()
    (customer,) = [each for each in both_ways.customers() if each.display_name == "Zylker Export"]
    if edited in ("here", "both"):
        change(customer.id, asha.actor, phone="5", display_name="Zylker Imports")
    if edited in ("there", "both"):
        both_ways.edit("Accounts", link_of("customer", customer.id).crm_id, Fax="6", Billing_City="Oslo")
    both_ways.sync()
    before = ours(both_ways), theirs(both_ways)
    both_ways.forget_calls()
    both_ways.sync()
    assert both_ways.writes() == []
    assert (ours(both_ways), theirs(both_ways)) == before
