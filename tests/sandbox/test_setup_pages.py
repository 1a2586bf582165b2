"""The stand-in CRM's setup pages: what a person changes there holds for the API at once. And who may come in."""

import pytest

from tests.sandbox.browsing import Person
from zbweb.sandbox.pages.custom_fields import TYPES
from zbweb.sandbox.panel import panel_origin


@pytest.fixture
def person(crm):
    return Person(crm.app)


def exchange(person, email, key):
    """Ask for a token with a service key, as billing's connection form does."""
    form = {"grant_type": "urn:zbweb:zsc-key", "email": email, "zsc_key": key}
    return "access_token" in person.client.post("/oauth/v2/token", data=form).json


def test_a_new_key_opens_and_the_old_one_is_dead(crm, person):
    assert "ZSC-DEMO-KEY" in person.open("/setup/zsc-key")
    assert exchange(person, "admin@crm.example", "ZSC-DEMO-KEY")
    assert person.press("/setup/zsc-key", "Generate new key").status_code == 303
    fresh = crm.control("state", method="GET")["zsc_key"]
    assert fresh in person.open("/setup/zsc-key")
    assert exchange(person, "admin@crm.example", fresh)
    assert not exchange(person, "admin@crm.example", "ZSC-DEMO-KEY")


def test_whoever_is_deactivated_is_shut_out_until_activated(caller, person):
    person.press("/setup/users", "Deactivate Patricia")
    assert caller.get("/crm/v8/org").status == 401
    assert not exchange(person, "admin@crm.example", "ZSC-DEMO-KEY")
    person.press("/setup/users", "Activate Patricia")
    assert caller.get("/crm/v8/org").status == 200


def test_plan_currency_and_name_of_the_organisation_change(caller, person):
    answer = person.submit(
        "/setup/organisation", paid_type="standard", iso_code="EUR", mc_status="on", company_name="Zylker SE"
    )
    assert answer.status_code == 303
    org = caller.get("/crm/v8/org").json()["org"][0]
    assert org["license_details"]["paid_type"] == "standard"
    assert (org["iso_code"], org["mc_status"], org["company_name"]) == ("EUR", True, "Zylker SE")
    assert "Zylker SE" in person.open("/")


def test_an_organisation_without_a_name_or_with_an_unknown_plan_is_refused(caller, person):
    assert person.submit("/setup/organisation", company_name=" ").status_code == 422
    assert person.submit("/setup/organisation", paid_type="gold").status_code == 400
    assert caller.get("/crm/v8/org").json()["org"][0]["company_name"] == "Zylker Instruments"


def conditions(*rows):
    """The lists of a view's form, filled up with empty rows."""
    filled = [*rows, *[("", "equal", "")] * (5 - len(rows))]
    return {name: [row[place] for row in filled] for place, name in enumerate(("field", "comparator", "value"))}


def new_view(person, name, *rows, module="Accounts", operator="and"):
    return person.submit(f"/setup/views?module={module}", name=name, operator=operator, **conditions(*rows))


def chosen(caller, module, name, fields):
    records = caller.records(f"/crm/v8/{module}", fields=fields, cvid=caller.view_id(module, name))
    return sorted(record[fields] for record in records)


@pytest.mark.parametrize(
    ("rows", "operator", "expected"),
    [
        ([("Employees", "greater_than", "10")], "and", ["Big Ltd"]),
        ([("Employees", "is_empty", "")], "and", ["Quiet Ltd"]),
        ([("Account_Name", "in", "big ltd, Small Ltd")], "and", ["Big Ltd", "Small Ltd"]),
        ([("Employees", "less_equal", "5"), ("Phone", "is_not_empty", "")], "and", ["Small Ltd"]),
        ([("Employees", "greater_than", "10"), ("Phone", "starts_with", "+1")], "or", ["Big Ltd", "Small Ltd"]),
        ([("Owner", "equal", "Rohan Mehta")], "and", ["Quiet Ltd"]),
        ([("Parent_Account", "equal", "Big Ltd")], "and", ["Small Ltd"]),
        ([("Created_Time", "greater_equal", "${TODAY}-1")], "and", ["Big Ltd", "Quiet Ltd", "Small Ltd"]),
        ([], "and", ["Big Ltd", "Quiet Ltd", "Small Ltd"]),
    ],
)
def test_a_view_made_on_the_page_chooses_for_the_api(crm, person, caller, rows, operator, expected):
    crm.reset(empty=True)
    caller.token = crm.token()
    rohan = next(member for member in crm.sandbox.members.values() if member.first_name == "Rohan")
    big = caller.insert("Accounts", Account_Name="Big Ltd", Employees=50)
    caller.insert("Accounts", Account_Name="Small Ltd", Employees=5, Phone="+1 555", Parent_Account={"id": big})
    caller.insert("Accounts", Account_Name="Quiet Ltd", Owner={"id": str(rohan.id)})
    assert new_view(person, "Picked", *rows, operator=operator).status_code == 303
    assert chosen(caller, "Accounts", "Picked", "Account_Name") == expected


@pytest.mark.parametrize(
    ("name", "row", "sentence"),
    [
        ("", ("Employees", "equal", "1"), "Give the view a name"),
        ("V", ("Employees", "equal", ""), "Enter what Employees is compared with."),
        ("V", ("Employees", "equal", "many"), "Employees cannot be compared like this"),
        ("V", ("Created_Time", "less_than", "soon"), "Created Time cannot be compared like this"),
        ("V", ("Owner", "equal", "Nobody"), "There is no user"),
        ("V", ("Parent_Account", "equal", "Nobody Inc"), "There is no account of this name."),
    ],
)
def test_a_view_that_cannot_be_answered_is_refused_with_a_sentence(caller, person, name, row, sentence):
    answer = new_view(person, name, row)
    assert answer.status_code == 422
    assert sentence in answer.text
    views = caller.get("/crm/v8/settings/custom_views", module="Accounts").json()["custom_views"]
    assert name not in [view["name"] for view in views]


def test_a_made_view_can_be_deleted_and_a_predefined_one_cannot(crm, caller, person):
    new_view(person, "Short lived", ("Stage", "equal", "Closed Won"), module="Deals")
    view = caller.view_id("Deals", "Short lived")
    page = person.open("/setup/views?module=Deals")
    assert "Stage is Closed Won" in page
    assert person.client.post(f"/setup/views/{view}/delete?module=Deals").status_code == 303
    assert "Short lived" not in person.open("/setup/views?module=Deals")
    predefined = caller.view_id("Deals", "All Deals")
    assert person.client.post(f"/setup/views/{predefined}/delete?module=Deals").status_code == 404


def test_a_field_made_on_the_page_is_a_field_of_the_api(caller, person):
    answer = person.submit(
        "/setup/fields?module=Contacts", label="Shoe Size", data_type="picklist", choices="S\r\nM\r\n\r\nL"
    )
    assert answer.status_code == 303
    fields = caller.get("/crm/v8/settings/fields", module="Contacts").json()["fields"]
    made = next(field for field in fields if field["api_name"] == "Shoe_Size")
    assert made["custom_field"]
    assert {"S", "M", "L"} <= {choice["actual_value"] for choice in made["pick_list_values"]}
    assert person.submit("/setup/fields?module=Contacts", label="Shoe Size", data_type="text").status_code == 422
    assert person.submit("/setup/fields?module=Contacts", label="Sock", data_type="picklist").status_code == 422


def test_every_type_of_field_can_be_made_filled_in_and_left_as_it_is(caller, person):
    typed = {"text": "a", "textarea": "two\r\nlines", "email": "a@b.example", "phone": "1", "website": "https://x.example",
             "picklist": "M", "multiselectpicklist": ["S", "L"], "integer": "7", "double": "1.25", "currency": "9.9",
             "percent": "12", "date": "2027-01-31", "datetime": "2027-01-31T08:30", "boolean": "on"}  # fmt: skip
    for kind in TYPES:
        person.submit("/setup/fields", label=f"My {kind.value}", data_type=kind.value, choices="S\r\nM\r\nL")
    values = {f"My_{kind.value}": typed[kind.value] for kind in TYPES}
    answer = person.submit("/accounts/new", Account_Name="Full", **values)
    account = answer.location.split("/accounts/")[1].split("?")[0]
    record = caller.record("Accounts", account)
    assert record["My_multiselectpicklist"] == ["S", "L"]
    assert record["My_datetime"] == "2027-01-31T08:30:00-08:00"
    assert (record["My_boolean"], record["My_double"], record["My_textarea"]) == (True, 1.25, "two\nlines")
    assert "done=unchanged" in person.submit(f"/accounts/{account}/edit").location
    person.submit(f"/accounts/{account}/edit", My_boolean=None, My_multiselectpicklist=None)
    record = caller.record("Accounts", account)
    assert (record["My_boolean"], record["My_multiselectpicklist"]) == (False, [])


def test_the_web_tab_is_framed_on_accounts_and_only_its_origin_may_be(crm, caller, person):
    account = caller.records("/crm/v8/Accounts", fields="Account_Name")[0]["id"]
    deal = caller.records("/crm/v8/Deals", fields="Deal_Name")[0]["id"]
    assert "<iframe" not in person.open(f"/accounts/{account}")
    crm.control("panel", {"url": "http://127.0.0.1:8000/panel/abc/{account_id}?sig=1"})
    answer = person.client.get(f"/accounts/{account}")
    assert f'<iframe class="panel" src="http://127.0.0.1:8000/panel/abc/{account}?sig=1"' in answer.text
    assert "frame-src http://127.0.0.1:8000" in answer.headers["Content-Security-Policy"]
    assert "<iframe" not in person.open(f"/deals/{deal}")
    assert person.submit("/setup/panel", url="https://b.example/{module}/{record_id}").status_code == 303
    assert f'src="https://b.example/Deals/{deal}"' in person.open(f"/deals/{deal}")
    person.submit("/setup/panel", url="")
    assert "<iframe" not in person.open(f"/accounts/{account}")


@pytest.mark.parametrize(
    "address",
    ["javascript:alert({account_id})", "http://b.example/panel", "/panel/{account_id}", "http://a;b/{account_id}",
     "http://user@b.example/{account_id}", "http://b.example:99999/{account_id}"],
)  # fmt: skip
def test_an_address_that_cannot_be_framed_is_refused(person, address):
    assert person.submit("/setup/panel", url=address).status_code == 422
    assert "{account_id}" not in person.client.get("/accounts").headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:8000/p/1", "http://127.0.0.1:8000"),
        ("https://billing.example/p", "https://billing.example"),
        ("http://[::1]:8000/p", "http://[::1]:8000"),
        ("ftp://billing.example/p", "'none'"),
    ],
)
def test_the_origin_of_an_address(url, origin):
    assert panel_origin(url) == origin


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "crm.attacker.example"},
        {"Host": "127.0.0.1.attacker.example"},
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_other_sites_can_neither_post_nor_pass_for_this_machine(crm, person, headers):
    answer = person.client.post("/setup/zsc-key", headers=headers)
    assert answer.status_code == 403
    assert crm.control("state", method="GET")["zsc_key"] == "ZSC-DEMO-KEY"


def test_other_machines_see_nothing(person):
    answer = person.client.get("/", environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert answer.status_code == 403
    assert "Zylker" not in answer.text


def test_its_own_pages_may_post_and_no_page_runs_scripts(person):
    answer = person.client.post(
        "/setup/zsc-key", headers={"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code == 303
    policy = person.client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
