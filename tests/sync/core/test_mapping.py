"""Mapping a record, both ways, and what keeps one out."""

import pytest

from zbweb.sync.core.fields import DEFAULTS, BillingField, FieldType, Table, fields_for, tables_for
from zbweb.sync.core.mapping import CrmField, compile_rows, to_local, to_remote
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Scope

CRM = {
    "Account_Name": CrmField("Account_Name", "text", 120),
    "Phone": CrmField("Phone", "phone", 30),
    "Billing_City": CrmField("Billing_City", "text", 100),
    "Employees": CrmField("Employees", "integer"),
    "Score": CrmField("Score", "formula", writable=False),
}
OWN = (BillingField("custom.size", "Size", FieldType.NUMBER, custom=True),)
CHOSEN = [
    {"field": "display_name", "crm": "Account_Name"},
    {"field": "company_name", "crm": "Account_Name"},
    {"field": "phone", "crm": "Phone"},
    {"field": "custom.size", "crm": "Employees"},
    {"field": "notes", "crm": "Score"},
]


@pytest.fixture
def rows():
    return compile_rows(CHOSEN, fields_for(Table.ACCOUNT, OWN), CRM)


def test_a_record_becomes_billing_values(rows):
    record = {"id": "1", "Account_Name": "Café Zoë", "Phone": None, "Employees": 12, "Score": "A"}
    values, issue = to_local(record, rows)
    assert issue is None
    assert values == {
        "display_name": "Café Zoë",
        "company_name": "Café Zoë",
        "phone": "",
        "custom.size": 12,
        "notes": "A",
    }


def test_a_field_that_left_the_crm_leaves_our_value_alone(rows):
    values, issue = to_local({"id": "1", "Account_Name": "Acme", "Employees": None, "Score": None}, rows)
    assert issue is None
    assert "phone" not in values


@pytest.mark.parametrize(
    ("record", "reason", "field"),
    [
        ({"Account_Name": ""}, Reason.MISSING_VALUE, "Customer Display Name"),
        ({}, Reason.MISSING_VALUE, "Customer Display Name"),
        ({"Account_Name": "x" * 256}, Reason.TOO_LONG, "Customer Display Name"),
        ({"Account_Name": "Acme", "Phone": "9" * 65}, Reason.TOO_LONG, "Phone"),
        ({"Account_Name": "Acme", "Employees": "many"}, Reason.INVALID_VALUE, "Size"),
    ],
)
def test_what_cannot_be_mapped_names_the_field(rows, record, reason, field):
    _, issue = to_local(record, rows)
    assert (issue.reason, issue.field) == (reason, field)


def test_two_fields_on_one_crm_field_push_the_first(rows):
    record, issue = to_remote({"display_name": "New name", "company_name": "Old name"}, rows)
    assert issue is None
    assert record == {"Account_Name": "New name"}


def test_a_computed_field_is_never_pushed(rows):
    record, _ = to_remote({"notes": "B", "custom.size": 3}, rows)
    assert record == {"Employees": 3}


def test_a_value_too_long_for_the_crm_is_told_before_it_is_sent(rows):
    _, issue = to_remote({"display_name": "x" * 121}, rows)
    assert issue.reason is Reason.TOO_LONG_FOR_CRM


def test_a_mapping_to_a_field_that_is_gone_or_of_another_type_is_left_out():
    chosen = [{"field": "custom.size", "crm": "Phone"}, {"field": "phone", "crm": "Gone"}]
    assert compile_rows(chosen, fields_for(Table.ACCOUNT, OWN), CRM) == []


@pytest.mark.parametrize("table", Table)
def test_every_default_names_a_billing_field_of_its_table(table):
    known = {field.key for field in fields_for(table)}
    assert set(DEFAULTS[table]) <= known
    assert DEFAULTS[table]["phone"] == "Phone"


@pytest.mark.parametrize("table", Table)
def test_every_required_field_is_mapped_by_default(table):
    required = {field.key for field in fields_for(table) if field.required}
    assert required <= set(DEFAULTS[table])


@pytest.mark.parametrize(
    ("scope", "loose", "tables"),
    [
        (Scope.ACCOUNTS, False, (Table.ACCOUNT,)),
        (Scope.CONTACTS, False, (Table.CONTACT,)),
        (Scope.ACCOUNTS_AND_CONTACTS, False, (Table.ACCOUNT, Table.PERSON)),
        (Scope.ACCOUNTS_AND_CONTACTS, True, (Table.ACCOUNT, Table.PERSON, Table.CONTACT)),
    ],
)
def test_the_module_chosen_decides_which_tables_are_mapped(scope, loose, tables):
    assert tables_for(scope, include_loose=loose) == tables
