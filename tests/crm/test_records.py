"""Reading records: which requests are made, and what becomes of their answers."""

from datetime import UTC, datetime

import pytest

from tests.crm.scripted import nothing, refuses, says
from zbweb.crm import errors

SINCE = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def page(*ids, token=None, **info):
    records = [{"id": crm_id, "Account_Name": f"Account {crm_id}"} for crm_id in ids]
    return says({"data": records, "info": {"more_records": bool(token), "next_page_token": token} | info})


def ids(pages):
    return [[record["id"] for record in each.records] for each in pages]


# Lists


def test_pages_follow_the_token_and_repeat_the_question(crm, client):
    crm.play(page("1", "2", token="t1"), page("3", token="t2"), page("4"))
    pages = client.pages("Accounts", ["Account_Name", "id", "Phone", "Phone"], view_id="77", modified_since=SINCE)
    assert ids(pages) == [["1", "2"], ["3"], ["4"]]
    question = {"fields": "Account_Name,Phone", "per_page": "200", "cvid": "77"}
    assert [heard.query for heard in crm.heard] == [
        question,
        question | {"page_token": "t1"},
        question | {"page_token": "t2"},
    ]
    assert {heard.headers["If-Modified-Since"] for heard in crm.heard} == {"2026-11-23T08:00:00+00:00"}


def test_reading_goes_on_from_a_token(crm, client):
    crm.play(page("3"))
    assert ids(client.pages("Accounts", ["Account_Name"], page_token="t1", per_page=50)) == [["3"]]
    assert crm.heard[0].query == {"fields": "Account_Name", "per_page": "50", "page_token": "t1"}
    assert "If-Modified-Since" not in crm.heard[0].headers


@pytest.mark.parametrize("status", [204, 304])
def test_nothing_to_list_is_no_page(crm, client, status):
    crm.play(nothing(status))
    assert list(client.pages("Accounts", ["Account_Name"], modified_since=SINCE)) == []


def test_more_records_without_a_token_is_not_taken_for_the_end(crm, client):
    crm.play(page("1", more_records=True))
    with pytest.raises(errors.MalformedAnswer, match="has more records"):
        list(client.pages("Accounts", ["Account_Name"]))


def test_a_token_that_is_too_old_says_start_again(crm, client):
    crm.play(refuses(400, "EXPIRED_VALUE", {"api_name": "page_token"}))
    with pytest.raises(errors.TokenExpired, match="Start reading again"):
        list(client.pages("Accounts", ["Account_Name"], page_token="old"))


def test_fields_beyond_fifty_are_read_by_id(crm, client):
    names = [f"Field_{number}" for number in range(60)]
    rest = says({"data": [{"id": "2", "Field_59": "b"}, {"id": "1", "Field_59": "a"}], "info": {"more_records": False}})
    crm.play(page("1", "2"), rest)
    (only,) = client.pages("Accounts", names)
    assert [(record["id"], record["Account_Name"], record["Field_59"]) for record in only.records] == [
        ("1", "Account 1", "a"),
        ("2", "Account 2", "b"),
    ]
    assert [len(heard.query["fields"].split(",")) for heard in crm.heard] == [50, 10]
    assert crm.heard[1].query["ids"] == "1,2"


# Single records and sets


def test_one_record_comes_whole(crm, client):
    crm.play(says({"data": [{"id": "7", "Quoted_Items": [{"id": "8"}]}]}))
    assert client.get("Quotes", "7") == {"id": "7", "Quoted_Items": [{"id": "8"}]}
    assert (crm.heard[0].path, crm.heard[0].query) == ("/crm/v8/Quotes/7", {})


def test_a_record_that_is_not_there_is_none(crm, client):
    crm.play(nothing())
    assert client.get("Accounts", "7") is None


def test_many_records_are_read_a_hundred_at_a_time_in_the_order_asked(crm, client):
    wanted = [str(number) for number in range(150)]
    crm.play(page(*reversed(wanted[:100])), page(*wanted[100:149]))
    found = client.get_many("Accounts", [*wanted, "3"], ["Account_Name"])
    assert [record["id"] for record in found] == wanted[:149]
    assert [len(heard.query["ids"].split(",")) for heard in crm.heard] == [100, 50]


def test_no_records_are_read_without_asking(crm, client):
    assert client.get_many("Accounts", [], ["Account_Name"]) == []
    assert crm.heard == []


@pytest.mark.parametrize(("said", "number"), [({"count": 127}, 127), ({"count": "127"}, 127)])
def test_a_count_may_come_as_text(crm, client, said, number):
    crm.play(says(said))
    assert client.count("Accounts", view_id="77") == number
    assert (crm.heard[0].path, crm.heard[0].query) == ("/crm/v8/Accounts/actions/count", {"cvid": "77"})


# Deletions, searches, relations, queries


def test_deletions_are_read_page_by_page(crm, client):
    gone = {"id": "1", "display_name": "Acme", "type": "recycle", "deleted_time": "2026-06-19T11:19:38+05:30"}
    crm.play(
        says({"data": [gone], "info": {"more_records": True}}),
        says({"data": [gone | {"id": "2", "display_name": None}], "info": {"more_records": False}}),
    )
    found = list(client.deleted("Accounts", since=SINCE))
    assert [(record.id, record.name) for record in found] == [("1", "Acme"), ("2", None)]
    assert found[0].deleted_at == datetime(2026, 6, 19, 5, 49, 38, tzinfo=UTC)
    assert [heard.query["page"] for heard in crm.heard] == ["1", "2"]
    assert crm.heard[0].headers["If-Modified-Since"] == "2026-11-23T08:00:00+00:00"


def test_a_search_ends_at_its_limit(crm, client):
    crm.play(page("1", "2", "3", token="t"))
    assert [record["id"] for record in client.search("Accounts", word="acme", fields=["Account_Name"], limit=2)] == [
        "1",
        "2",
    ]
    assert crm.heard[0].query == {"word": "acme", "fields": "Account_Name", "per_page": "2", "page": "1"}
    assert len(crm.heard) == 1


def test_a_search_goes_on_until_nothing_is_left(crm, client):
    crm.play(page("1", token="t"), page("2"))
    found = client.search("Accounts", word="acme", fields=["Account_Name"], limit=500)
    assert [record["id"] for record in found] == ["1", "2"]
    assert [heard.query["page"] for heard in crm.heard] == ["1", "2"]


def test_a_search_that_finds_nothing(crm, client):
    crm.play(nothing())
    assert client.search("Accounts", word="acme", fields=["Account_Name"]) == []


def test_a_related_list_is_read_to_its_end(crm, client):
    crm.play(page("1", token="t"), page("2"))
    assert [deal["id"] for deal in client.related("Accounts", "9", "Deals", ["Deal_Name"])] == ["1", "2"]
    assert [heard.path for heard in crm.heard] == ["/crm/v8/Accounts/9/Deals"] * 2
    assert crm.heard[1].query["page_token"] == "t"


def test_a_related_list_is_found_under_the_name_the_crm_gives_it(crm, client):
    unknown = refuses(400, "INVALID_DATA", {"resource_path_index": 2})
    lists = [
        {"api_name": "Notes", "module": None},
        {"api_name": "SalesOrders", "module": {"api_name": "Sales_Orders", "id": "1"}},
    ]
    crm.play(unknown, says({"related_lists": lists}), page("1"))
    assert [order["id"] for order in client.related("Accounts", "9", "Sales_Orders", ["Subject"])] == ["1"]
    assert [heard.path for heard in crm.heard][1:] == [
        "/crm/v8/settings/related_lists",
        "/crm/v8/Accounts/9/SalesOrders",
    ]


@pytest.mark.parametrize("answer", [says({"related_lists": []}), nothing()])
def test_a_related_list_that_does_not_exist_is_told(crm, client, answer):
    crm.play(refuses(400, "INVALID_DATA", {"resource_path_index": 2}), answer)
    with pytest.raises(errors.Refused, match="INVALID_DATA"):
        client.related("Accounts", "9", "Nonsense", ["Subject"])


def test_an_id_cannot_lead_to_another_path(crm, client):
    crm.play(nothing())
    client.get("Accounts", "../settings/fields?module=Accounts")
    assert crm.heard[0].path == "/crm/v8/Accounts/..%2Fsettings%2Ffields%3Fmodule%3DAccounts"


def test_a_query_is_read_to_its_end(crm, client):
    crm.play(page("1", token="t"), page("2"))
    assert len(client.coql("select Deal_Name from Deals where id is not null")) == 2
    assert [heard.json["select_query"] for heard in crm.heard] == [
        "select Deal_Name from Deals where id is not null limit 0, 2000",
        "select Deal_Name from Deals where id is not null limit 2000, 2000",
    ]


def test_a_query_that_finds_nothing(crm, client):
    crm.play(nothing())
    assert client.coql("select Deal_Name from Deals where id is not null") == []
