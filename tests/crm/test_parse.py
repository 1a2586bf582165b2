"""The CRM's JSON read into our words; the samples have the shape of the documented answers."""

from datetime import UTC, datetime

import pytest

from zbweb.crm import parse
from zbweb.crm.errors import MalformedAnswer
from zbweb.crm.port import BulkState, StageKind

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def organisation(**license_details):
    item = {
        "id": "5725767000000020005",
        "company_name": "zohoo",
        "iso_code": "USD",
        "mc_status": False,
        "time_zone": "America/Los_Angeles",
        "license_details": license_details,
    }
    return parse.organisation(item, at=NOW)


@pytest.mark.parametrize(
    ("license_details", "edition", "allowed"),
    [
        # what is paid for
        ({"paid": False, "paid_type": "free"}, "free", False),
        ({"paid": True, "paid_type": "standard"}, "standard", False),
        ({"paid": True, "paid_type": "professional"}, "professional", True),
        ({"paid": True, "paid_type": "Enterprise"}, "enterprise", True),
        ({"paid": True, "paid_type": "zohooneenterprise"}, "zohooneenterprise", True),
        ({"paid": True, "paid_type": "crmplusstarter"}, "crmplusstarter", True),
        # a trial counts while it runs
        ({"paid_type": "free", "trial_type": "enterprise", "trial_expiry": "2026-12-01T00:00:00Z"}, "enterprise", True),
        ({"paid_type": "free", "trial_type": "enterprise", "trial_expiry": "2026-11-01T00:00:00Z"}, "free", False),
        ({"paid_type": "free", "trial_type": "enterprise", "trial_expiry": None}, "free", False),
        ({"paid_type": "free", "trial_type": "standard", "trial_expiry": "2026-12-01T00:00:00Z"}, "standard", False),
        # nothing said
        ({}, "free", False),
    ],
)
def test_the_plan_decides_whether_it_may_be_integrated(license_details, edition, allowed):
    found = organisation(**license_details)
    assert (found.edition, found.professional_or_above) == (edition, allowed)


def test_an_organisation_is_read():
    found = organisation(paid_type="enterprise")
    assert (found.id, found.name, found.iso_code, found.multi_currency, found.time_zone) == (
        "5725767000000020005",
        "zohoo",
        "USD",
        False,
        "America/Los_Angeles",
    )


ADMINISTRATOR, STANDARD = {"name": "Administrator"}, {"name": "Standard"}


@pytest.mark.parametrize(
    ("item", "name", "active", "admin"),
    [
        ({"full_name": "Pat Boyle", "status": "active", "profile": ADMINISTRATOR}, "Pat Boyle", True, True),
        (
            {"first_name": "Pat", "last_name": "Boyle", "status": "disabled", "profile": STANDARD},
            "Pat Boyle",
            False,
            False,
        ),
        ({"last_name": "Boyle"}, "Boyle", True, False),
    ],
)
def test_a_user_is_read(item, name, active, admin):
    user = parse.user({"id": "1", "email": "p.boyle@example.com", **item})
    assert (user.name, user.email, user.active, user.admin) == (name, "p.boyle@example.com", active, admin)


@pytest.mark.parametrize(
    ("item", "supported"),
    [
        ({"api_supported": True, "visible": True}, True),
        ({"api_supported": False, "visible": True}, False),
        ({"api_supported": True, "visible": False}, False),
        ({}, True),
    ],
)
def test_a_hidden_module_is_not_supported(item, supported):
    assert parse.module({"api_name": "Deals", "plural_label": "Potentials", **item}).api_supported is supported


def field(**changes):
    item = {
        "api_name": "Industry",
        "field_label": "Industry",
        "data_type": "picklist",
        "json_type": "string",
        "length": 120,
        "decimal_place": None,
        "custom_field": False,
        "system_mandatory": False,
        "read_only": False,
        "field_read_only": False,
        "unique": {},
        "pick_list_values": [],
        "lookup": {},
        "operation_type": {"web_update": True, "api_create": True, "web_create": True, "api_update": True},
    }
    return parse.field(item | changes)


def test_the_values_of_a_picklist_are_the_ones_to_write():
    values = [
        {"display_value": "-None-", "actual_value": "-None-"},
        {"display_value": "Identify Decision Makers", "actual_value": "Id. Decision Makers"},
    ]
    assert field(pick_list_values=values).picklist == ("Id. Decision Makers",)


@pytest.mark.parametrize(
    ("changes", "creatable", "updatable"),
    [
        ({}, True, True),
        ({"read_only": True}, False, False),
        ({"field_read_only": True}, False, False),
        ({"operation_type": {"api_create": True, "api_update": False}}, True, False),
        ({"operation_type": None}, True, True),
    ],
)
def test_what_may_be_written(changes, creatable, updatable):
    assert (field(**changes).creatable, field(**changes).updatable) == (creatable, updatable)


@pytest.mark.parametrize(
    ("changes", "attribute", "value"),
    [
        ({"unique": {"case_sensitive": "false"}}, "unique", True),
        ({"unique": {}}, "unique", False),
        ({"lookup": {"module": {"api_name": "Accounts", "id": "1"}}}, "lookup_module", "Accounts"),
        ({"lookup": {"module": "Accounts"}}, "lookup_module", "Accounts"),
        ({"lookup": {}}, "lookup_module", None),
        ({"decimal_place": "2"}, "decimal_places", 2),
        ({"length": None}, "length", None),
        ({"field_label": None, "display_label": "Line of business"}, "label", "Line of business"),
        ({"system_mandatory": True}, "required", True),
        ({"custom_field": True}, "custom", True),
    ],
)
def test_a_fields_other_sides(changes, attribute, value):
    assert getattr(field(**changes), attribute) == value


def test_a_view_is_the_default_one_when_the_list_says_so():
    item = {"id": "3652397000000087501", "name": "All Accounts", "system_name": "ALLVIEWS", "category": "public_views"}
    named = parse.view(item, default_id="3652397000000087501")
    other = parse.view(item | {"default": True, "system_name": None}, default_id="99")
    assert (named.default, named.shows_all) == (True, True)
    assert (other.default, other.shows_all) == (False, False)


def test_a_view_is_called_what_people_see():
    item = {"id": "1", "name": "Todays Leads", "display_value": "Today's Leads", "default": True}
    found = parse.view(item, default_id=None)
    assert (found.name, found.default) == ("Today's Leads", True)


@pytest.mark.parametrize(
    ("status", "said", "details", "ok", "crm_id"),
    [
        ("success", {"message": "record added"}, {"id": "41"}, True, "41"),
        ("success", {}, {"id": "41"}, True, "41"),
        # refused: the id is the record that is in the way
        ("error", {"message": "duplicate data"}, {"id": "7"}, False, "7"),
        ("error", {"message": "required field not found"}, {"api_name": "Last_Name"}, False, None),
    ],
)
def test_a_verdict_counts_its_own_status(status, said, details, ok, crm_id):
    verdict = parse.verdict({"code": "CODE", "status": status, "details": details, **said})
    assert (verdict.ok, verdict.crm_id, verdict.code) == (ok, crm_id, "CODE")


def test_a_verdict_says_when_the_record_was_modified():
    item = {"status": "success", "details": {"id": "1", "Modified_Time": "2026-05-10T01:10:47-07:00"}}
    assert parse.verdict(item).modified_at == datetime(2026, 5, 10, 8, 10, 47, tzinfo=UTC)


PIPELINE = {
    "maps": [
        {"actual_value": "Qualification", "forecast_type": "Open"},
        {"actual_value": "Geschafft", "display_value": "Closed Won", "forecast_type": "Closed Won"},
        {"actual_value": "Closed Won", "display_value": "Looks won", "forecast_type": "Closed Lost"},
    ]
}


def test_a_stage_is_won_by_its_forecast_type_not_by_its_name():
    assert parse.stages_of_pipelines([PIPELINE]) == {
        "Qualification": StageKind.OPEN,
        "Geschafft": StageKind.WON,
        "Closed Won": StageKind.LOST,
    }


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"forecast_type": "Closed Won", "probability": 10}, StageKind.WON),
        ({"forecast_type": "Open", "probability": 100}, StageKind.OPEN),
        ({"probability": 100}, StageKind.WON),
        ({"probability": 0}, StageKind.OPEN),
        ({}, StageKind.OPEN),
    ],
)
def test_without_pipelines_the_stage_field_says_what_is_won(value, kind):
    stages = {"pick_list_values": [{"actual_value": "-None-"}, {"actual_value": "X", **value}]}
    assert parse.stages_of_picklist(stages) == {"X": kind}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("ADDED", BulkState.WAITING),
        ("QUEUED", BulkState.WAITING),
        ("IN PROGRESS", BulkState.WAITING),
        ("FAILURE", BulkState.FAILED),
        ("COMPLETED", BulkState.DONE),
    ],
)
def test_a_bulk_job_has_a_result_only_when_it_is_complete(state, expected):
    result = {"count": 127, "more_records": True, "next_page_token": "t"}
    job = parse.bulk_job({"id": "9", "state": state, "result": result})
    assert job.state is expected
    assert (job.count, job.more, job.next_token) == (
        (127, True, "t") if expected is BulkState.DONE else (None, False, None)
    )


def test_a_broken_contract_is_told_in_a_sentence():
    with pytest.raises(MalformedAnswer, match="answer about the users could not be read"), parse.reading("the users"):
        parse.user({"full_name": "Nobody"})
