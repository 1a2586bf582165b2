"""The control API: reset, seed, organisation, views, the log of calls."""

from collections import Counter

import pytest
import urllib3

from tests.sandbox_server import SandboxServer
from zbweb.sandbox import seed


def everything(caller, module, fields):
    records, token = [], None
    while True:
        answer = caller.get(f"/crm/v8/{module}", fields=fields, **({"page_token": token} if token else {}))
        if answer.status == 204:
            return records
        body = answer.json()
        records.extend(body["data"])
        token = body["info"]["next_page_token"]
        if token is None:
            return records


def test_the_first_day_shows_a_believable_crm(crm):
    counts = crm.control("state", method="GET")["records"]
    assert counts["Accounts"] == 40
    assert 60 <= counts["Contacts"] <= 80
    assert (counts["Deals"], counts["Products"]) == (25, 12)


def test_seeding_makes_what_was_asked_and_replaces_what_was_there(crm, caller):
    crm.seed(accounts=250, contacts_per_account=3, loose_contacts=7, deals=12)
    accounts = everything(caller, "Accounts", "Account_Name")
    contacts = everything(caller, "Contacts", "Account_Name,Full_Name,Email")
    assert (len(accounts), len(contacts), len(everything(caller, "Deals", "id"))) == (250, 757, 12)
    staff = Counter(contact["Account_Name"]["id"] for contact in contacts if contact["Account_Name"])
    assert set(staff) == {account["id"] for account in accounts}
    assert set(staff.values()) == {3}
    assert sum(contact["Account_Name"] is None for contact in contacts) == 7
    assert any(contact["Email"] is None for contact in contacts)


def test_seeded_names_are_unique_unless_duplicates_are_asked_for(crm, caller):
    crm.seed(accounts=300, contacts_per_account=1)
    names = [account["Account_Name"] for account in everything(caller, "Accounts", "Account_Name")]
    assert len(set(names)) == 300
    crm.seed(accounts=300, contacts_per_account=1, duplicates=20)
    names = [account["Account_Name"] for account in everything(caller, "Accounts", "Account_Name")]
    assert (len(names), len(set(names))) == (300, 280)


def test_all_accounts_but_one_may_carry_the_name_of_another(crm, caller):
    assert crm.seed(accounts=5, duplicates=4, deals=2)["deals"] == 2
    names = [account["Account_Name"] for account in everything(caller, "Accounts", "Account_Name")]
    assert (len(names), len(set(names))) == (5, 1)


def test_deals_need_accounts_and_are_counted_as_made(crm):
    assert crm.seed(accounts=0, deals=3)["deals"] == 0


def test_seeding_is_the_same_each_time(crm, caller):
    crm.seed(accounts=30, contacts_per_account=1)
    first = [record["Account_Name"] for record in everything(caller, "Accounts", "Account_Name")]
    crm.seed(accounts=30, contacts_per_account=1)
    assert [record["Account_Name"] for record in everything(caller, "Accounts", "Account_Name")] == first


def test_appending_adds_others(crm, caller):
    crm.seed(accounts=30, contacts_per_account=1)
    crm.seed(accounts=20, contacts_per_account=1, append=True)
    names = [account["Account_Name"] for account in everything(caller, "Accounts", "Account_Name")]
    people = [contact["Full_Name"] for contact in everything(caller, "Contacts", "Full_Name")]
    assert len(set(names)) == len(names) == 50
    assert len(set(people)) == len(people) == 50


def test_company_and_person_names_never_repeat():
    companies = [seed.company_name(number) for number in range(130_000)]
    assert len({name.casefold() for name in companies}) == len(companies)
    people = [seed.person_name(number) for number in range(130_000)]
    assert len(set(people)) == len(people)
    assert max(map(len, companies)) <= 120


def test_seeded_names_carry_the_signs_that_break_naive_programs():
    names = " ".join(seed.company_name(number) for number in range(100))
    assert {"'", "&", "ø", "Ł", "山", "."} <= set(names)


@pytest.mark.parametrize(
    ("name", "host"), [("Łódź & Co", "lodzco"), ("O'Connor & Sons", "oconnorsons"), ("Weiß", "weiss"), ("山田", "")]
)
def test_names_become_hosts(name, host):
    assert seed.web_name(name) == host


def test_a_reset_restores_the_first_day_and_forgets_the_rest(crm, caller):
    first = everything(caller, "Accounts", "Account_Name")
    caller.insert("Accounts", Account_Name="Temporary")
    caller.post("/crm/v8/settings/fields?module=Accounts", {"fields": [{"field_label": "X1", "data_type": "text"}]})
    crm.control("org", {"paid_type": "free"})
    crm.reset()
    caller.token = crm.token()
    assert everything(caller, "Accounts", "Account_Name") == first
    assert caller.get("/crm/v8/org").json()["org"][0]["license_details"]["paid_type"] == "enterprise"
    fields = caller.get("/crm/v8/settings/fields", module="Accounts").json()["fields"]
    assert not [field for field in fields if field["custom_field"]]


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"paid_type": "free"}, {"paid": False, "paid_type": "free", "trial_type": None}),
        ({"paid_type": "professional"}, {"paid": True, "paid_type": "professional", "trial_type": None}),
        ({"trial_type": "enterprise", "paid_type": "free"}, {"paid": False, "trial_type": "enterprise"}),
    ],
)
def test_the_plan_can_be_changed(crm, caller, change, shown):
    crm.control("org", change)
    details = caller.get("/crm/v8/org").json()["org"][0]["license_details"]
    assert {key: details[key] for key in shown} == shown


def test_the_currency_can_be_changed_and_multi_currency_switched_on(crm, caller):
    assert caller.get("/crm/v8/org/currencies").status == 403
    crm.control("org", {"iso_code": "EUR", "mc_status": True})
    org = caller.get("/crm/v8/org").json()["org"][0]
    assert (org["iso_code"], org["currency"], org["mc_status"]) == ("EUR", "Euro - EUR", True)
    currencies = caller.get("/crm/v8/org/currencies").json()["currencies"]
    assert [item["iso_code"] for item in currencies if item["is_base"]] == ["EUR"]
    account = caller.records("/crm/v8/Accounts", fields="id,Currency")[0]
    assert account["Currency"] == "EUR"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("seed", {"accounts": 5, "duplicates": 5}),
        ("seed", {"accounts": "5"}),
        ("org", {"mc_status": "yes"}),
        ("org", {"iso_code": 5}),
        ("org", {"users_license": True}),
        ("org", {"paid_type": "golden"}),
        ("custom_views", {"module": "Accounts", "name": "Odd", "criteria": [{"field": "Phone", "value": "1"}]}),
        ("custom_views", {"module": "Accounts", "name": "Odd", "criteria": 5}),
        ("custom_views", {"module": "Accounts", "name": "Odd", "criteria": {"group": "Phone"}}),
        ("faults", {"fail_next": [500]}),
        ("faults", {"fail_next": [{"count": 2}]}),
        ("faults", {"drop_connections": "many"}),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_in_words_and_changes_nothing(crm, caller, path, body):
    before = caller.get("/crm/v8/org").json()
    with urllib3.PoolManager(retries=False) as http:
        answer = http.request("POST", f"{crm.url}/_sandbox/{path}", json=body)
    assert (answer.status, list(answer.json())) == (400, ["error"])
    assert caller.get("/crm/v8/org").json() == before


def test_the_control_api_answers_in_json_even_where_it_has_nothing(crm):
    with urllib3.PoolManager(retries=False) as http:
        answers = [http.request("GET", f"{crm.url}/_sandbox/{path}") for path in ("nonsense", "seed")]
    assert [(answer.status, list(answer.json())) for answer in answers] == [(404, ["error"]), (405, ["error"])]


def test_a_field_can_be_made_once_and_carries_values(caller):
    path = "/crm/v8/settings/fields?module=Accounts"
    body = {"fields": [{"field_label": "Outstanding Receivables", "data_type": "currency", "decimal_place": 2}]}
    assert caller.post(path, body).status == 201
    assert caller.post(path, body).json()["fields"][0]["code"] == "DUPLICATE_DATA"
    fields = caller.get("/crm/v8/settings/fields", module="Accounts").json()["fields"]
    made = next(field for field in fields if field["custom_field"])
    assert (made["api_name"], made["data_type"], made["json_type"]) == ("Outstanding_Receivables", "currency", "double")
    account = caller.insert("Accounts", Account_Name="A", Outstanding_Receivables=12.75)
    assert caller.record("Accounts", account)["Outstanding_Receivables"] == 12.75


def test_only_administrators_make_fields(crm, caller):
    caller.token = crm.token("rohan@crm.example")
    body = {"fields": [{"field_label": "X", "data_type": "text"}]}
    assert caller.post("/crm/v8/settings/fields?module=Accounts", body).status == 403


def test_the_standard_fields_of_accounts_and_contacts_are_all_there(caller):
    wanted = {
        "Accounts": "Account_Name Account_Number Account_Site Account_Type Annual_Revenue Billing_Street Billing_Code "
        "Shipping_Country Description Employees Fax Phone Website Industry Ownership Owner Parent_Account Rating "
        "SIC_Code Ticker_Symbol Tag Created_Time Modified_By",
        "Contacts": "First_Name Last_Name Full_Name Salutation Email Secondary_Email Phone Mobile Home_Phone Title "
        "Department Date_of_Birth Account_Name Reporting_To Lead_Source Email_Opt_Out Mailing_Zip Other_Country Owner",
    }
    for module, names in wanted.items():
        fields = caller.get("/crm/v8/settings/fields", module=module).json()["fields"]
        assert set(names.split()) <= {field["api_name"] for field in fields}


def test_won_and_lost_are_told_by_the_pipeline(caller):
    layout = caller.get("/crm/v8/settings/layouts", module="Deals").json()["layouts"][0]["id"]
    stages = caller.get("/crm/v8/settings/pipeline", layout_id=layout).json()["pipeline"][0]["maps"]
    won = [stage["actual_value"] for stage in stages if stage["forecast_type"] == "Closed Won"]
    lost = [stage["actual_value"] for stage in stages if stage["forecast_type"] == "Closed Lost"]
    assert (won, len(lost), len(stages)) == (["Closed Won"], 2, 9)
    assert next(s for s in stages if s["display_value"] == "Identify Decision Makers")["actual_value"] == (
        "Id. Decision Makers"
    )


def test_every_api_call_is_logged_and_control_calls_are_not(crm, caller):
    caller.get("/crm/v8/org")
    caller.get("/crm/v8/Accounts")
    caller.insert("Accounts", Account_Name="A")
    calls = crm.requests()
    assert [(call["method"], call["path"], call["status"]) for call in calls] == [
        ("GET", "/crm/v8/org", 200),
        ("GET", "/crm/v8/Accounts", 400),
        ("POST", "/crm/v8/Accounts", 201),
    ]
    crm.control("requests", method="DELETE")
    assert crm.requests() == []


def test_the_state_outlives_the_process(tmp_path):
    with SandboxServer(tmp_path) as first:
        first.seed(accounts=5, contacts_per_account=1)
        token = first.token()
        first.control("org", {"company_name": "Lasting Ltd"})
    with SandboxServer(tmp_path) as second, urllib3.PoolManager(retries=False) as http:
        headers = {"Authorization": f"Zoho-oauthtoken {token}"}
        org = http.request("GET", f"{second.url}/crm/v8/org", headers=headers).json()["org"][0]
        count = http.request("GET", f"{second.url}/crm/v8/Accounts/actions/count", headers=headers).json()
    assert (org["company_name"], count) == ("Lasting Ltd", {"count": 5})


def test_connections_are_kept_and_cut_when_the_server_stops():
    server = SandboxServer()
    with urllib3.PoolManager(retries=False) as http:
        headers = {"Authorization": f"Zoho-oauthtoken {server.token()}"}
        for _ in range(3):
            assert http.request("GET", f"{server.url}/crm/v8/org", headers=headers).status == 200
            refused = http.request("POST", f"{server.url}/crm/v8/Accounts", body=b"x" * 5000, headers=headers)
            assert refused.status == 400
        assert http.connection_from_url(server.url).num_connections == 1
        server.stop()
        with pytest.raises(urllib3.exceptions.HTTPError):
            http.request("GET", f"{server.url}/crm/v8/org", headers=headers)


def test_a_body_in_chunks_is_understood(crm, caller):
    def parts():
        yield b'{"data": [{"Account_'
        yield b'Name": "In pieces"}]}'

    with urllib3.PoolManager(retries=False) as http:
        headers = {"Authorization": f"Zoho-oauthtoken {caller.token}"}
        answer = http.request("POST", f"{crm.url}/crm/v8/Accounts", body=parts(), headers=headers, chunked=True)
    assert answer.status == 201


@pytest.mark.parametrize(("base", "rates"), [("USD", (1, 0.7892)), ("GBP", (1.267105930, 1))])
def test_a_record_says_how_much_of_its_currency_the_base_currency_buys(crm, caller, base, rates):
    crm.control("org", {"iso_code": base, "mc_status": True})
    accounts = [caller.insert("Accounts", Account_Name=code, Currency=code) for code in ("USD", "GBP")]
    assert tuple(caller.record("Accounts", each)["Exchange_Rate"] for each in accounts) == rates
    told = {
        each["iso_code"]: float(each["exchange_rate"])
        for each in caller.get("/crm/v8/org/currencies").json()["currencies"]
    }
    assert (told["USD"], told["GBP"]) == rates
