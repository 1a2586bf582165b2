"""What a local record says in the CRM's words, and how much of it is news there."""

import pytest

from zbweb.sync.core.fields import DEFAULTS, Table, fields_for
from zbweb.sync.core.mapping import CrmField, compile_rows
from zbweb.sync.core.outgoing import agreed, presented, unseen

_TYPES = {"Email": "email", "Phone": "phone", "Mobile": "phone", "Fax": "phone", "Website": "website"}


def rows_of(table):
    chosen = [{"field": key, "crm": crm} for key, crm in DEFAULTS[table].items()]
    crm = {
        name: CrmField(name, _TYPES.get(name, "text"), 120, writable=name != "Full_Name")
        for name in DEFAULTS[table].values()
    }
    return compile_rows(chosen, fields_for(table), crm)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param(
            {"display_name": "Ada Lovelace", "first_name": "Ada", "last_name": "Lovelace"},
            {"display_name": "Ada Lovelace", "first_name": "Ada", "last_name": "Lovelace"},
            id="whole",
        ),
        pytest.param(
            {"display_name": "Ada", "first_name": "Ada", "last_name": ""},
            {"display_name": "Ada", "first_name": "", "last_name": "Ada"},
            id="no last name",
        ),
        pytest.param(
            {"display_name": "The countess", "first_name": "Ada", "last_name": "Lovelace"},
            {"display_name": "Ada Lovelace", "first_name": "Ada", "last_name": "Lovelace"},
            id="the CRM makes the full name itself",
        ),
    ],
)
def test_a_contact_always_has_the_last_name_that_the_crm_demands(values, said):
    assert presented(values, rows_of(Table.CONTACT), name=values["display_name"]) == said


def test_values_are_told_in_their_normal_form():
    assert presented({"phone": "  555 0100 "}, rows_of(Table.ACCOUNT), name="Acme") == {"phone": "555 0100"}


@pytest.mark.parametrize(
    ("ours", "snapshot", "news"),
    [
        pytest.param({"phone": "1"}, {"phone": "1"}, {}, id="equal"),
        pytest.param({"phone": "2"}, {"phone": "1"}, {"phone": "2"}, id="changed"),
        pytest.param({"phone": ""}, {"phone": "1"}, {"phone": ""}, id="cleared"),
        pytest.param({"phone": ""}, {"phone": None}, {}, id="empty in either form"),
        pytest.param({"phone": ""}, {}, {}, id="never compared and empty"),
        pytest.param({"phone": "1"}, {}, {"phone": "1"}, id="never compared"),
        pytest.param({"company_name": "B"}, {"company_name": "A"}, {}, id="another field is pushed to that CRM field"),
    ],
)
def test_only_what_the_crm_does_not_know_is_told(ours, snapshot, news):
    assert unseen(ours, snapshot, rows_of(Table.ACCOUNT)) == news


def test_a_field_in_conflict_waits_for_the_person_who_decides():
    assert unseen({"phone": "2", "fax": "3"}, {"phone": "1", "fax": "1"}, rows_of(Table.ACCOUNT), held={"phone"}) == {
        "fax": "3"
    }


def test_fields_that_share_a_crm_field_agree_on_what_it_was_told():
    told = {"display_name": "Acme", "phone": "1"}
    assert agreed(told, rows_of(Table.ACCOUNT)) == {"display_name": "Acme", "company_name": "Acme", "phone": "1"}


def test_a_new_last_name_is_part_of_the_full_name_that_both_agree_on():
    before = {"display_name": "Ada Byron", "first_name": "Ada", "last_name": "Byron", "phone": "1"}
    assert agreed({"last_name": "King"}, rows_of(Table.CONTACT), before) == {
        "display_name": "Ada King",
        "first_name": "Ada",
        "last_name": "King",
        "phone": "1",
    }


def test_once_told_nothing_is_news_any_more():
    for table in Table:
        rows = rows_of(table)
        ours = presented({row.key: "x" for row in rows}, rows, name="x")
        assert unseen(ours, agreed(ours, rows), rows) == {}
