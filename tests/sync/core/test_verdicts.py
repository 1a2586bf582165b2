"""What the CRM's refusals mean."""

import pytest

from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.verdicts import invalid_fields, refusal

CASES = [
    ("MANDATORY_NOT_FOUND", {"api_name": "Last_Name"}, Reason.CRM_MISSING_VALUE),
    ("DUPLICATE_DATA", {"api_name": "Email", "id": "41"}, Reason.CRM_DUPLICATE),
    ("INVALID_DATA", {"api_name": "Account_Name", "maximum_length": 120}, Reason.TOO_LONG_FOR_CRM),
    ("INVALID_DATA", {"id": "41"}, Reason.GONE_IN_CRM),
    ("INVALID_DATA", {"api_name": "Phone", "expected_data_type": "text"}, Reason.CRM_REFUSED),
    ("RECORD_LOCKED", {}, Reason.CRM_REFUSED),
]


@pytest.mark.parametrize(("code", "details", "reason"), CASES)
def test_each_refusal_has_its_reason(code, details, reason):
    assert refusal(code, "no", details).reason is reason


def test_the_words_are_the_crms_own_and_name_the_field_and_what_it_takes():
    said = refusal("INVALID_DATA", "invalid data", {"api_name": "Salutation", "supported_values": ["Mr.", "Ms."]})
    assert said.words == "INVALID_DATA: invalid data in Salutation (allowed: Mr., Ms.)."


def test_of_several_errors_the_first_gives_the_reason_and_all_are_told():
    errors = [
        {"code": "MANDATORY_NOT_FOUND", "message": "required field not found", "details": {"api_name": "Last_Name"}},
        {"code": "INVALID_DATA", "message": "invalid data", "details": {"api_name": "Email"}},
    ]
    said = refusal("MULTIPLE_OR_MULTI_ERRORS", "Multiple errors in the request", {"errors": errors})
    assert said.reason is Reason.CRM_MISSING_VALUE
    assert "Last_Name" in said.words
    assert "Email" in said.words


ROW = {"api_name": "Product_Name", "json_path": "$.data[0].Quoted_Items[2].Product_Name.id"}
OWNER = {"api_name": "id", "json_path": "$.data[0].Account_Name.id"}


@pytest.mark.parametrize(
    ("code", "details", "fields"),
    [
        ("INVALID_DATA", ROW, {"Product_Name"}),
        ("INVALID_DATA", OWNER, {"Account_Name"}),
        ("INVALID_DATA", {"api_name": "Account_Name"}, {"Account_Name"}),
        ("INVALID_DATA", {"id": "41"}, set()),
        ("DUPLICATE_DATA", ROW, set()),
        (
            "MULTIPLE_OR_MULTI_ERRORS",
            {"errors": [{"code": "INVALID_DATA", "details": ROW}, {"code": "INVALID_DATA", "details": OWNER}]},
            {"Product_Name", "Account_Name"},
        ),
    ],
)
def test_the_fields_with_an_unknown_id_are_known_by_name_or_by_path(code, details, fields):
    assert {"Product_Name", "Account_Name"} & invalid_fields(code, details) == fields
