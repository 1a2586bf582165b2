"""Lists: fields, order, pages by number and by token, changes since."""

from datetime import UTC, datetime, timedelta

import pytest

ACCOUNTS = "/crm/v8/Accounts"


def code(answer):
    return answer.status, answer.json()["code"]


def walk(caller, path, **params):
    """All records, page by page, the way a careful client does it; and how many pages that took."""
    records, pages, token = [], 0, None
    while True:
        answer = caller.get(path, **params, **({"page_token": token} if token else {})).json()
        records.extend(answer["data"])
        pages += 1
        token = answer["info"]["next_page_token"]
        assert answer["info"]["more_records"] is (token is not None)
        if token is None:
            return records, pages


def test_a_list_brings_the_asked_fields_and_the_id(caller):
    record = caller.records(ACCOUNTS, fields="Account_Name,Owner,Nonsense,Parent_Account", per_page=1)[0]
    assert set(record) == {"id", "Account_Name", "Owner", "Parent_Account"}
    assert set(record["Owner"]) == {"name", "id", "email"}
    assert isinstance(record["id"], str)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "REQUIRED_PARAM_MISSING"),
        ("?fields=" + ",".join(f"f{n}" for n in range(51)), "LIMIT_EXCEEDED"),
        ("?fields=id&ids=" + ",".join(str(n) for n in range(101)), "LIMIT_EXCEEDED"),
        ("?fields=id&sort_by=Phone", "INVALID_DATA"),
        ("?fields=id&sort_by=id&cvid=1", "AMBIGUITY_DURING_PROCESSING"),
        ("?fields=id&page=1&page_token=x", "AMBIGUITY_DURING_PROCESSING"),
        ("?fields=id&per_page=201", "INVALID_DATA"),
        ("?fields=id&page=11", "DISCRETE_PAGINATION_LIMIT_EXCEEDED"),
        ("?fields=id&page=201&per_page=10", "DISCRETE_PAGINATION_LIMIT_EXCEEDED"),
        ("?fields=id&page_token=nonsense", "INVALID_DATA"),
        ("?fields=id&cvid=12345", "INVALID_DATA"),
    ],
)
def test_a_bad_list_is_refused_with_its_code(caller, query, expected):
    assert code(caller.get(ACCOUNTS + query)) == (400, expected)


def test_an_unknown_module_path_and_method_are_told_apart(caller):
    assert code(caller.get("/crm/v8/Nonsense?fields=id")) == (400, "INVALID_MODULE")
    assert code(caller.get("/crm/v8/Accounts/1/2/3/4")) == (404, "INVALID_URL_PATTERN")
    assert code(caller.call("PATCH", "/crm/v8/org")) == (400, "INVALID_REQUEST_METHOD")


def test_nothing_is_a_204_without_body_or_type(caller):
    answer = caller.get("/crm/v8/Invoices", fields="Subject")
    assert answer.status == 204
    assert answer.data == b""
    assert "Content-Type" not in answer.headers


def test_tokens_lead_through_more_than_two_thousand_records(crm, caller):
    crm.seed(accounts=2_350, contacts_per_account=0)
    records, pages = walk(caller, ACCOUNTS, fields="Account_Name")
    assert pages == 12
    assert len({record["id"] for record in records}) == 2_350
    assert [record["id"] for record in records] == sorted((r["id"] for r in records), reverse=True)


def test_pages_by_number_and_by_token_agree(caller):
    by_number = [caller.records(ACCOUNTS, fields="id", per_page=15, page=page) for page in (1, 2, 3)]
    by_token, _ = walk(caller, ACCOUNTS, fields="id", per_page=15)
    assert [record for page in by_number for record in page] == by_token
    assert caller.get(ACCOUNTS, fields="id", per_page=15, page=4).status == 204


def test_a_token_continues_where_the_page_ended_though_records_come_and_go(caller):
    first = caller.get(ACCOUNTS, fields="id", per_page=10).json()
    caller.insert("Accounts", Account_Name="Newcomer")
    caller.call("DELETE", f"{ACCOUNTS}/{first['data'][3]['id']}")
    token = first["info"]["next_page_token"]
    second = caller.get(ACCOUNTS, fields="id", per_page=10, page_token=token).json()
    assert not {record["id"] for record in first["data"]} & {record["id"] for record in second["data"]}
    assert second["info"]["page"] == 2
    previous = caller.get(ACCOUNTS, fields="id", per_page=10, page_token=second["info"]["previous_page_token"])
    assert previous.status == 200


def test_a_token_is_bound_to_the_parameters_the_user_and_a_day(crm, caller):
    token = caller.get(ACCOUNTS, fields="id", per_page=10).json()["info"]["next_page_token"]
    changed = caller.get(ACCOUNTS, fields="id,Phone", per_page=10, page_token=token)
    assert code(changed) == (400, "TOKEN_BOUND_DATA_MISMATCH")
    caller.token = crm.token("rohan@crm.example")
    assert code(caller.get(ACCOUNTS, fields="id", per_page=10, page_token=token)) == (400, "INVALID_DATA")
    crm.faults(clock_skew_seconds=25 * 3600)
    caller.token = crm.token()
    assert code(caller.get(ACCOUNTS, fields="id", per_page=10, page_token=token)) == (400, "EXPIRED_VALUE")


@pytest.mark.parametrize("sort_by", ["id", "Created_Time", "Modified_Time"])
@pytest.mark.parametrize("sort_order", ["asc", "desc"])
def test_every_order_pages_through_everything(caller, sort_by, sort_order):
    fields = f"id,{sort_by}"
    records, _ = walk(caller, ACCOUNTS, fields=fields, sort_by=sort_by, sort_order=sort_order, per_page=7)
    values = [record[sort_by] for record in records]
    assert len({record["id"] for record in records}) == 40
    # Offsets change with daylight saving, so times are compared as moments.
    keys = values if sort_by == "id" else [datetime.fromisoformat(value) for value in values]
    assert keys == sorted(keys, reverse=sort_order == "desc")


def test_ids_choose_records(caller):
    wanted = [record["id"] for record in caller.records(ACCOUNTS, fields="id")[5:8]]
    found = caller.records(ACCOUNTS, fields="id", ids=",".join(wanted))
    assert sorted(record["id"] for record in found) == sorted(wanted)


def test_only_what_changed_since_is_listed_and_nothing_is_a_304(crm, caller):
    newest = caller.records(ACCOUNTS, fields="Modified_Time", sort_by="Modified_Time", per_page=1)[0]
    since = {"If-Modified-Since": newest["Modified_Time"]}
    answer = caller.call("GET", ACCOUNTS, headers=since, fields="id")
    assert (answer.status, answer.data) == (304, b"")
    other = caller.records(ACCOUNTS, fields="id", sort_by="Modified_Time", sort_order="asc", per_page=1)[0]["id"]
    caller.call("PUT", f"{ACCOUNTS}/{other}", {"data": [{"Phone": "1"}]})
    changed = caller.call("GET", ACCOUNTS, headers=since, fields="id").json()["data"]
    assert [record["id"] for record in changed] == [other]


@pytest.mark.parametrize("path", [f"{ACCOUNTS}?fields=id", f"{ACCOUNTS}/deleted", f"{ACCOUNTS}/1/Contacts?fields=id"])
def test_a_time_that_is_none_is_refused(caller, path):
    answer = caller.call("GET", path, headers={"If-Modified-Since": "yesterday"})
    assert code(answer) == (400, "INVALID_DATA")


def test_a_freshly_seeded_crm_has_no_changes_within_the_last_hour(crm, caller):
    crm.seed(accounts=300, contacts_per_account=2, deals=30, loose_contacts=5)
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    for module in ("Accounts", "Contacts", "Deals"):
        answer = caller.call("GET", f"/crm/v8/{module}", headers={"If-Modified-Since": hour_ago}, fields="id")
        assert answer.status == 304


def test_lists_leave_out_subforms_and_shorten_long_texts(caller):
    account = caller.insert("Accounts", Account_Name="Long", Description="x" * 900)
    product = caller.records("/crm/v8/Products", fields="id")[0]["id"]
    items = [{"Product_Name": {"id": product}, "Quantity": 1}]
    caller.insert("Invoices", Subject="I", Account_Name={"id": account}, Invoiced_Items=items)
    assert set(caller.records("/crm/v8/Invoices", fields="Subject,Invoiced_Items")[0]) == {"id", "Subject"}
    assert len(caller.records(ACCOUNTS, fields="Description", ids=account)[0]["Description"]) == 500
    assert len(caller.record("Accounts", account)["Description"]) == 900


def test_a_single_record_shows_everything_and_an_unknown_one_is_a_204(caller):
    record_id = caller.records("/crm/v8/Contacts", fields="id")[0]["id"]
    record = caller.record("Contacts", record_id)
    assert {"Full_Name", "Account_Name", "Owner", "Layout", "$approval_state", "$has_more", "Tag"} <= set(record)
    assert caller.get("/crm/v8/Contacts/5725767000009999999").status == 204
    assert caller.get("/crm/v8/Contacts/9999999999999999999").status == 204
    assert code(caller.get("/crm/v8/Contacts/abc")) == (400, "INVALID_DATA")


def test_related_lists_are_found_by_their_href_and_page_like_lists(crm, caller):
    crm.seed(accounts=2, contacts_per_account=25, deals=4)
    account = caller.records(ACCOUNTS, fields="id")[0]["id"]
    lists = caller.get("/crm/v8/settings/related_lists", module="Accounts").json()["related_lists"]
    href = next(item["href"] for item in lists if item["api_name"] == "Contacts")
    path = f"/crm/v8/{href.replace('{ENTITYID}', account)}"
    records, pages = walk(caller, path, fields="Last_Name,Account_Name", per_page=10)
    assert (len(records), pages) == (25, 3)
    assert {record["Account_Name"]["id"] for record in records} == {account}


@pytest.mark.parametrize(
    ("path", "index"),
    [("/crm/v8/Accounts/{id}/Nonsense", 2), ("/crm/v8/Accounts/1/Contacts", 1), ("/crm/v8/Accounts/x/Contacts", 1)],
)
def test_a_wrong_relation_says_which_part_is_wrong(caller, path, index):
    account = caller.records(ACCOUNTS, fields="id")[0]["id"]
    answer = caller.get(path.format(id=account), fields="id")
    assert code(answer) == (400, "INVALID_DATA")
    assert answer.json()["details"] == {"resource_path_index": index}
