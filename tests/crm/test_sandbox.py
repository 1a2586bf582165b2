"""The client against the stand-in CRM over real HTTP: both speak the CRM's documented wire."""

import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.sandbox_server import SandboxServer
from tests.servers import eventually
from zbweb import config
from zbweb.billing.models import Organisation
from zbweb.clock import now
from zbweb.crm import errors
from zbweb.crm.credentials import save_credential
from zbweb.crm.grants import sign_in_with_refresh_token, sign_in_with_zsc, withdraw
from zbweb.crm.port import BulkState, StageKind
from zbweb.crm.query import coql_text
from zbweb.crm.tokens import client_for, client_for_grant
from zbweb.crm.transport import Timing
from zbweb.db import unit_of_work

ODD_NAME = "O'Neill \\ Sons (UK), Ltd"


@pytest.fixture(scope="module")
def server():
    with SandboxServer() as running:
        yield running


@pytest.fixture
def sandbox(server, settings):
    """The stand-in CRM without customers, and our configuration pointing at it."""
    server.reset(empty=True)
    server.faults(token_throttle=False)
    config.use(replace(settings, crm_accounts_url=server.url, crm_api_url=server.url))
    return server


@pytest.fixture
def timing(sleeps):
    return Timing(patience_seconds=60, read_timeout=5, sleep=sleeps.append)


@pytest.fixture
def grant(sandbox, http):
    return sign_in_with_zsc("admin@crm.example", "ZSC-DEMO-KEY", http=http)


@pytest.fixture
def client(grant, timing, http):
    return client_for_grant(grant, timing=timing, http=http)


def added(client, module, *records):
    verdicts = client.insert(module, records)
    assert all(verdict.ok for verdict in verdicts), verdicts
    return [verdict.crm_id for verdict in verdicts]


def accounts(*names):
    return [{"Account_Name": name} for name in names]


def names(pages, field="Account_Name"):
    return [record[field] for page in pages for record in page.records]


def calls(sandbox, path):
    return [call for call in sandbox.requests() if call["path"] == path]


# Signing in


def test_every_way_of_signing_in_opens_the_same_organisation(client, sandbox, timing, http):
    by_token = sign_in_with_refresh_token(
        "demo-refresh", client_id="demo-client", client_secret="demo-secret", http=http
    )
    other = client_for_grant(by_token, timing=timing, http=http)
    assert other.organisation() == client.organisation()
    assert client.current_user().email == "admin@crm.example"


@pytest.mark.parametrize(("email", "key"), [("admin@crm.example", "wrong"), ("stranger@crm.example", "ZSC-DEMO-KEY")])
def test_a_wrong_key_is_refused(sandbox, http, email, key):
    with pytest.raises(errors.WrongKey):
        sign_in_with_zsc(email, key, http=http)


def test_the_plan_and_the_currency_are_known(sandbox, client):
    sandbox.control("org", {"paid_type": "standard", "iso_code": "EUR", "mc_status": True})
    found = client.organisation()
    assert (found.edition, found.professional_or_above) == ("standard", False)
    assert (found.iso_code, found.multi_currency) == ("EUR", True)


# What the organisation is made of


def test_modules_fields_views_and_stages_are_read(client):
    by_name = {module.api_name: module for module in client.modules()}
    assert by_name["Accounts"].creatable
    assert by_name["Deals"].api_supported
    fields = {field.api_name: field for field in client.fields("Accounts")}
    assert (fields["Account_Name"].required, fields["Account_Name"].data_type) == (True, "text")
    assert fields["Annual_Revenue"].json_type == "double"
    assert fields["Parent_Account"].lookup_module == "Accounts"
    assert not fields["Modified_Time"].updatable
    assert "-None-" not in fields["Industry"].picklist
    views = client.views("Accounts")
    assert [view.name for view in views if view.shows_all] == ["All Accounts"]
    assert client.stage_kinds()["Closed Won"] is StageKind.WON
    assert client.stage_kinds()["Qualification"] is StageKind.OPEN


def test_a_field_is_made_and_can_be_written(client):
    field = client.create_field("Accounts", label="Billing Customer Id", data_type="text", length=64)
    assert (field.label, field.custom, field.data_type) == ("Billing Customer Id", True, "text")
    (crm_id,) = added(client, "Accounts", {"Account_Name": "Acme", field.api_name: "42"})
    assert client.get("Accounts", crm_id)[field.api_name] == "42"


def test_an_unknown_module_is_told(client):
    with pytest.raises(errors.ModuleUnavailable):
        client.fields("Nonsense")
    with pytest.raises(errors.ModuleUnavailable):
        client.count("Nonsense")


def test_a_forbidden_module_is_told(sandbox, client):
    sandbox.faults(forbid_module="Accounts")
    with pytest.raises(errors.PermissionDenied, match="NO_PERMISSION"):
        list(client.pages("Accounts", ["Account_Name"]))


# Lists


def test_every_record_comes_once_beyond_two_thousand(sandbox, client):
    sandbox.seed(accounts=2_345, contacts_per_account=0)
    pages = list(client.pages("Accounts", ["Account_Name"]))
    assert [len(page.records) for page in pages] == [200] * 11 + [145]
    assert len({record["id"] for page in pages for record in page.records}) == 2_345
    assert client.count("Accounts") == 2_345


def test_reading_goes_on_where_it_stopped(sandbox, client):
    sandbox.seed(accounts=30, contacts_per_account=0)
    whole = names(client.pages("Accounts", ["Account_Name"], per_page=10))
    pages = client.pages("Accounts", ["Account_Name"], per_page=10)
    first = next(pages)
    pages.close()
    rest = client.pages("Accounts", ["Account_Name"], per_page=10, page_token=first.next_token)
    assert names([first, *rest]) == whole


def test_a_token_of_another_question_is_refused(sandbox, client):
    sandbox.seed(accounts=30, contacts_per_account=0)
    token = next(client.pages("Accounts", ["Account_Name"], per_page=10)).next_token
    with pytest.raises(errors.TokenExpired):
        list(client.pages("Accounts", ["Phone"], per_page=10, page_token=token))


def test_a_view_that_is_gone_is_told(client):
    with pytest.raises(errors.CrmError) as caught:
        list(client.pages("Accounts", ["Account_Name"], view_id="999"))
    assert not caught.value.retryable


def test_only_what_was_modified_since_comes(sandbox, client):
    added(client, "Accounts", *accounts("Old"))
    assert names(client.pages("Accounts", ["Account_Name"], modified_since=client.server_time)) == []
    before = client.server_time - timedelta(seconds=5)
    assert names(client.pages("Accounts", ["Account_Name"], modified_since=before)) == ["Old"]


def test_more_fields_than_one_request_takes_are_all_read(client):
    (crm_id,) = added(client, "Accounts", {"Account_Name": "Acme", "Phone": "555"})
    fields = [field.api_name for field in client.fields("Accounts")][:45] + [f"Unknown_{n}" for n in range(10)]
    (page,) = client.pages("Accounts", ["Account_Name", *fields, "Phone"])
    assert (page.records[0]["id"], page.records[0]["Phone"]) == (crm_id, "555")


def test_amounts_are_decimals_both_ways(client):
    (crm_id,) = added(client, "Accounts", {"Account_Name": "Acme", "Annual_Revenue": Decimal("85000.10")})
    assert client.get("Accounts", crm_id)["Annual_Revenue"] == Decimal("85000.10")
    ((record,),) = [page.records for page in client.pages("Accounts", ["Annual_Revenue"])]
    assert record["Annual_Revenue"] == Decimal("85000.10")
    assert not isinstance(record["Annual_Revenue"], float)


# Single records, searches, relations, deletions


def test_records_are_found_by_id_word_and_relation(client):
    acme, other = added(client, "Accounts", *accounts("Acme (UK), Ltd", "Other"))
    (contact,) = added(client, "Contacts", {"Last_Name": "Kingsley", "Account_Name": {"id": acme}})
    assert client.get("Accounts", "1") is None
    assert [record["id"] for record in client.get_many("Accounts", [other, "1", acme], ["Account_Name"])] == [
        other,
        acme,
    ]
    assert [record["id"] for record in client.search("Accounts", word="Acme", fields=["Account_Name"])] == [acme]
    assert [record["id"] for record in client.related("Accounts", acme, "Contacts", ["Last_Name"])] == [contact]
    assert client.related("Accounts", other, "Contacts", ["Last_Name"]) == []


def test_deletions_are_told_with_their_time(client):
    kept, gone = added(client, "Accounts", *accounts("Kept", "Gone"))
    verdicts = client.delete("Accounts", [gone])
    assert [(verdict.ok, verdict.crm_id) for verdict in verdicts] == [(True, gone)]
    (record,) = client.deleted("Accounts", since=now() - timedelta(minutes=5))
    assert (record.id, record.name) == (gone, "Gone")
    assert abs(record.deleted_at - now()) < timedelta(minutes=1)
    assert client.get("Accounts", gone) is None
    assert client.get("Accounts", kept)["Account_Name"] == "Kept"


# Writes


def test_mixed_writes_get_a_verdict_each(client):
    verdicts = client.insert("Contacts", [{"Last_Name": "Good"}, {"First_Name": "No last name"}])
    assert [verdict.ok for verdict in verdicts] == [True, False]
    assert verdicts[0].modified_at is not None
    assert (verdicts[1].code, verdicts[1].details["api_name"]) == ("MANDATORY_NOT_FOUND", "Last_Name")


def test_a_write_whose_items_all_fail_is_still_answered_by_verdicts(client):
    (verdict,) = client.update("Accounts", [{"id": "1", "Phone": "5"}])
    assert (verdict.ok, verdict.code) == (False, "INVALID_DATA")


def test_more_than_a_hundred_records_are_written(client):
    crm_ids = added(client, "Accounts", *accounts(*(f"Account {number}" for number in range(230))))
    assert len(set(crm_ids)) == 230
    assert client.get("Accounts", crm_ids[229])["Account_Name"] == "Account 229"
    assert all(verdict.ok for verdict in client.delete("Accounts", crm_ids))
    assert client.count("Accounts") == 0


# Exports, queries, notifications


def exported(client, module, fields, **choice):
    job = client.start_bulk_read(module, fields, **choice)
    while job.state is BulkState.WAITING:
        job = client.bulk_job(job.id)
    assert job.state is BulkState.DONE
    return list(client.bulk_rows(job.id, client.fields(module)))


def by_id(records):
    return {record["id"]: record for record in records}


@pytest.mark.parametrize("module", ["Accounts", "Contacts", "Deals"])
def test_an_export_brings_the_same_records_as_a_list(sandbox, client, module):
    sandbox.seed(accounts=20, contacts_per_account=2, loose_contacts=3, deals=10)
    tagged = next(client.pages(module, ["id"])).records[0]["id"]
    assert client.update(module, [{"id": tagged, "Tag": [{"name": "Renewal"}, {"name": "VIP"}]}])[0].ok
    fields = [field.api_name for field in client.fields(module) if field.data_type != "subform"]
    listed = by_id(record for page in client.pages(module, fields) for record in page.records)
    rows = by_id(exported(client, module, fields))
    assert rows.keys() == listed.keys()
    for crm_id, record in listed.items():
        different = {
            name: (value, rows[crm_id].get(name))
            for name, value in record.items()
            if not same(value, rows[crm_id].get(name))
        }
        assert different == {}


def same(listed, exported):
    """An export knows people, records and tags by id or name only."""
    if isinstance(listed, list):
        listed = [{"name": item["name"]} if isinstance(item, dict) else item for item in listed]
    if isinstance(listed, dict) and "id" in listed:
        return {name: listed[name] for name in ("id", "name")} == exported
    return listed == exported


def test_an_export_of_a_view_brings_its_records_only(sandbox, client):
    added(client, "Accounts", *accounts("In", "Out"))
    view = sandbox.control(
        "custom_views", {"module": "Accounts", "name": "Some", "criteria": "(Account_Name:equals:In)"}
    )
    assert [view["id"]] == [found.id for found in client.views("Accounts") if found.name == "Some"]
    assert names(client.pages("Accounts", ["Account_Name"], view_id=view["id"])) == ["In"]
    assert [row["Account_Name"] for row in exported(client, "Accounts", ["Account_Name"], view_id=view["id"])] == ["In"]
    assert client.count("Accounts", view_id=view["id"]) == 1


def test_an_export_that_is_not_ready_waits(sandbox, client):
    sandbox.faults(bulk_delay_ms=400)
    job = client.start_bulk_read("Accounts", ["Account_Name"])
    assert client.bulk_job(job.id).state is BulkState.WAITING
    with pytest.raises(errors.Answered):
        list(client.bulk_rows(job.id, client.fields("Accounts")))


def test_a_query_brings_every_row(sandbox, client):
    sandbox.seed(accounts=2_100, contacts_per_account=0)
    rows = client.coql("select Account_Name from Accounts where id is not null")
    assert len({row["id"] for row in rows}) == 2_100
    (crm_id,) = added(client, "Accounts", *accounts(ODD_NAME))
    found = client.coql(f"select Account_Name from Accounts where Account_Name = {coql_text(ODD_NAME)}")
    assert [row["id"] for row in found] == [crm_id]


def test_a_notification_is_ordered_and_cancelled(client):
    order = {"events": ["Deals.edit", "Accounts.all"], "notify_url": "http://127.0.0.1:9/crm/notify", "token": "secret"}
    asked = (now() + timedelta(days=6)).replace(microsecond=0)
    assert client.watch("1000000068001", **order, expires_at=asked).expires_at == asked
    later = asked + timedelta(hours=6)
    assert client.watch("1000000068001", **order, expires_at=later).expires_at == later
    client.unwatch("1000000068001")
    client.unwatch("1000000068001")


def test_a_notification_for_longer_than_a_week_lasts_as_long_as_the_crm_says(client):
    order = {"events": ["Deals.edit"], "notify_url": "http://127.0.0.1:9/crm/notify", "token": "secret"}
    granted = client.watch("1000000068002", **order, expires_at=now() + timedelta(days=30)).expires_at
    assert timedelta(0) < granted - now() < timedelta(hours=2)


# Trouble


@pytest.mark.parametrize(
    "trouble",
    [
        {"fail_next": [{"status": 500, "count": 2}]},
        {"fail_next": [{"status": 503, "count": 2}]},
        {"fail_next": [{"status": 401, "count": 1}]},
        {"retry": {"count": 2, "after_seconds": 3}},
        {"drop_connections": 2},
        {"malformed": 1},
        {"expire_tokens": True},
    ],
    ids=["500", "503", "401", "429", "dropped connections", "malformed", "expired tokens"],
)
def test_reading_survives(sandbox, client, trouble):
    added(client, "Accounts", *accounts("Acme"))
    sandbox.faults(**trouble)
    assert names(client.pages("Accounts", ["Account_Name"])) == ["Acme"]


def test_a_slow_crm_times_out_and_is_asked_again(sandbox, grant, http, sleeps):
    client = client_for_grant(
        grant, timing=Timing(patience_seconds=2, read_timeout=0.2, sleep=sleeps.append), http=http
    )
    sandbox.faults(latency_ms=600)
    with pytest.raises(errors.TimedOut):
        client.count("Accounts")
    assert len(sleeps) >= 1
    sandbox.faults(latency_ms=0)
    assert client.count("Accounts") == 0
    attempts = [1, *sleeps, 1]  # those that nobody waited for end before another test hands out a fault
    eventually(lambda: len([each for each in sandbox.requests() if "count" in each["path"]]) == len(attempts))


@pytest.mark.parametrize(
    "trouble",
    [
        {"apply_then_drop": 1},
        {"malformed": 1},
        {"fail_next": [{"status": 500, "after_applying": True}]},
    ],
    ids=["answer dropped", "answer cut", "500 after applying"],
)
def test_an_insert_whose_answer_is_lost_is_not_repeated(sandbox, client, trouble):
    sandbox.faults(**trouble)
    with pytest.raises(errors.AnswerLost):
        client.insert("Accounts", accounts("Acme"))
    assert client.count("Accounts") == 1


def test_the_allowance_is_metered(sandbox, client):
    sandbox.faults(credits_remaining=3)
    client.count("Accounts")
    assert client.credits_remaining == 2


def test_an_allowance_used_up_is_told_as_such(sandbox, client, sleeps):
    sandbox.faults(credits_remaining=0)
    with pytest.raises(errors.RateLimited, match="slow down"):
        client.count("Accounts")
    assert sum(sleeps) < 60


# Saved credentials


@pytest.fixture
def credential(app, sandbox, grant):
    with unit_of_work() as session:
        organisation = Organisation(name="Zylker Ltd", base_currency="USD", time_zone="America/New_York")
        session.add(organisation)
        session.flush()  # for its id
        return save_credential(session, grant, organisation.id)


@pytest.fixture
def settings(settings, server):
    return replace(settings, crm_accounts_url=server.url, crm_api_url=server.url)


def test_ten_clients_whose_tokens_expired_cost_one_renewal(sandbox, credential, timing, http):
    clients = [client_for(credential.id, timing=timing, http=http) for _ in range(10)]
    assert {client.count("Accounts") for client in clients} == {0}
    before = len(calls(sandbox, "/oauth/v2/token"))
    sandbox.faults(expire_tokens=True)
    together, counts = threading.Barrier(10), []

    def count(client):
        together.wait()
        counts.append(client.count("Accounts"))

    threads = [threading.Thread(target=count, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [0] * 10
    assert len(calls(sandbox, "/oauth/v2/token")) == before + 1


def test_pages_of_a_saved_credential_renew_their_access_on_the_way(sandbox, credential, timing, http):
    sandbox.seed(accounts=30, contacts_per_account=0)
    pages = client_for(credential.id, timing=timing, http=http).pages("Accounts", ["Account_Name"], per_page=10)
    first = next(pages)
    sandbox.faults(expire_tokens=True)
    assert len({record["id"] for page in [first, *pages] for record in page.records}) == 30


def test_a_throttled_renewal_is_told_with_the_time_to_come_back(sandbox, credential, timing, http):
    sandbox.faults(token_throttle=True)
    client = client_for(credential.id, timing=timing, http=http)
    renewals = 0
    with pytest.raises(errors.RateLimited) as caught:  # noqa: PT012  which renewal is refused depends on earlier ones
        while renewals < 12:
            sandbox.faults(expire_tokens=True)
            client.count("Accounts")
            renewals += 1
    assert renewals <= 10
    assert caught.value.retry_after > 0


def test_a_regenerated_key_closes_the_door_and_says_what_to_do(sandbox, credential, timing, http):
    sandbox.faults(revoke_zsc_key=True)
    with pytest.raises(errors.Unauthorised, match="ZSC key"):
        client_for(credential.id, timing=timing, http=http).count("Accounts")


def test_a_deactivated_user_closes_the_door(sandbox, credential, timing, http):
    sandbox.faults(revoke_user="admin@crm.example")
    with pytest.raises(errors.Unauthorised):
        client_for(credential.id, timing=timing, http=http).count("Accounts")


def test_withdrawn_access_is_worth_nothing_to_whoever_kept_it(sandbox, timing, http):
    kept = sign_in_with_refresh_token("demo-refresh", client_id="demo-client", client_secret="demo-secret", http=http)
    withdraw(kept, http=http)
    with pytest.raises(errors.Unauthorised):
        client_for_grant(kept, timing=timing, http=http).count("Accounts")
