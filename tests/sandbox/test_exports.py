"""Bulk reads: the job, its file, its callback."""

import csv
import io
import time
import zipfile

import pytest

READ = "/crm/bulk/v8/read"
JSON = {"Content-Type": "application/json"}


def start(caller, query, **envelope):
    answer = caller.call("POST", READ, {"query": query, **envelope}, headers=JSON)
    assert answer.status == 201, answer.data
    added = answer.json()["data"][0]
    assert (added["code"], added["details"]["state"]) == ("ADDED_SUCCESSFULLY", "ADDED")
    return added["details"]["id"]


def finished(caller, job_id):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        job = caller.get(f"{READ}/{job_id}").json()["data"][0]
        if job["state"] in ("COMPLETED", "FAILURE"):
            return job
        assert "result" not in job
        time.sleep(0.02)
    raise AssertionError("the job did not end")


def rows(caller, job_id):
    """The export's lines as dictionaries, once it is finished."""
    job = finished(caller, job_id)
    answer = caller.get(job["result"]["download_url"])
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == f"attachment; filename={job_id}.zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.namelist() == [f"{job_id}.csv"]
        text = archive.read(f"{job_id}.csv").decode("utf-8")
    found = list(csv.DictReader(io.StringIO(text)))
    assert len(found) == job["result"]["count"]
    return found


def test_an_export_has_one_line_for_each_record_with_references_by_id(caller):
    account = caller.insert("Accounts", Account_Name='Quote "&" Comma, Ltd')
    contact = caller.insert("Contacts", Last_Name="Ünal", Account_Name={"id": account}, Email_Opt_Out=True)
    fields = ["Last_Name", "Account_Name", "Account_Name.Account_Name", "Owner.last_name", "Email_Opt_Out", "Email"]
    found = rows(caller, start(caller, {"module": {"api_name": "Contacts"}, "fields": fields}))
    assert list(found[0]) == ["Id", *fields]
    line = next(line for line in found if line["Id"] == contact)
    assert list(line.values()) == [contact, "Ünal", account, 'Quote "&" Comma, Ltd', "Boyle", "true", ""]
    listed = caller.records("/crm/v8/Contacts", fields="id")
    assert {line["Id"] for line in found} == {record["id"] for record in listed}


def test_views_and_criteria_are_combined(caller):
    view = caller.view_id("Accounts", "Customers in Europe")
    in_view = {record["id"] for record in caller.records("/crm/v8/Accounts", fields="id", cvid=view)}
    criteria = {"field": {"api_name": "Billing_Country"}, "comparator": "equal", "value": "Germany"}
    query = {"module": {"api_name": "Accounts"}, "fields": ["Billing_Country"], "cvid": view, "criteria": criteria}
    found = rows(caller, start(caller, query))
    assert {line["Billing_Country"] for line in found} == {"Germany"}
    assert {line["Id"] for line in found} < in_view


def test_without_fields_every_column_is_exported(caller):
    found = rows(caller, start(caller, {"module": {"api_name": "Products"}}))
    assert {"Id", "Product_Name", "Unit_Price", "Created_Time", "Owner"} <= set(found[0])


def test_a_large_export_continues_by_page_token(crm, caller, monkeypatch):
    # 200,000 records are too many for a test; the size of a page is the only thing changed.
    monkeypatch.setattr("zbweb.sandbox.exports.ROWS_IN_A_JOB", 25)
    first = start(caller, {"module": {"api_name": "Accounts"}, "fields": ["Account_Name"]})
    result = finished(caller, first)["result"]
    assert (result["count"], result["more_records"]) == (25, True)
    second = start(caller, {"page_token": result["next_page_token"]})
    job = finished(caller, second)
    assert (job["result"]["page"], job["result"]["count"], job["result"]["more_records"]) == (2, 15, False)
    assert job["result"]["next_page_token"] is None
    ids = [line["Id"] for line in [*rows(caller, first), *rows(caller, second)]]
    assert len(ids) == len(set(ids)) == 40


def test_ten_results_a_minute_may_be_fetched(crm, caller):
    job = start(caller, {"module": {"api_name": "Products"}, "fields": ["Product_Name"]})
    finished(caller, job)
    answers = [caller.get(f"{READ}/{job}/result").status for _ in range(11)]
    assert answers == [200] * 10 + [429]


def test_a_job_takes_its_time_and_its_result_waits_for_it(crm, caller):
    crm.faults(bulk_delay_ms=200)
    job = start(caller, {"module": {"api_name": "Accounts"}})
    early = caller.get(f"{READ}/{job}/result")
    assert (early.status, early.json()["code"]) == (400, "JOB_NOT_COMPLETED")
    assert finished(caller, job)["state"] == "COMPLETED"
    assert caller.get(f"{READ}/{job}/result").status == 200


def test_the_callback_hears_what_the_status_call_tells(caller, ear):
    callback = {"url": ear.url, "method": "post"}
    job = start(caller, {"module": {"api_name": "Accounts"}, "fields": ["id"]}, callback=callback)
    assert ear.heard() == {"data": [finished(caller, job)]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"module": {"api_name": "Nonsense"}}, "MODULE_NOT_AVAILABLE"),
        ({"module": {"api_name": "Accounts"}, "fields": ["Nonsense"]}, "FIELD_NOT_SUPPORTED"),
        ({"module": {"api_name": "Accounts"}, "fields": 5}, "FIELD_NOT_SUPPORTED"),
        ({"module": {"api_name": "Accounts"}, "cvid": "1"}, "CVID_NOT_SUPPORTED"),
        ({"module": {"api_name": "Accounts"}, "page": 51}, "PAGE_RANGE_EXCEEDED"),
        (
            {"module": {"api_name": "Accounts"}, "criteria": {"field": {"api_name": "X"}, "value": 1}},
            "INVALID_CRITERIA",
        ),
        ({"module": {"api_name": "Accounts"}, "criteria": "Phone"}, "INVALID_CRITERIA"),
        ({"module": {"api_name": "Accounts"}, "criteria": {"group": "Phone"}}, "INVALID_CRITERIA"),
        ({"page_token": "nonsense"}, "INVALID_DATA"),
    ],
)
def test_a_bad_query_makes_no_job(caller, query, expected):
    answer = caller.call("POST", READ, {"query": query}, headers=JSON)
    assert (answer.status, answer.json()["code"]) == (400, expected)


def test_the_content_type_is_mandatory_here(caller):
    answer = caller.call("POST", READ, {"query": {"module": {"api_name": "Accounts"}}})
    assert (answer.status, answer.json()["code"]) == (415, "MEDIA_TYPE_NOT_SUPPORTED")


def test_a_job_belongs_to_its_user(crm, caller):
    job = start(caller, {"module": {"api_name": "Accounts"}})
    caller.token = crm.token("rohan@crm.example")
    answer = caller.get(f"{READ}/{job}")
    assert (answer.status, answer.json()["code"]) == (404, "RESOURCE_NOT_FOUND")
