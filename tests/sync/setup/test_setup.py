"""The wizard's choices: a draft that loses nothing, and a save that lets nothing impossible through."""

import pytest

from tests.factories.customers import make_customer
from tests.factories.runs import make_connection, make_setup
from zbweb.billing.journal import Actor
from zbweb.crm.port import FieldMeta, View
from zbweb.db import unit_of_work
from zbweb.errors import Invalid, Stale
from zbweb.sync import runs
from zbweb.sync.core.fields import BillingField, FieldType, Table, fields_for
from zbweb.sync.core.words import Extent, Policy, Scope, Winner
from zbweb.sync.models import Link, ModuleSetup
from zbweb.sync.setup import wizard
from zbweb.sync.setup.offer import OfferedField, Sight, rows
from zbweb.sync.setup.wizard import Draft, draft_of, mapping_faults

ASHA = Actor("Asha Rao")


def crm_field(name, data_type="text", **changes):
    described = {
        "label": name.replace("_", " "), "json_type": "string", "length": 255, "decimal_places": None,
        "required": False,
        "read_only": False, "creatable": True, "updatable": True, "custom": False, "unique": False, "picklist": (),
        "lookup_module": None,
    }  # fmt: skip
    return FieldMeta(name, data_type=data_type, **(described | changes))


ACCOUNT_FIELDS = [
    crm_field("Account_Name", required=True),
    crm_field("Phone", "phone"),
    crm_field("Employees", "integer"),
    crm_field("Owner", "ownerlookup", required=True),
]
SIGHT = Sight(
    views={"Accounts": [View("v1", "All Accounts", "ALLVIEWS", "public_views", default=True),
                        View("v2", "Key Accounts", None, "created_by_me", default=False)]},
    fields={"Accounts": ACCOUNT_FIELDS},
)  # fmt: skip


def draft(**changes):
    described = {
        "scope": Scope.ACCOUNTS, "include_loose": False, "extent": Extent.FETCH, "winner": Winner.CRM,
        "fire_triggers": False, "policy": Policy.SKIP, "account_view_id": "", "contact_view_id": "", "mappings": {},
    }  # fmt: skip
    return Draft(**(described | changes))


@pytest.fixture
def connection(session, asha):
    with unit_of_work() as session:
        return make_connection(session)


def keep(connection, **changes):
    with unit_of_work() as session:
        return wizard.keep(session, connection, changes)


def save(connection, sight=SIGHT, seen=None):
    with unit_of_work() as session:
        return wizard.save(session, connection, sight, seen=seen or kept(session, connection).stamp, actor=ASHA)


def kept(session, connection):
    return draft_of(runs.setup_of(session, connection.id, "customers"))


def test_a_wizard_begins_with_the_defaults():
    begun = draft_of(None)
    assert (begun.scope, begun.extent, begun.policy, begun.is_begun) == (
        Scope.ACCOUNTS,
        Extent.FETCH,
        Policy.SKIP,
        False,
    )
    assert begun.mapping(Table.ACCOUNT)["phone"] == "Phone"


def test_each_step_is_kept_beside_those_before_it(session, connection):
    keep(connection, scope=Scope.CONTACTS)
    keep(connection, policy=Policy.CLONE)
    assert (kept(session, connection).scope, kept(session, connection).policy) == (Scope.CONTACTS, Policy.CLONE)


def test_a_draft_leaves_the_saved_choices_to_the_runs_until_it_is_saved(session, connection):
    save(connection)
    keep(connection, policy=Policy.OVERWRITE)
    stored = runs.setup_of(session, connection.id, "customers")
    assert stored.policy == Policy.SKIP
    assert kept(session, connection).policy == Policy.OVERWRITE
    with unit_of_work() as session:
        wizard.discard(session, connection)
    assert kept(session, connection).policy == Policy.SKIP


def test_saving_names_the_view_counts_the_version_and_sets_the_next_slot(session, connection):
    keep(connection, account_view_id="v2")
    saved = save(connection)
    assert (saved.account_view_id, saved.account_view_name, saved.account_view_all) == ("v2", "Key Accounts", False)
    assert (saved.version, saved.enabled, saved.saved_by) == (1, True, "Asha Rao")
    assert saved.draft == {}
    assert connection.next_sync_at is not None


def test_a_default_mapping_is_saved_as_far_as_the_crm_has_its_fields(session, connection):
    saved = save(connection)
    assert {row["crm"] for row in saved.mappings["account"]} == {"Account_Name", "Phone"}


WATERMARKS = {"Accounts": "2026-01-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("changes", "kept_marks"),
    [
        ({"extent": Extent.BOTH}, WATERMARKS),
        ({"winner": Winner.ASK}, WATERMARKS),
        # what decides which records are read, and what they become
        ({"policy": Policy.CLONE}, {}),
        ({"account_view_id": "v2"}, {}),
        ({"mappings": {"account": {"phone": ""}}}, {}),
        ({"include_loose": True}, {}),
    ],
)
def test_only_a_change_of_what_is_read_reads_everything_again(session, connection, changes, kept_marks):
    saved = save(connection)
    with unit_of_work() as session:
        session.get(ModuleSetup, saved.id).watermarks = WATERMARKS
    keep(connection, **changes)
    assert save(connection).watermarks == kept_marks


def test_the_second_of_two_savers_is_told(session, connection):
    seen = kept(session, connection).stamp
    save(connection, seen=seen)
    with pytest.raises(Stale):
        save(connection, seen=seen)


def test_a_view_that_was_deleted_meanwhile_keeps_the_draft_from_being_saved(session, connection):
    keep(connection, account_view_id="gone")
    with pytest.raises(Invalid, match="no longer exists in Zoho CRM"):
        save(connection)
    assert kept(session, connection).account_view_id == "gone"


FIELDS = fields_for(Table.ACCOUNT, [BillingField("custom.size", "Size", FieldType.NUMBER, custom=True)])


@pytest.mark.parametrize(
    ("table", "mapping", "extent", "words"),
    [
        ("account", {}, Extent.FETCH, None),
        ("account", {"phone": "Phone"}, Extent.FETCH, None),
        ("account", {"custom.size": "Employees"}, Extent.FETCH, None),
        # a field that is gone, or of another type
        ("account", {"phone": "Old_Phone"}, Extent.FETCH, "Old Phone is not there any more"),
        ("account", {"custom.size": "Account_Name"}, Extent.FETCH, "does not fit Size"),
        # what a contact person needs
        ("person", {"last_name": ""}, Extent.FETCH, "Last Name is required"),
        # both ways: what the CRM demands, but not what the sync fills by itself
        ("account", {}, Extent.BOTH, None),
        ("contact", {}, Extent.BOTH, "demands Account Name"),
        # both ways: a CRM field takes one of ours
        ("account", {"phone": "Phone", "mobile": "Phone"}, Extent.BOTH, "Phone is mapped to Phone already"),
        ("account", {"phone": "Phone", "mobile": "Phone"}, Extent.FETCH, None),
    ],
)
def test_a_mapping_is_checked_against_both_sides(table, mapping, extent, words):
    chosen = draft(extent=extent, mappings={table: mapping})
    fields = FIELDS if table == "account" else fields_for(Table(table))
    crm_fields = [*ACCOUNT_FIELDS, crm_field("Full_Name", creatable=False)]
    messages = [fault.message for fault in mapping_faults(chosen, Table(table), fields, crm_fields)]
    assert (words is None and messages == []) or (words and words in " ".join(messages)), messages


def test_a_mapping_row_offers_only_fields_that_fit():
    offered = [OfferedField("Phone", "Phone", "phone", "555"), OfferedField("Employees", "Employees", "integer", "12")]
    shown = {row.field.key: row for row in rows(FIELDS, {"phone": "Phone"}, offered, {})}
    assert [option.api_name for option in shown["phone"].options] == ["Phone"]
    assert [option.api_name for option in shown["custom.size"].options] == ["Employees"]
    assert shown["phone"].sample == "555"


def test_a_mapped_field_that_the_crm_lost_is_said_at_its_row():
    (row,) = rows([BillingField("phone", "Phone", FieldType.PHONE)], {"phone": "Old_Phone"}, [], {})
    assert "Old Phone is not there any more" in row.error


def test_while_the_crm_is_away_a_row_keeps_what_was_chosen():
    (row,) = rows([BillingField("phone", "Phone", FieldType.PHONE)], {"phone": "Phone"}, None, {})
    assert [option.api_name for option in row.options] == ["Phone"]
    assert row.error == ""


def test_twins_are_customers_of_the_same_name_that_are_not_linked(session, connection):
    with unit_of_work() as session:
        make_customer(session, display_name="Café  Zoë")
        linked = make_customer(session, display_name="Acme Ltd")
        make_customer(session, display_name="Only Here")
        session.add(
            Link(organisation_id=connection.organisation_id, connection_id=connection.id, entity="customer",
                 entity_id=linked.id, crm_module="Accounts", crm_id="1")
        )  # fmt: skip
    assert wizard.twins(session, ["CAFE ZOE", "acme ltd", "Only There", ""]) == ["Café  Zoë"]


def test_every_twin_is_counted(session, connection):
    names = [f"Twin {number:03}" for number in range(60)]
    with unit_of_work() as session:
        for name in names:
            make_customer(session, display_name=name)
    assert wizard.twins(session, names) == names


def test_a_setup_is_saved_for_the_connection_it_belongs_to(session, connection):
    make_setup(session, connection, module="invoices")
    session.commit()
    save(connection)
    assert {each.module for each in session.query(ModuleSetup)} == {"customers", "invoices"}
