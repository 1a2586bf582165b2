"""The stand-in CRM's pages, as a person uses them: records, and what the API and subscribers see of it."""

import json
import re
from collections import Counter

import pytest

from tests.sandbox.browsing import Person, form_of, links_of


@pytest.fixture
def person(crm):
    return Person(crm.app)


@pytest.fixture
def acme(caller):
    """An account with two contacts, a deal, an invoice and a fax number."""
    account = caller.insert(
        "Accounts", Account_Name="Acme Ltd", Fax="+44 1", Employees=12, Website="https://acme.example"
    )
    for last_name in ("Ames", "Boyd"):
        caller.insert("Contacts", Last_Name=last_name, Account_Name={"id": account})
    caller.insert("Deals", Deal_Name="Big one", Closing_Date="2027-01-31", Stage="Qualification", Amount=250,
                  Account_Name={"id": account})  # fmt: skip
    product = caller.insert("Products", Product_Name="Anvil", Unit_Price=10.5)
    items = [{"Product_Name": {"id": product}, "Quantity": 3}]
    caller.insert("Invoices", Subject="INV-77", Account_Name={"id": account}, Invoiced_Items=items)
    return account


def deal_of(caller, name="Big one"):
    return next(one for one in caller.records("/crm/v8/Deals", fields="Deal_Name,Stage") if one["Deal_Name"] == name)


def test_every_link_leads_to_a_page(person, acme):
    """Of pages that differ only in a number, six are opened."""
    waiting, seen, opened = ["/"], {"/"}, Counter()
    while waiting:
        path = waiting.pop()
        kind = re.sub(r"\d+", "N", path)
        if opened[kind] == 6:
            continue
        opened[kind] += 1
        fresh = {link for link in links_of(person.open(path)) if link.startswith("/")} - seen
        seen |= fresh
        waiting.extend(sorted(fresh))
    for kind in ("/accounts/new", "/notifications", "/recycle-bin", "/setup/views", "/traffic/N", "/invoices/N",
                 "/accounts/N/edit", "/accounts/N/merge", "/deals/N/delete", "/products/N"):  # fmt: skip
        assert opened[kind], kind


def test_a_record_is_found_under_the_real_crms_address(person, acme):
    deal = next(link for link in links_of(person.open(f"/accounts/{acme}")) if re.fullmatch(r"/deals/\d+", link))
    number = deal.rpartition("/")[2]
    assert person.client.get(f"/crm/tab/Potentials/{number}").location == deal
    assert person.client.get(f"/crm/tab/Accounts/{acme}").location == f"/accounts/{acme}"
    assert person.client.get(f"/crm/tab/Nothing/{acme}").status_code == 404


def test_an_address_that_leads_nowhere_is_a_page_for_people_and_json_for_programs(caller, person):
    lost = person.client.get("/no/such/page")
    assert lost.status_code == 404
    assert "There is no such page" in lost.text
    assert {"/accounts", "/setup"} <= set(links_of(lost.text))
    assert "default-src 'none'" in lost.headers["Content-Security-Policy"]
    assert person.client.get("/_sandbox/nothing").is_json
    assert caller.get("/crm/v8/no/such/call").json()["status"] == "error"
    stranger = person.client.get("/no/such/page", base_url="http://elsewhere.example")
    assert stranger.status_code == 404
    assert "working as" not in stranger.text


def test_a_new_record_lands_on_its_page_and_subscribers_hear_of_it(caller, person, ear):
    watch = {"channel_id": "1001", "events": ["Accounts.create"], "notify_url": ear.url}
    caller.post("/crm/v8/actions/watch", {"watch": [watch]})
    answer = person.submit("/accounts/new", Account_Name="Nova & Sons", Employees="40", Annual_Revenue="1250.5")
    assert answer.status_code == 303
    account = answer.location.split("/accounts/")[1].split("?")[0]
    record = caller.record("Accounts", account)
    assert (record["Account_Name"], record["Employees"], record["Annual_Revenue"]) == ("Nova & Sons", 40, 1250.5)
    assert record["Created_By"]["name"] == "Patricia Boyle"
    assert ear.heard()["ids"] == [account]
    page = person.open(answer.location)
    assert "Nova &amp; Sons" in page
    assert "$1,250.50" in page
    assert "The record was created." in page


def test_only_what_a_person_changed_is_written(caller, person, acme, ear):
    caller.post("/crm/v8/actions/watch", {"watch": [{
        "channel_id": "1001", "events": ["Accounts.edit"], "notify_url": ear.url, "return_affected_field_values": True,
    }]})  # fmt: skip
    person.submit(f"/accounts/{acme}/edit", Phone="+44 20 7946", Fax="")
    assert ear.heard()["affected_fields"] == [{acme: ["Phone", "Fax"]}]
    record = caller.record("Accounts", acme)
    assert (record["Phone"], record["Fax"], record["Employees"]) == ("+44 20 7946", None, 12)


def test_what_a_sync_wrote_while_the_form_was_open_is_not_undone(caller, person, acme):
    form = form_of(person.open(f"/accounts/{acme}/edit"))
    caller.call("PUT", f"/crm/v8/Accounts/{acme}", {"data": [{"Employees": 99}]})
    form.values["Phone"] = "+44 20 7946"
    person.client.post(form.action, data=form.values)
    record = caller.record("Accounts", acme)
    assert (record["Phone"], record["Employees"]) == ("+44 20 7946", 99)


@pytest.mark.parametrize("collection", ["accounts", "contacts", "deals", "products"])
def test_saving_an_untouched_form_changes_nothing(crm, caller, person, collection):
    crm.sandbox.clock.skew_seconds = 5
    module = collection.capitalize()
    for record in caller.records(f"/crm/v8/{module}", fields="Modified_Time", per_page=6):
        answer = person.submit(f"/{collection}/{record['id']}/edit")
        assert "done=unchanged" in answer.location
        assert caller.record(module, record["id"])["Modified_Time"] == record["Modified_Time"]


@pytest.mark.parametrize(
    ("path", "typed", "sentence"),
    [
        ("/accounts/new", {"Phone": "1"}, "Account Name cannot be empty."),
        ("/contacts/new", {"Last_Name": "Ames", "Email": "ames@"}, "such as name@example.com"),
        ("/accounts/new", {"Account_Name": "A", "Employees": "a few"}, "Enter a whole number."),
        ("/accounts/new", {"Account_Name": "A", "Annual_Revenue": "1e5"}, "Enter a number."),
        ("/accounts/new", {"Account_Name": "x" * 121}, "120 characters or digits at most"),
        ("/deals/new", {"Deal_Name": "D", "Stage": "Qualification", "Closing_Date": "soon"}, "Enter a date."),
        ("/contacts/new", {"Last_Name": "Ames", "Account_Name": "Nobody Inc"}, "There is no account of this name."),
    ],
)  # fmt: skip
def test_what_is_refused_stands_at_its_field_and_keeps_what_was_typed(person, path, typed, sentence):
    answer = person.submit(path, **typed)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'aria-invalid="true"' in answer.text
    for value in typed.values():
        assert f'value="{value}"' in answer.text or f">{value}</option>" in answer.text


def test_several_mistakes_are_told_at_once(person):
    answer = person.submit("/deals/new", Amount="much")
    for sentence in ("Deal Name cannot be empty.", "Closing Date cannot be empty.", "Stage cannot be empty."):
        assert sentence in answer.text
    assert "Enter a number." in answer.text


def test_a_contact_finds_its_account_by_name_and_by_number_where_names_repeat(caller, person, acme):
    answer = person.submit("/contacts/new", Last_Name="Cole", Account_Name="acme ltd")
    contact = answer.location.split("/contacts/")[1].split("?")[0]
    assert caller.record("Contacts", contact)["Account_Name"]["id"] == acme

    twin = caller.insert("Accounts", Account_Name="Acme Ltd")
    answer = person.submit("/contacts/new", Last_Name="Dale", Account_Name="Acme Ltd")
    assert answer.status_code == 422
    assert f"Acme Ltd ({twin})" in answer.text
    answer = person.submit("/contacts/new", Last_Name="Dale", Account_Name=f"Acme Ltd ({twin})")
    contact = answer.location.split("/contacts/")[1].split("?")[0]
    assert caller.record("Contacts", contact)["Account_Name"]["id"] == twin
    assert "done=unchanged" in person.submit(f"/contacts/{contact}/edit").location


def test_a_contact_can_be_without_an_account_and_lose_the_one_it_has(caller, person, acme):
    contact = caller.records(f"/crm/v8/Accounts/{acme}/Contacts", fields="Last_Name")[0]["id"]
    assert person.submit(f"/contacts/{contact}/edit", Account_Name="").status_code == 303
    assert caller.record("Contacts", contact)["Account_Name"] is None


@pytest.mark.parametrize(
    ("label", "stage", "odds"), [("Mark as won", "Closed Won", 100), ("Mark as lost", "Closed Lost", 0)]
)
def test_a_deal_is_won_or_lost_with_one_button_and_billing_is_told(caller, person, acme, ear, label, stage, odds):
    watch = {"channel_id": "1001", "events": ["Deals.edit"], "notify_url": ear.url}
    caller.post("/crm/v8/actions/watch", {"watch": [watch]})
    deal = deal_of(caller)["id"]
    assert person.press(f"/deals/{deal}", label).status_code == 303
    assert ear.heard()["affected_fields"] == [{deal: ["Stage"]}]
    record = caller.record("Deals", deal)
    assert (record["Stage"], record["Probability"]) == (stage, odds)
    assert f">{label}</button>" not in person.open(f"/deals/{deal}")


def test_a_deal_moves_to_any_stage_of_the_pipeline_but_to_no_other(caller, person, acme):
    deal = deal_of(caller)["id"]
    person.client.post(f"/deals/{deal}/stage", data={"stage": "Id. Decision Makers"})
    assert caller.record("Deals", deal)["Stage"] == "Id. Decision Makers"
    assert "Identify Decision Makers" in person.open(f"/deals/{deal}")
    assert person.client.post(f"/deals/{deal}/stage", data={"stage": "Daydream"}).status_code == 400


def test_a_deleted_account_is_in_the_bin_and_its_contacts_stay(caller, person, acme):
    contact = caller.records(f"/crm/v8/Accounts/{acme}/Contacts", fields="Last_Name")[0]["id"]
    assert "Contacts: 2" in person.open(f"/accounts/{acme}/delete")
    person.press(f"/accounts/{acme}/delete", "Delete Account")
    assert caller.get(f"/crm/v8/Accounts/{acme}").status == 204
    assert caller.record("Contacts", contact)["Account_Name"] is None
    assert [one["id"] for one in caller.records("/crm/v8/Accounts/deleted", type="recycle")] == [acme]
    assert "Acme Ltd" in person.open("/recycle-bin")
    assert person.client.get(f"/accounts/{acme}").status_code == 404
    person.press("/recycle-bin", "Delete for good")
    assert [one["type"] for one in caller.records("/crm/v8/Accounts/deleted")] == ["permanent"]


def test_merging_keeps_the_survivors_values_fills_its_gaps_and_moves_everything(caller, person, acme):
    survivor = caller.insert("Accounts", Account_Name="Acme Limited", Employees=7)
    child = caller.insert("Accounts", Account_Name="Acme North", Parent_Account={"id": acme})
    answer = person.submit(f"/accounts/{survivor}/merge", duplicate="Acme Ltd")
    assert answer.status_code == 303
    record = caller.record("Accounts", survivor)
    assert (record["Account_Name"], record["Employees"], record["Fax"]) == ("Acme Limited", 7, "+44 1")
    assert len(caller.records(f"/crm/v8/Accounts/{survivor}/Contacts", fields="Last_Name")) == 2
    assert len(caller.records(f"/crm/v8/Accounts/{survivor}/Deals", fields="Deal_Name")) == 1
    assert len(caller.records(f"/crm/v8/Accounts/{survivor}/Invoices", fields="Subject")) == 1
    assert caller.record("Accounts", child)["Parent_Account"]["id"] == survivor
    assert [one["id"] for one in caller.records("/crm/v8/Accounts/deleted")] == [acme]


def test_merging_carries_a_number_that_no_two_records_may_share(caller, person, acme):
    field = {"field_label": "Billing Customer Id", "data_type": "text", "unique": {"case_sensitive": False}}
    assert caller.post("/crm/v8/settings/fields", {"fields": [field]}, module="Accounts").status == 201
    caller.call("PUT", f"/crm/v8/Accounts/{acme}", {"data": [{"Billing_Customer_Id": "C-9"}]})
    survivor = caller.insert("Accounts", Account_Name="Acme Limited")
    assert person.submit(f"/accounts/{survivor}/merge", duplicate=acme).status_code == 303
    assert caller.record("Accounts", survivor)["Billing_Customer_Id"] == "C-9"


def test_a_parent_merged_into_its_child_leaves_no_circle(caller, person, acme):
    child = caller.insert("Accounts", Account_Name="Acme North", Parent_Account={"id": acme})
    assert person.submit(f"/accounts/{child}/merge", duplicate="Acme Ltd").status_code == 303
    assert caller.record("Accounts", child)["Parent_Account"] is None


def test_a_record_is_not_merged_with_itself_or_with_nothing(caller, person, acme):
    answer = person.submit(f"/accounts/{acme}/merge", duplicate="Acme Ltd")
    assert answer.status_code == 422
    assert "cannot be merged with itself" in answer.text
    assert person.submit(f"/accounts/{acme}/merge", duplicate="Nobody").status_code == 422
    assert caller.record("Accounts", acme)["Account_Name"] == "Acme Ltd"


def test_two_contacts_can_be_merged(caller, person, acme):
    first, second = (
        one["id"] for one in caller.records(f"/crm/v8/Accounts/{acme}/Contacts", fields="Last_Name")
    )  # fmt: skip
    assert person.submit(f"/contacts/{first}/merge", duplicate=second).status_code == 303
    assert caller.get(f"/crm/v8/Contacts/{second}").status == 204


def test_a_list_is_paged_searched_and_narrowed_to_a_view(crm, caller, person):
    crm.seed(accounts=120, contacts_per_account=1)
    assert "51–100 of 120" in person.open("/accounts?page=2")
    assert "101–120 of 120" in person.open("/accounts?page=3")
    assert "beyond the last one" in person.open("/accounts?page=9")
    caller.insert("Accounts", Account_Name="Zzyzx & Co")
    assert "1–1 of 1" in person.open("/accounts?q=zyzx+%26")
    assert "No accounts match." in person.open("/accounts?q=zyzxq")
    view = caller.view_id("Accounts", "Customers in Europe")
    count = caller.get("/crm/v8/Accounts/actions/count", cvid=view).json()["count"]
    assert 0 < count < 120
    assert f"of {count}</span>" in person.open(f"/accounts?view={view}")


def test_related_records_beyond_the_first_few_are_one_link_away(caller, person, acme):
    for number in range(25):
        caller.insert("Contacts", Last_Name=f"Extra {number}", Account_Name={"id": acme})
    link = next(link for link in links_of(person.open(f"/accounts/{acme}")) if "related=" in link)
    page = person.open(link)
    assert "of 27" in page
    assert "Related to Acme Ltd" in page


def test_changes_are_made_in_the_name_of_whom_the_person_works_as(crm, caller, person, acme):
    rohan = next(member for member in crm.sandbox.members.values() if member.first_name == "Rohan")
    person.client.post(f"/setup/users/{rohan.id}/work-as")
    person.submit(f"/accounts/{acme}/edit", Phone="1")
    assert caller.record("Accounts", acme)["Modified_By"]["name"] == rohan.full_name
    person.client.post(f"/setup/users/{rohan.id}/status")
    person.submit(f"/accounts/{acme}/edit", Phone="2")
    assert caller.record("Accounts", acme)["Modified_By"]["name"] == "Patricia Boyle"


def test_transactions_show_their_items_and_totals_and_are_only_looked_at(caller, person, acme):
    invoice = caller.records("/crm/v8/Invoices", fields="Subject")[0]["id"]
    page = person.open(f"/invoices/{invoice}")
    for text in ("Anvil", "$10.50", "$31.50", "Grand Total"):
        assert text in page
    for path in (f"/invoices/{invoice}/edit", "/invoices/new", f"/invoices/{invoice}/delete", "/quotes/new"):
        assert person.client.get(path).status_code == 404
    assert person.client.post(f"/invoices/{invoice}/delete").status_code == 404


def test_numbers_billing_keeps_in_fields_of_its_own_stand_on_the_account(caller, person, acme):
    field = {"field_label": "Outstanding Receivables", "data_type": "currency"}
    caller.post("/crm/v8/settings/fields", {"fields": [field]}, module="Accounts")
    caller.call("PUT", f"/crm/v8/Accounts/{acme}", {"data": [{"Outstanding_Receivables": 1500}]})
    page = person.open(f"/accounts/{acme}")
    assert page.index("Outstanding Receivables") < page.index("$1,500.00")
    person.submit(f"/accounts/{acme}/edit", Outstanding_Receivables="20.25")
    assert caller.record("Accounts", acme)["Outstanding_Receivables"] == 20.25


def test_names_that_look_like_markup_are_only_text(caller, person):
    account = caller.insert("Accounts", Account_Name='<script>alert(1)</script>"x', Description="<b>bold</b>")
    for path in (f"/accounts/{account}", f"/accounts/{account}/edit", "/accounts", f"/accounts/{account}/merge"):
        assert "<script" not in person.open(path)
    assert "<b>bold" not in person.open(f"/accounts/{account}")


def test_the_log_shows_what_was_written_and_what_was_answered(caller, person, acme):
    caller.call("PUT", f"/crm/v8/Accounts/{acme}", {"data": [{"Employees": 4711, "Account_Name": ""}]})
    link = next(link for link in links_of(person.open("/traffic")) if link.startswith("/traffic/"))
    page = person.open(link)
    assert "4711" in page
    assert "MANDATORY_NOT_FOUND" in page
    assert "/crm/v8/Invoices" in person.open("/traffic?show=all")


def test_the_log_keeps_no_secrets_and_only_the_latest_writes(crm, caller, person):
    secrets = {"grant_type": "refresh_token", "client_id": "demo-client", "client_secret": "demo-secret"}
    person.client.post("/oauth/v2/token", data={**secrets, "refresh_token": "demo-refresh"})
    assert crm.sandbox.traffic.calls()[-1].path == "/oauth/v2/token"
    assert crm.sandbox.traffic.exchanges() == []
    for number in range(310):
        caller.call("PUT", "/crm/v8/Accounts/1", {"data": [{"Account_Name": f"{number}"}]})
    kept = crm.sandbox.traffic.exchanges()
    assert len(kept) == 300
    assert json.loads(kept[-1].sent)["data"][0]["Account_Name"] == "309"


def test_deliveries_and_channels_are_shown(caller, person, acme, ear):
    caller.post("/crm/v8/actions/watch", {"watch": [{
        "channel_id": "1001", "events": ["Deals.edit"], "notify_url": ear.url,
    }]})  # fmt: skip
    deal = deal_of(caller)["id"]
    person.press(f"/deals/{deal}", "Mark as won")
    ear.heard()
    page = person.open("/notifications")
    assert "127.0.0.1" in page
    assert "1001" in page
