"""What the CRM organisation is made of."""

import pytest

from tests.crm.scripted import Move, hangs_up, nothing, refuses, says
from zbweb.crm import errors
from zbweb.crm.port import StageKind

FIELD = {"api_name": "Billing_Customer_Id", "field_label": "Billing Customer Id", "data_type": "text"} | {
    "custom_field": True
}
MADE = says({"fields": [{"code": "SUCCESS", "status": "success", "message": "field created", "details": {"id": "9"}}]})
FIELDS = says({"fields": [FIELD]})
STAGES = [{"actual_value": "Done", "forecast_type": "Closed Won"}, {"actual_value": "New", "forecast_type": "Open"}]


def test_users_are_read_page_by_page_whoever_they_are(crm, client):
    person = {"id": "1", "full_name": "Pat Boyle", "email": "p@x.example", "status": "active"}
    crm.play(
        says({"users": [person], "info": {"more_records": True}}),
        says({"users": [person | {"id": "2", "status": "disabled"}], "info": {"more_records": False}}),
    )
    assert [(user.id, user.active) for user in client.users()] == [("1", True), ("2", False)]
    assert crm.heard[1].query == {"type": "AllUsers", "page": "2", "per_page": "200"}


def test_the_person_behind_the_credential(crm, client):
    crm.play(says({"users": [{"id": "1", "full_name": "Pat Boyle", "email": "p@x.example"}]}))
    assert client.current_user().name == "Pat Boyle"
    assert crm.heard[0].query["type"] == "CurrentUser"


def test_modules_are_listed(crm, client):
    crm.play(says({"modules": [{"api_name": "Deals", "plural_label": "Potentials", "creatable": False}]}))
    (module,) = client.modules()
    assert (module.api_name, module.label, module.api_supported, module.creatable) == (
        "Deals",
        "Potentials",
        True,
        False,
    )


def test_views_are_read_page_by_page_and_know_the_default(crm, client):
    view = {"id": "1", "name": "All Accounts", "system_name": "ALLVIEWS", "category": "public_views"}
    crm.play(
        says({"custom_views": [view], "info": {"more_records": True, "default": "2"}}),
        says({"custom_views": [view | {"id": "2", "system_name": None}], "info": {"default": "2"}}),
    )
    assert [(found.id, found.shows_all, found.default) for found in client.views("Accounts")] == [
        ("1", True, False),
        ("2", False, True),
    ]


def test_no_views_is_no_error(crm, client):
    crm.play(nothing())
    assert client.views("Accounts") == []


def test_a_new_field_is_returned_as_the_crm_made_it(crm, client):
    crm.play(MADE, FIELDS)
    field = client.create_field("Accounts", label="Billing Customer Id", data_type="text", length=64)
    assert field.api_name == "Billing_Customer_Id"
    assert crm.heard[0].query == {"module": "Accounts"}
    assert crm.heard[0].json == {"fields": [{"field_label": "Billing Customer Id", "data_type": "text", "length": 64}]}


def test_a_new_field_whose_answer_was_lost_is_looked_up(crm, client):
    crm.play(hangs_up(), FIELDS)
    assert client.create_field("Accounts", label="Billing Customer Id", data_type="text").custom


@pytest.mark.parametrize(
    "answer",
    [
        says({"fields": [{"code": "LIMIT_EXCEEDED", "status": "error", "message": "no room", "details": {}}]}, 400),
        refuses(400, "LIMIT_EXCEEDED"),
    ],
    ids=["per item", "whole"],
)
def test_a_field_that_may_not_be_made_says_why(crm, client, answer):
    crm.play(answer)
    with pytest.raises(errors.Refused, match="LIMIT_EXCEEDED") as caught:
        client.create_field("Accounts", label="Billing Customer Id", data_type="text")
    assert caught.value.code == "LIMIT_EXCEEDED"


# Stages


def test_stages_come_from_every_layouts_pipelines(crm, client):
    crm.play(
        says({"layouts": [{"id": "10"}, {"id": "20"}]}),
        says({"pipeline": [{"maps": STAGES}]}),
        says({"pipeline": [{"maps": [{"actual_value": "Lost it", "forecast_type": "Closed Lost"}]}]}),
    )
    assert client.stage_kinds() == {"Done": StageKind.WON, "New": StageKind.OPEN, "Lost it": StageKind.LOST}
    assert [heard.query.get("layout_id") for heard in crm.heard] == [None, "10", "20"]


@pytest.mark.parametrize("answer", [nothing(), refuses(400, "NOT_SUPPORTED"), refuses(403, "NO_PERMISSION")])
def test_without_pipelines_the_stage_field_is_asked(crm, client, answer):
    stage = {"api_name": "Stage", "data_type": "picklist", "pick_list_values": STAGES}
    crm.play(says({"layouts": [{"id": "10"}]}), answer, says({"fields": [stage]}))
    assert client.stage_kinds() == {"Done": StageKind.WON, "New": StageKind.OPEN}


def test_trouble_while_reading_stages_is_not_taken_for_a_missing_pipeline(crm, client):
    crm.play(says({"layouts": [{"id": "10"}]}), Move(503, b""))
    with pytest.raises(errors.Unavailable):
        client.stage_kinds()
