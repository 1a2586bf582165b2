"""Subscriptions to changes, with a real server that hears them."""

from datetime import UTC, datetime, timedelta

import pytest

WATCH = "/crm/v8/actions/watch"


@pytest.fixture
def subscribe(caller, ear):
    def make(*events, channel_id="1000000068001", **values):
        item = {"channel_id": channel_id, "events": list(events), "notify_url": ear.url, "token": "secret", **values}
        answer = caller.post(WATCH, {"watch": [item]})
        assert answer.status == 201, answer.data
        return answer.json()["watch"][0]["details"]["events"]

    return make


def test_inserts_updates_and_deletes_are_told_in_the_crms_words(crm, caller, ear, subscribe):
    subscribe("Accounts.all")
    account = caller.insert("Accounts", Account_Name="A")
    first = ear.heard()
    assert first == {
        "server_time": first["server_time"],
        "query_params": {"key": "v1"},
        "module": "Accounts",
        "resource_uri": f"{crm.url}/crm/v8/Accounts",
        "ids": [account],
        "affected_fields": [],
        "operation": "insert",
        "channel_id": "1000000068001",
        "token": "secret",
    }
    caller.call("PUT", f"/crm/v8/Accounts/{account}", {"data": [{"Phone": "1", "Website": "w"}]})
    second = ear.heard()
    assert second["operation"] == "update"
    assert second["affected_fields"] == [{account: ["Phone", "Website"]}]
    caller.call("DELETE", f"/crm/v8/Accounts/{account}")
    third = ear.heard()
    assert (third["operation"], third["ids"]) == ("delete", [account])


def test_only_the_subscribed_events_and_modules_are_told(caller, ear, subscribe):
    subscribe("Deals.edit", "Contacts.create")
    caller.insert("Accounts", Account_Name="A")
    deal = caller.insert("Deals", Deal_Name="D", Stage="Qualification", Closing_Date="2027-01-31")
    ear.silence()
    caller.call("PUT", f"/crm/v8/Deals/{deal}", {"data": [{"Stage": "Closed Won"}]})
    assert ear.heard()["operation"] == "update"
    caller.insert("Contacts", Last_Name="B")
    assert ear.heard()["module"] == "Contacts"


def test_the_records_of_one_call_come_in_one_message(caller, ear, subscribe):
    subscribe("Accounts.create")
    answer = caller.post("/crm/v8/Accounts", {"data": [{"Account_Name": f"A{n}"} for n in range(5)]})
    assert ear.heard()["ids"] == [item["details"]["id"] for item in answer.json()["data"]]
    ear.silence()


def test_a_condition_lets_through_only_changes_of_its_fields(caller, ear, subscribe):
    fields = [{"field": {"api_name": "Stage"}}, {"field": {"api_name": "Amount"}}]
    selection = {"group_operator": "or", "group": fields}
    condition = {"type": "field_selection", "module": {"api_name": "Deals"}, "field_selection": selection}
    subscribe("Deals.edit", notification_condition=[condition], return_affected_field_values=True)
    deal = caller.insert("Deals", Deal_Name="D", Stage="Qualification", Closing_Date="2027-01-31")
    caller.call("PUT", f"/crm/v8/Deals/{deal}", {"data": [{"Next_Step": "call"}]})
    ear.silence()
    caller.call("PUT", f"/crm/v8/Deals/{deal}", {"data": [{"Stage": "Closed Won"}]})
    assert ear.heard()["affected_values"] == [{"record_id": deal, "values": {"Stage": "Closed Won"}}]


def test_what_was_refused_is_not_told(caller, ear, subscribe):
    subscribe("Accounts.all")
    caller.post("/crm/v8/Accounts", {"data": [{"Phone": "1"}]})
    ear.silence()


def test_seeding_tells_nobody(crm, ear, subscribe):
    subscribe("Accounts.all", "Contacts.all")
    crm.seed(accounts=10, contacts_per_account=1)
    ear.silence()


@pytest.mark.parametrize(
    ("wish", "granted"),
    [
        (timedelta(days=6), timedelta(days=6)),
        (timedelta(days=8), timedelta(hours=1)),  # beyond a week: the default
        (timedelta(hours=-1), timedelta(hours=1)),
        (None, timedelta(hours=1)),
    ],
)
def test_a_subscription_lives_a_week_at_most_and_an_hour_by_default(subscribe, wish, granted):
    now = datetime.now(UTC)
    values = {"channel_expiry": (now + wish).isoformat(timespec="seconds")} if wish else {}
    expiry = datetime.fromisoformat(subscribe("Accounts.all", **values)[0]["channel_expiry"])
    assert abs(expiry - now - granted) < timedelta(seconds=5)


def test_an_expired_subscription_is_silent_and_gone(crm, caller, ear, subscribe):
    subscribe("Accounts.all")
    crm.faults(clock_skew_seconds=3700)
    caller.token = crm.token()
    caller.insert("Accounts", Account_Name="A")
    ear.silence()
    assert caller.get(WATCH).status == 204


def test_a_subscription_is_renewed_changed_and_ended(caller, ear, subscribe):
    subscribe("Accounts.all", "Deals.edit")
    expiry = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")
    change = {"channel_id": 1000000068001, "channel_expiry": expiry, "token": "other"}
    answer = caller.call("PATCH", WATCH, {"watch": [change]})
    assert answer.json()["watch"][0]["message"] == "Successfully updated the subscribe details"
    assert {item["token"] for item in caller.get(WATCH).json()["watch"]} == {"other"}
    removal = {"channel_id": "1000000068001", "events": ["Deals.edit"], "_delete_events": True}
    caller.call("PATCH", WATCH, {"watch": [removal]})
    assert [item["events"] for item in caller.get(WATCH).json()["watch"]] == [["Accounts.all"]]
    answer = caller.call("DELETE", f"{WATCH}?channel_ids=1000000068001,7")
    assert [item["code"] for item in answer.json()["watch"]] == ["SUCCESS", "NOT_SUBSCRIBED"]
    caller.insert("Accounts", Account_Name="A")
    ear.silence()


@pytest.mark.parametrize(
    ("change", "expected", "field"),
    [
        ({"channel_id": None}, "MANDATORY_NOT_FOUND", "channel_id"),
        ({"channel_id": "abc"}, "INVALID_DATA", "channel_id"),
        ({"events": []}, "MANDATORY_NOT_FOUND", "events"),
        ({"events": ["Nonsense.all"]}, "INVALID_DATA", "events"),
        ({"events": ["Deals.won"]}, "INVALID_DATA", "events"),
        ({"notify_url": None}, "MANDATORY_NOT_FOUND", "notify_url"),
        ({"notify_url": "ftp://x"}, "INVALID_DATA", "notify_url"),
        ({"token": "x" * 51}, "INVALID_DATA", "token"),
        ({"notification_condition": "Stage"}, "INVALID_DATA", "notification_condition"),
        ({"notification_condition": [{"module": "Deals"}]}, "INVALID_DATA", "notification_condition"),
        (
            {"notification_condition": [{"module": {"api_name": "Deals"}, "field_selection": {"group": ["Stage"]}}]},
            "INVALID_DATA",
            "notification_condition",
        ),
        ({"channel_expiry": "tomorrow"}, "INVALID_DATA", "channel_expiry"),
    ],
)
def test_a_bad_subscription_is_refused_with_the_field(caller, change, expected, field):
    good = {"channel_id": "1", "events": ["Deals.all"], "notify_url": "http://127.0.0.1:9/hook"}
    answer = caller.post(WATCH, {"watch": [{**good, **change}]})
    item = answer.json()["watch"][0]
    assert (answer.status, item["code"], item["details"]["api_name"]) == (400, expected, field)


def test_a_deaf_subscriber_is_tried_again(crm, caller, ear, subscribe):
    subscribe("Accounts.all")
    ear.status = 503
    caller.insert("Accounts", Account_Name="A")
    first = ear.heard()
    ear.status = 200
    assert ear.heard() == first


def test_notifications_may_be_lost_or_doubled(crm, caller, ear, subscribe):
    subscribe("Accounts.all")
    crm.faults(notifications="drop")
    caller.insert("Accounts", Account_Name="lost")
    ear.silence()
    crm.faults(notifications="duplicate")
    caller.insert("Accounts", Account_Name="doubled")
    assert ear.heard() == ear.heard()
