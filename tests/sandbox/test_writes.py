"""Writes: what is accepted, what is refused item by item, and what the CRM makes of it."""

import pytest

ACCOUNTS, CONTACTS, DEALS = "/crm/v8/Accounts", "/crm/v8/Contacts", "/crm/v8/Deals"


def verdicts(answer):
    return answer.status, [item["code"] for item in answer.json()["data"]]


def write(caller, path, *records, method="POST", **envelope):
    return caller.call(method, path, {"data": list(records), **envelope})


def make_unique_field(caller, module="Accounts", label="Billing Customer Id"):
    body = {"fields": [{"field_label": label, "data_type": "text", "length": 40, "unique": {"casesensitive": False}}]}
    assert caller.post(f"/crm/v8/settings/fields?module={module}", body).status == 201
    return label.replace(" ", "_")


def test_a_new_record_belongs_to_the_caller_and_carries_the_time(caller):
    details = write(caller, ACCOUNTS, {"Account_Name": "Æther"}).json()["data"][0]["details"]
    record = caller.record("Accounts", details["id"])
    assert record["Owner"]["email"] == "admin@crm.example"
    assert record["Created_Time"] == record["Modified_Time"] == details["Created_Time"]
    assert details["Created_By"] == {"name": "Patricia Boyle", "id": record["Created_By"]["id"]}


def test_a_record_needs_no_content_type_and_unknown_keys_are_ignored(caller):
    answer = caller.call("POST", ACCOUNTS, '{"data": [{"Account_Name": "Plain", "No_Such_Field": 1}]}')
    assert verdicts(answer) == (201, ["SUCCESS"])


def test_unknown_keys_are_refused_when_the_crm_is_told_to_be_strict(crm, caller):
    crm.faults(strict_keys=True)
    answer = write(caller, ACCOUNTS, {"Account_Name": "Plain", "No_Such_Field": 1})
    assert verdicts(answer) == (400, ["INVALID_DATA"])
    assert answer.json()["data"][0]["details"]["api_name"] == "No_Such_Field"


@pytest.mark.parametrize(
    ("records", "status", "codes"),
    [
        ([{"Account_Name": "A"}, {"Account_Name": "B"}], 201, ["SUCCESS", "SUCCESS"]),
        ([{"Account_Name": "A"}, {"Phone": "1"}], 207, ["SUCCESS", "MANDATORY_NOT_FOUND"]),
        ([{"Phone": "1"}, {"Account_Name": "A"}], 207, ["MANDATORY_NOT_FOUND", "SUCCESS"]),
        ([{"Phone": "1"}, "nonsense"], 400, ["MANDATORY_NOT_FOUND", "INVALID_DATA"]),
    ],
)
def test_every_item_has_its_own_verdict_in_the_order_sent(caller, records, status, codes):
    assert verdicts(write(caller, ACCOUNTS, *records)) == (status, codes)


@pytest.mark.parametrize(
    ("values", "details"),
    [
        ({"Employees": "many"}, {"expected_data_type": "integer", "api_name": "Employees"}),
        ({"Employees": True}, {"expected_data_type": "integer", "api_name": "Employees"}),
        ({"Annual_Revenue": "1"}, {"expected_data_type": "double", "api_name": "Annual_Revenue"}),
        ({"Account_Site": "x" * 81}, {"maximum_length": 80, "api_name": "Account_Site"}),
        ({"Phone": 5}, {"expected_data_type": "string", "api_name": "Phone"}),
    ],
)
def test_a_value_that_does_not_suit_its_field_is_named_with_its_path(caller, values, details):
    item = write(caller, ACCOUNTS, {"Account_Name": "A", **values}).json()["data"][0]
    assert item["code"] == "INVALID_DATA"
    assert item["details"] == {**details, "json_path": f"$.data[0].{details['api_name']}"}


@pytest.mark.parametrize(
    ("path", "values", "place"),
    [
        (CONTACTS, {"Last_Name": "A", "Email": "not an address"}, "$.data[0].Email"),
        (CONTACTS, {"Last_Name": "A", "Date_of_Birth": "1.2.1990"}, "$.data[0].Date_of_Birth"),
        (CONTACTS, {"Last_Name": "A", "Email_Opt_Out": "yes"}, "$.data[0].Email_Opt_Out"),
        (CONTACTS, {"Last_Name": "A", "Account_Name": {"id": "1"}}, "$.data[0].Account_Name.id"),
        (CONTACTS, {"Last_Name": "A", "Owner": {"id": "1"}}, "$.data[0].Owner.id"),
        (DEALS, {"Deal_Name": "A", "Stage": "Qualification", "Closing_Date": "2026-02-30"}, "$.data[0].Closing_Date"),
    ],
)
def test_dates_addresses_and_references_are_checked(caller, path, values, place):
    item = write(caller, path, values).json()["data"][0]
    assert (item["code"], item["details"]["json_path"]) == ("INVALID_DATA", place)


def test_an_endless_number_suits_no_field(caller):
    answer = caller.call("POST", ACCOUNTS, '{"data": [{"Account_Name": "A", "Annual_Revenue": 1e400}]}')
    assert answer.json()["data"][0]["details"]["api_name"] == "Annual_Revenue"


def test_several_errors_of_one_record_come_together(caller):
    item = write(caller, ACCOUNTS, {"Employees": "many", "Phone": 1}).json()["data"][0]
    assert item["code"] == "MULTIPLE_OR_MULTI_ERRORS"
    codes = [error["code"] for error in item["details"]["errors"]]
    assert sorted(codes) == ["INVALID_DATA", "INVALID_DATA", "MANDATORY_NOT_FOUND"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", "MANDATORY_NOT_FOUND"),
        ("{}", "MANDATORY_NOT_FOUND"),
        ('{"data": []}', "MANDATORY_NOT_FOUND"),
        ("{nonsense", "INVALID_DATA"),
        ("[]", "INVALID_DATA"),
        ('{"data": [{"Account_Name": "A", "Annual_Revenue": NaN}]}', "INVALID_DATA"),
        ('{"data": {}}', "INVALID_DATA"),
    ],
)
def test_a_body_without_records_is_refused_whole(caller, body, expected):
    answer = caller.call("POST", ACCOUNTS, body)
    assert (answer.status, answer.json()["code"]) == (400, expected)


def test_at_most_a_hundred_records_are_taken_at_once(caller):
    assert write(caller, ACCOUNTS, *({"Account_Name": f"A{n}"} for n in range(100))).status == 201
    answer = write(caller, ACCOUNTS, *({"Account_Name": f"B{n}"} for n in range(101)))
    assert (answer.status, answer.json()["details"]["maximum_length"]) == (400, "100")


def test_two_accounts_of_one_name_are_allowed(caller):
    assert verdicts(write(caller, ACCOUNTS, {"Account_Name": "Twin"}, {"Account_Name": "Twin"})) == (
        201, ["SUCCESS", "SUCCESS"],
    )  # fmt: skip


def test_a_unique_field_refuses_a_second_record_and_names_the_first(caller):
    field = make_unique_field(caller)
    first = caller.insert("Accounts", Account_Name="One", **{field: "C-1"})
    answer = write(caller, ACCOUNTS, {"Account_Name": "Two", field: "c-1"})
    item = answer.json()["data"][0]
    assert (answer.status, item["code"]) == (400, "DUPLICATE_DATA")
    assert item["details"]["duplicate_record"]["id"] == item["details"]["id"] == first
    same = write(caller, f"{ACCOUNTS}/{first}", {field: "C-1"}, method="PUT")
    assert same.status == 200


def test_an_update_changes_only_what_was_sent_and_null_clears(crm, caller):
    record_id = caller.insert("Accounts", Account_Name="A", Phone="1", Website="a.example")
    crm.faults(clock_skew_seconds=100)
    answer = write(caller, ACCOUNTS, {"id": record_id, "Phone": None}, method="PUT")
    assert answer.json()["data"][0]["message"] == "record updated"
    record = caller.record("Accounts", record_id)
    assert (record["Account_Name"], record["Phone"], record["Website"]) == ("A", None, "a.example")
    assert record["Modified_Time"] > record["Created_Time"]


@pytest.mark.parametrize(
    ("record", "expected", "details"),
    [
        ({"Phone": "1"}, "MANDATORY_NOT_FOUND", {"api_name": "id", "json_path": "$.data[0].id"}),
        ({"id": "5725767000009999999", "Phone": "1"}, "INVALID_DATA", {"id": "5725767000009999999"}),
        ({"id": "abc", "Phone": "1"}, "INVALID_DATA", {"id": "abc"}),
    ],
)
def test_an_update_of_nothing_is_refused(caller, record, expected, details):
    item = write(caller, ACCOUNTS, record, method="PUT").json()["data"][0]
    assert (item["code"], item["details"]) == (expected, details)


def test_a_mandatory_field_cannot_be_cleared(caller):
    record_id = caller.insert("Accounts", Account_Name="A")
    answer = write(caller, f"{ACCOUNTS}/{record_id}", {"Account_Name": None}, method="PUT")
    assert verdicts(answer) == (400, ["MANDATORY_NOT_FOUND"])


def test_a_record_that_changed_meanwhile_is_not_overwritten(crm, caller):
    record_id = caller.insert("Accounts", Account_Name="A")
    before = caller.record("Accounts", record_id)["Modified_Time"]
    crm.faults(clock_skew_seconds=60)
    write(caller, f"{ACCOUNTS}/{record_id}", {"Phone": "theirs"}, method="PUT")
    body = {"data": [{"Phone": "ours"}]}
    answer = caller.call("PUT", f"{ACCOUNTS}/{record_id}", body, headers={"If-Unmodified-Since": before})
    assert verdicts(answer) == (412, ["ALREADY_MODIFIED"])
    assert caller.record("Accounts", record_id)["Phone"] == "theirs"
    now = caller.record("Accounts", record_id)["Modified_Time"]
    assert caller.call("PUT", f"{ACCOUNTS}/{record_id}", body, headers={"If-Unmodified-Since": now}).status == 200


@pytest.mark.parametrize(
    ("module", "first", "again", "field"),
    [
        ("Accounts", {"Account_Name": "Søn & Co"}, {"Account_Name": "SØN & CO", "Phone": "2"}, "Account_Name"),
        ("Contacts", {"Last_Name": "A", "Email": "a@b.example"}, {"Last_Name": "B", "Email": "A@B.example"}, "Email"),
        ("Products", {"Product_Name": "Cable"}, {"Product_Name": "Cable", "Unit_Price": 3}, "Product_Name"),
    ],
)
def test_upsert_finds_the_record_by_the_modules_own_field(caller, module, first, again, field):
    record_id = caller.insert(module, **first)
    item = write(caller, f"/crm/v8/{module}/upsert", again).json()["data"][0]
    assert (item["action"], item["duplicate_field"], item["details"]["id"]) == ("update", field, record_id)
    fresh = {**again, field: f"other-{again[field]}"}
    assert write(caller, f"/crm/v8/{module}/upsert", fresh).json()["data"][0]["action"] == "insert"


def test_a_single_field_to_compare_may_stand_without_a_list(caller):
    first = caller.insert("Accounts", Account_Name="Acme")
    body = {"data": [{"Account_Name": "acme"}], "duplicate_check_fields": "Account_Name"}
    item = caller.post(f"{ACCOUNTS}/upsert", body).json()["data"][0]
    assert (item["action"], item["details"]["id"]) == ("update", first)


def test_an_id_in_other_digits_is_refused_like_any_that_is_none(caller):
    assert caller.get(f"{ACCOUNTS}/%C2%B2").status == 400
    assert caller.call("DELETE", f"{ACCOUNTS}?ids=%C2%B2").status == 400


def test_upsert_compares_the_asked_fields_only(caller):
    field = make_unique_field(caller)
    record_id = caller.insert("Accounts", Account_Name="One", **{field: "C-1"})
    record = {"Account_Name": "Renamed", field: "C-1"}
    by_name = write(caller, f"{ACCOUNTS}/upsert", record, duplicate_check_fields=["Account_Name"])
    assert verdicts(by_name) == (400, ["DUPLICATE_DATA"])
    by_id = write(caller, f"{ACCOUNTS}/upsert", record, duplicate_check_fields=[field]).json()["data"][0]
    assert (by_id["action"], by_id["details"]["id"]) == ("update", record_id)
    bad = write(caller, f"{ACCOUNTS}/upsert", record, duplicate_check_fields=["Phone"])
    assert (bad.status, bad.json()["code"]) == (400, "INVALID_DATA")


def test_deleted_records_are_gone_listed_and_cannot_be_deleted_twice(crm, caller):
    one, two = caller.insert("Accounts", Account_Name="One"), caller.insert("Accounts", Account_Name="Two")
    answer = caller.call("DELETE", f"{ACCOUNTS}?ids={one},{two},1")
    assert verdicts(answer) == (207, ["SUCCESS", "SUCCESS", "INVALID_DATA"])
    assert caller.get(f"{ACCOUNTS}/{one}").status == 204
    deleted = caller.records(f"{ACCOUNTS}/deleted", type="recycle")
    assert {item["id"] for item in deleted} == {one, two}
    assert {item["display_name"] for item in deleted} == {"One", "Two"}
    assert caller.get(f"{ACCOUNTS}/deleted", type="permanent").status == 204
    later = {"If-Modified-Since": deleted[0]["deleted_time"]}
    assert caller.call("GET", f"{ACCOUNTS}/deleted", headers=later).status == 304
    assert caller.call("DELETE", f"{ACCOUNTS}/{one}").status == 400


@pytest.mark.parametrize(
    ("ids", "expected"),
    [("", "REQUIRED_PARAM_MISSING"), ("a,b", "UNABLE_TO_PARSE_DATA_TYPE"), (",".join("1" * 101), "LIMIT_EXCEEDED")],
)
def test_a_bad_deletion_is_refused_whole(caller, ids, expected):
    answer = caller.call("DELETE", f"{ACCOUNTS}?ids={ids}")
    assert (answer.status, answer.json()["code"]) == (400, expected)


def test_a_deleted_account_leaves_its_contacts_without_one(caller):
    account = caller.insert("Accounts", Account_Name="A")
    contact = caller.insert("Contacts", Last_Name="B", Account_Name={"id": account})
    caller.call("DELETE", f"{ACCOUNTS}/{account}")
    assert caller.record("Contacts", contact)["Account_Name"] is None
    loose = caller.view_id("Contacts", "Contacts without Account")
    assert contact in {record["id"] for record in caller.records(CONTACTS, fields="id", cvid=loose)}


def test_a_contact_is_called_by_first_and_last_name(caller):
    contact = caller.insert("Contacts", First_Name="Zoë", Last_Name="D'Arcy", Full_Name="ignored")
    assert caller.record("Contacts", contact)["Full_Name"] == "Zoë D'Arcy"
    write(caller, f"{CONTACTS}/{contact}", {"First_Name": None}, method="PUT")
    assert caller.record("Contacts", contact)["Full_Name"] == "D'Arcy"


def test_a_deals_odds_follow_its_stage(caller):
    deal = caller.insert("Deals", Deal_Name="D", Stage="Qualification", Closing_Date="2027-01-31", Amount=1000)
    record = caller.record("Deals", deal)
    assert (record["Probability"], record["Expected_Revenue"], record["Pipeline"]) == (10, 100, "Standard (Standard)")
    write(caller, f"{DEALS}/{deal}", {"Stage": "Closed Won"}, method="PUT")
    record = caller.record("Deals", deal)
    assert (record["Probability"], record["Expected_Revenue"]) == (100, 1000)


def test_a_user_may_be_made_owner_and_an_inactive_one_may_not(caller):
    users = caller.get("/crm/v8/users").json()["users"]
    by_email = {user["email"]: user["id"] for user in users}
    account = caller.insert("Accounts", Account_Name="A", Owner={"id": by_email["zoe@crm.example"]})
    assert caller.record("Accounts", account)["Owner"]["name"] == "Zoë O'Hara"
    answer = write(caller, f"{ACCOUNTS}/{account}", {"Owner": by_email["tomas@crm.example"]}, method="PUT")
    assert verdicts(answer) == (400, ["INVALID_DATA"])


def test_tags_are_written_by_name(caller):
    account = caller.insert("Accounts", Account_Name="A", Tag=[{"name": "Renewal"}])
    assert [tag["name"] for tag in caller.record("Accounts", account)["Tag"]] == ["Renewal"]
