"""Exports: what is ordered, how its file is read, and that memory does not grow with it."""

import io
import tracemalloc
import zipfile
from decimal import Decimal

import pytest

from tests.crm.scripted import Move, refuses, says
from zbweb.crm import errors, parse
from zbweb.crm.bulk import read_export
from zbweb.crm.port import BulkState


def field(name, data_type="text", json_type="string", lookup=None):
    item = {"api_name": name, "data_type": data_type, "json_type": json_type}
    return item | {"lookup": {"module": {"api_name": lookup}} if lookup else {}}


RAW = [
    field("Account_Name"),
    field("Annual_Revenue", "currency", "double"),
    field("Employees", "integer", "integer"),
    field("Active", "boolean", "boolean"),
    field("Tags_Picked", "multiselectpicklist", "jsonarray"),
    field("Modified_Time", "datetime"),
    field("Parent_Account", "lookup", "jsonobject", "Accounts"),
    field("Owner", "ownerlookup", "jsonobject"),
]
FIELDS = [parse.field(item) for item in RAW]
HEADER = (
    "Id,Account_Name,Annual_Revenue,Employees,Active,Tags_Picked,Modified_Time,Parent_Account,"
    "Parent_Account.Account_Name,Owner,Owner.first_name,Owner.last_name"
)
ROW = '7,"Acme, ""Ltd""\nTwo lines",85000.10,1200,true,a;b,2026-05-10T01:10:47-07:00,9,Holdings,5,Patricia,Boyle'
EMPTY = "8" + "," * 11
RECORD = {
    "id": "7",
    "Account_Name": 'Acme, "Ltd"\nTwo lines',
    "Annual_Revenue": Decimal("85000.10"),
    "Employees": 1200,
    "Active": True,
    "Tags_Picked": ["a", "b"],
    "Modified_Time": "2026-05-10T01:10:47-07:00",
    "Parent_Account": {"name": "Holdings", "id": "9"},
    "Owner": {"name": "Patricia Boyle", "id": "5"},
}
NOTHING = {
    "id": "8",
    "Account_Name": None,
    "Annual_Revenue": None,
    "Employees": None,
    "Active": None,
    "Tags_Picked": [],
    "Modified_Time": None,
    "Parent_Account": None,
    "Owner": None,
}


def zipped(*lines):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("job.csv", "\n".join(lines) + "\n")
    file.seek(0)
    return file


def test_an_export_is_ordered_with_the_names_of_what_records_point_at(crm, client):
    added = {"status": "success", "code": "ADDED_SUCCESSFULLY", "details": {"id": "55", "state": "ADDED"}}
    crm.play(says({"fields": RAW}), says({"data": [added]}, 201))
    job = client.start_bulk_read("Accounts", ["id", "Account_Name", "Parent_Account", "Owner", "Gone"], view_id="77")
    assert (job.id, job.state) == ("55", BulkState.WAITING)
    assert (crm.heard[1].path, crm.heard[1].json) == (
        "/crm/bulk/v8/read",
        {
            "query": {
                "module": {"api_name": "Accounts"},
                "fields": [
                    "Account_Name",
                    "Parent_Account",
                    "Owner",
                    "Parent_Account.Account_Name",
                    "Owner.first_name",
                    "Owner.last_name",
                ],
                "cvid": "77",
            },
            "file_type": "csv",
        },
    )
    assert crm.heard[1].headers["Content-Type"] == "application/json"


def test_a_following_export_is_ordered_by_token_alone(crm, client):
    crm.play(says({"data": [{"status": "success", "details": {"id": "56"}}]}, 201))
    client.start_bulk_read("Accounts", ["Account_Name"], page_token="t")
    assert crm.heard[0].json == {"query": {"page_token": "t"}, "file_type": "csv"}


@pytest.mark.parametrize(
    "answer",
    [
        says({"data": [{"status": "error", "code": "NOT_SUPPORTED", "message": "no", "details": {}}]}, 400),
        refuses(400, "NOT_SUPPORTED"),
    ],
    ids=["per item", "whole"],
)
def test_a_refused_export_says_why(crm, client, answer):
    crm.play(answer)
    with pytest.raises(errors.Refused, match="NOT_SUPPORTED"):
        client.start_bulk_read("Notes", ["Title"], page_token="t")


def test_how_far_an_export_is(crm, client):
    crm.play(
        says({"data": [{"id": "55", "state": "IN PROGRESS"}]}),
        says({"data": [{"id": "55", "state": "COMPLETED", "result": {"count": 127, "more_records": False}}]}),
    )
    assert client.bulk_job("55").state is BulkState.WAITING
    assert (client.bulk_job("55").state, client.bulk_job("55").count) == (BulkState.DONE, 127)


def test_rows_look_like_the_records_of_a_list(crm, client):
    crm.play(Move(200, zipped(HEADER, ROW, EMPTY).getvalue(), {"Content-Type": "application/zip"}))
    assert list(client.bulk_rows("55", FIELDS)) == [RECORD, NOTHING]
    assert crm.heard[0].path == "/crm/bulk/v8/read/55/result"


@pytest.mark.parametrize("header", ["Id,Account_Name", "id,Account_Name", "\ufeffId,Account_Name"])
def test_the_id_column_may_be_spelled_either_way(header):
    assert list(read_export(zipped(header, "7,Acme"), FIELDS)) == [{"id": "7", "Account_Name": "Acme"}]


def test_a_lookup_without_its_name_is_an_id_alone():
    rows = read_export(zipped("Id,Parent_Account", "7,9"), FIELDS)
    assert list(rows) == [{"id": "7", "Parent_Account": {"name": None, "id": "9"}}]


def test_an_export_of_nothing_has_no_rows():
    assert list(read_export(zipped(HEADER), FIELDS)) == []
    assert list(read_export(zipped(""), FIELDS)) == []


@pytest.mark.parametrize(
    "file",
    [
        io.BytesIO(b"<html>"),
        zipped("Id,Annual_Revenue", "7,lots"),
        zipped("Id,Employees", "7,many"),
        zipped("Id,Account_Name", "7"),
        zipped("Account_Name", "Acme"),
    ],
    ids=["no zip", "no amount", "no number", "a short row", "no id"],
)
def test_a_file_that_cannot_be_read_is_told(file):
    with pytest.raises(errors.MalformedAnswer, match="Start it again"):
        list(read_export(file, FIELDS))


def test_memory_does_not_grow_with_the_export():
    file = zipped("Id,Account_Name", *(f"{number},Account number {number}" for number in range(100_000)))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_export(file, FIELDS)) == 100_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
