"""The customers' pages, opened as people would, without JavaScript."""

import re
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import event, select

from tests.factories.both_sides import bill
from tests.factories.customers import make_customer
from tests.factories.links import make_connection, make_link
from zbweb.billing import contact_persons, custom_fields, customers
from zbweb.billing.contact_persons import PersonDraft
from zbweb.billing.custom_fields import FieldDraft
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer, Transaction
from zbweb.db import db, unit_of_work
from zbweb.sync.models import Link

ACME = {"type": "business", "company_name": "Acme Ltd", "email": "ann@acme.example", "currency": "USD"}


def saved(customer_id):
    db.session.expire_all()
    return customers.find(db.session(), customer_id)


def id_of(answer):
    assert answer.status_code == 303, answer.text
    return int(re.fullmatch(r"/customers/(\d+)", answer.location)[1])


def given(**values):
    with unit_of_work() as session:
        return make_customer(session, **values).id


def test_a_new_customer_lands_on_its_page(ben):
    customer_id = id_of(ben.post("/customers/new", ACME | {"phone": "+1 555 0100", "notes": "Pays by cheque"}))
    page = ben.get(f"/customers/{customer_id}").text
    for words in (
        "Acme Ltd",
        "ann@acme.example",
        "+1 555 0100",
        "Pays by cheque",
        "Ben Okafor",
        "created the customer",
    ):
        assert words in page


@pytest.mark.parametrize(
    "label",
    ["Customer Type", "Business", "Individual", "Customer Display Name", "Company Name", "First Name", "Last Name",
     "Email", "Phone", "Contact Persons", "Currency", "Payment Terms", "Billing Street", "Shipping Country", "Notes"],
)  # fmt: skip
def test_the_form_uses_the_words_people_look_for(ben, label):
    assert f">{label}<" in ben.get("/customers/new").text


def test_a_refused_form_keeps_what_was_typed_and_says_why(ben):
    answer = ben.post("/customers/new", {"type": "individual", "email": "nobody", "notes": "typed", "currency": "USD"})
    assert answer.status_code == 422
    assert "Enter an e-mail address" in answer.text
    assert ">typed<" in answer.text.replace("\r\n", "").replace("\n", "")
    assert db.session.scalars(select(Customer)).all() == []


def test_a_customer_without_any_name_is_refused_at_the_display_name(ben):
    answer = ben.post("/customers/new", {"type": "business", "currency": "USD"})
    assert answer.status_code == 422
    assert 'id="display_name-error"' in answer.text


def test_contact_persons_are_added_and_removed_by_buttons(ben):
    row = {"contact_persons-0-first_name": "Ann", "contact_persons-0-email": "ann@acme.example"}
    page = ben.post("/customers/new", ACME | row | {"add_person": "1"})
    assert page.status_code == 200
    assert 'name="contact_persons-1-first_name"' in page.text
    rows = row | {"contact_persons-1-first_name": "Bob", "contact_persons-2-last_name": ""}
    page = ben.post("/customers/new", ACME | rows | {"remove_person": "contact_persons-0"})
    assert "contact_persons-0-first_name" not in page.text
    customer_id = id_of(ben.post("/customers/new", ACME | rows))
    assert [person.first_name for person in saved(customer_id).contact_persons] == ["Ann", "Bob"]


def test_only_the_rows_are_swapped_when_htmx_adds_one(ben):
    page = ben.post("/customers/new", ACME | {"add_person": "1"}, headers={"HX-Request": "true"}).text
    assert "contact_persons-0-first_name" in page
    assert "<html" not in page
    assert 'name="company_name"' not in page


def test_the_billing_address_is_copied_by_a_button(ben):
    page = ben.post("/customers/new", ACME | {"billing_city": "Oslo", "copy_address": "1"}).text
    assert re.search(r'name="shipping_city"[^>]*value="Oslo"', page)


def test_an_edit_shows_what_is_saved_and_saves_what_is_typed(ben):
    customer_id = id_of(ben.post("/customers/new", ACME | {"contact_persons-0-first_name": "Ann"}))
    person = saved(customer_id).contact_persons[0]
    page = ben.get(f"/customers/{customer_id}/edit").text
    assert re.search(r'name="version"[^>]*value="1"', page)
    assert re.search(rf'name="contact_persons-0-id"[^>]*value="{person.id}"', page)
    changed = ACME | {"display_name": "Acme Ltd", "version": "1", "phone": "7", "contact_persons-0-id": person.id,
                      "contact_persons-0-first_name": "Anna"}  # fmt: skip
    assert id_of(ben.post(f"/customers/{customer_id}/edit", changed)) == customer_id
    customer = saved(customer_id)
    assert (customer.phone, customer.contact_persons[0].first_name) == ("7", "Anna")
    assert "changed First Name of the contact person Anna" in ben.get(f"/customers/{customer_id}/activity").text


def test_a_second_editor_keeps_the_typing_and_hears_of_the_first(ben):
    customer_id = id_of(ben.post("/customers/new", ACME))
    ben.post(f"/customers/{customer_id}/edit", ACME | {"display_name": "Acme Ltd", "version": "1", "phone": "first"})
    answer = ben.post(f"/customers/{customer_id}/edit", ACME | {"version": "1", "phone": "second"})
    assert answer.status_code == 409
    assert "Somebody else saved" in answer.text
    assert 'value="second"' in answer.text
    assert saved(customer_id).phone == "first"


def test_custom_fields_stand_in_the_form_and_on_the_page(asha):
    with unit_of_work() as session:
        for draft in (FieldDraft("Seats", type="number"), FieldDraft("VIP", type="boolean"),
                      FieldDraft("Tier", type="choice", choices=("Gold",))):  # fmt: skip
            custom_fields.create(session, draft, actor=SYSTEM)
    refused = asha.post("/customers/new", ACME | {"custom-cf_seats": "many"})
    assert refused.status_code == 422
    assert "Seats needs a number" in refused.text
    customer_id = id_of(asha.post("/customers/new", ACME | {"custom-cf_seats": "12", "custom-cf_tier": "Gold"}))
    assert saved(customer_id).custom == {"cf_seats": 12, "cf_tier": "Gold"}
    page = asha.get(f"/customers/{customer_id}").text
    assert re.search(r"<dt>Seats</dt>\s*<dd>\s*12", page)
    same = ACME | {"display_name": "Acme Ltd", "custom-cf_seats": "12", "custom-cf_tier": "Gold"}
    asha.post(f"/customers/{customer_id}/edit", same)
    assert saved(customer_id).version == 1


def test_two_customers_of_one_name_are_mentioned(ben):
    ben.post("/customers/new", ACME)
    customer_id = id_of(ben.post("/customers/new", ACME))
    assert "another customer named Acme Ltd" in ben.get(f"/customers/{customer_id}").text


def test_a_customer_is_marked_inactive_and_active_again(ben):
    customer_id = given()
    ben.post(f"/customers/{customer_id}/active", {"active": "0"})
    assert "Mark as Active" in ben.get(f"/customers/{customer_id}").text
    ben.post(f"/customers/{customer_id}/active", {"active": "1"})
    assert saved(customer_id).active


def test_a_deleted_customer_is_gone_and_its_link_archived(ben):
    with unit_of_work() as session:
        customer = make_customer(session)
        make_link(session, make_connection(session), customer)
    assert ben.post(f"/customers/{customer.id}/delete").location == "/customers"
    assert ben.get(f"/customers/{customer.id}").status_code == 404
    assert db.session.scalars(select(Link.reason)).all() == ["deleted_here"]


def test_the_transactions_tab_lists_every_kind_newest_first(ben):
    with unit_of_work() as session:
        customer, other = make_customer(session), make_customer(session, display_name="Other")
        for number, (kind, whose) in enumerate([("quotes", customer), ("invoices", customer), ("invoices", other)], 1):
            session.add(
                Transaction(
                    organisation_id=customer.organisation_id, kind=kind, number=f"N-{number}", customer_id=whose.id,
                    currency="USD", date=date(2026, 1, number), total=Decimal(7),
                )
            )  # fmt: skip
    page = ben.get(f"/customers/{customer.id}/transactions").text
    assert re.findall(r">(N-\d)<", page) == ["N-2", "N-1"]
    assert "No transactions yet" in ben.get(f"/customers/{given()}/transactions").text


class TestList:
    def test_it_pages_with_next_and_previous(self, ben):
        with unit_of_work() as session:
            for number in range(30):
                make_customer(session, display_name=f"Customer {number:02}")
        first = ben.get("/customers").text
        assert "25 of 30 customers" in first
        onward = re.search(r'href="([^"]*after=[^"]*)"[^>]*>Next', first)[1]
        second = ben.get(onward).text
        assert "Customer 24" in first
        assert "Customer 24" not in second
        assert "Customer 29" in second
        back = re.search(r'href="([^"]*before=[^"]*)"[^>]*>Previous', second)[1]
        assert "Customer 00" in ben.get(back).text

    def test_the_drop_down_leads_to_crm_customers(self, ben):
        with unit_of_work() as session:
            make_link(session, make_connection(session), make_customer(session, display_name="From CRM Ltd"))
            make_customer(session, display_name="From here Ltd")
        page = ben.get("/customers").text
        assert "All Customers" in page
        assert "From here Ltd" in page
        page = ben.get(re.search(r'href="([^"]*)">CRM Customers<', page)[1]).text
        assert "From CRM Ltd" in page
        assert "From here Ltd" not in page

    def test_a_search_by_htmx_answers_rows_only(self, ben):
        given(display_name="Beta")
        given(display_name="Alpha")
        page = ben.get("/customers?q=alp", headers={"HX-Request": "true"}).text
        assert "Alpha" in page
        assert "Beta" not in page
        assert "<html" not in page

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("/customers", "No customers yet"),
            ("/customers?q=x", "No customer matches"),
            ("/customers?view=crm", "No customers from Zoho CRM yet"),
            ("/customers?view=inactive", "Nobody here"),
            ("/customers?view=nonsense&after=x&sort=y", "No customers yet"),
        ],
    )
    def test_an_empty_list_says_why(self, ben, path, words):
        assert words in ben.get(path).text

    def test_a_strangers_customers_are_not_in_it(self, ben, dora):
        with unit_of_work() as session:
            from zbweb.db import work_for

            work_for(session, ben.organisation_id)
            customer = make_customer(session, display_name="Ours alone")
        assert "Ours alone" in ben.get("/customers").text
        assert "Ours alone" not in dora.get("/customers").text
        for path in ("", "/edit", "/activity", "/link"):
            assert dora.get(f"/customers/{customer.id}{path}").status_code == 404
        for path in ("/edit", "/active", "/delete", "/unlink", "/link", "/fetch"):
            assert dora.post(f"/customers/{customer.id}{path}", {"crm_id": "1"}).status_code in (303, 404)
        db.session.expire_all()
        work_for(db.session(), ben.organisation_id)
        assert saved(customer.id).version == 1

    @pytest.mark.parametrize("path", ["/customers", "/customers?view=crm&q=a&sort=-email", "/customers/{id}",
                                      "/customers/{id}/edit", "/customers/{id}/activity",
                                      "/customers/{id}/transactions"])  # fmt: skip
    @pytest.mark.parametrize("which", [0, 1], ids=["not linked", "linked"])
    def test_no_page_runs_more_than_twelve_queries(self, ben, path, which):
        with unit_of_work() as session:
            connection = make_connection(session)
            made = [make_customer(session, display_name=f"A{number}") for number in range(26)]
            for customer in made[1:]:
                make_link(session, connection, customer)
            for customer in made[:2]:
                contact_persons.add(session, customer, PersonDraft(last_name="Ames"), actor=SYSTEM)
        queries = []
        event.listen(db.engine, "before_cursor_execute", lambda *call: queries.append(call[2]))
        assert ben.get(path.format(id=made[which].id)).status_code == 200
        selects = [query for query in queries if query.startswith("SELECT")]
        assert len(selects) <= 12, "\n".join(selects)


class TestBulk:
    def test_chosen_customers_get_the_ticked_values_only(self, ben):
        ids = [given(display_name=name, website="keep.example") for name in "ABC"]
        page = ben.post("/customers/bulk", {"ids": ids[:2], "action": "update"})
        assert "2 customers" in page.text
        assert page.text.count('name="ids"') == 2
        assert 'selected value="USD"' in page.text
        data = {"ids": ids[:2], "change_billing_country": "y", "billing_country": "Norway", "website": "no"}
        answer = ben.post("/customers/bulk/update", data | {"currency": "USD"})
        assert answer.location == "/customers"
        assert [saved(each).billing_country for each in ids] == ["Norway", "Norway", ""]
        assert {saved(each).website for each in ids} == {"keep.example"}
        assert "2 customers are changed" in ben.get("/customers").text

    def test_custom_fields_can_be_ticked_too(self, asha):
        with unit_of_work() as session:
            custom_fields.create(session, FieldDraft("Seats", type="number"), actor=SYSTEM)
        customer_id = given()
        data = {"ids": [customer_id], "currency": "USD", "change_cf_seats": "y", "cf_seats": "5"}
        assert asha.post("/customers/bulk/update", data).status_code == 303
        assert saved(customer_id).custom == {"cf_seats": 5}

    def test_ticking_nothing_is_refused(self, ben):
        answer = ben.post("/customers/bulk/update", {"ids": [given()], "currency": "USD"})
        assert answer.status_code == 422
        assert "Tick at least one field" in answer.text

    def test_one_comes_back_to_the_list_that_was_searched(self, ben):
        shown = {"ids": [given()], "view": "crm", "q": "acme"}
        assert ben.post("/customers/bulk", shown | {"action": "inactive"}).location == "/customers?view=crm&q=acme"
        form = ben.post("/customers/bulk", shown | {"action": "update"}).text
        assert 'name="view" value="crm"' in form
        assert 'name="q" value="acme"' in form

    def test_whoever_is_left_as_it_is_is_counted_by_the_reason(self, ben):
        ids = [given(display_name=f"Busy {number}") for number in range(1, 13)]
        for customer_id in ids:
            bill(customer_id)
        data = {"change_currency": "y", "currency": "EUR"}
        ben.post("/customers/bulk/update", data | {"ids": [*ids, given(display_name="Idle")]})
        page = ben.get("/customers").text
        assert "1 customer is changed." in page
        assert "12 customers (Busy 1, Busy 2, Busy 3, Busy 4, Busy 5 and 7 more) were left as they are." in page
        ben.post("/customers/bulk/update", data | {"ids": ids[:1]})
        assert "Busy 1 was left as it is. The currency cannot change any more" in ben.get("/customers").text

    def test_a_value_that_is_typed_ticks_its_field(self, ben):
        page = ben.post("/customers/bulk", {"ids": [given()], "action": "update", "view": "crm"}).text
        assert re.search(r'name="billing_city"[^>]*data-chooses="change_billing_city"|'
                         r'data-chooses="change_billing_city"[^>]*name="billing_city"', page)  # fmt: skip
        assert 'id="change_billing_city"' in page
        assert 'href="/customers?view=crm"' in page

    def test_choosing_nobody_is_refused(self, ben):
        assert ben.post("/customers/bulk", {"action": "inactive"}).status_code == 422

    def test_everybody_the_list_finds_can_be_chosen_at_once(self, ben):
        ids = [given(display_name=name) for name in ("Alpha", "Alps", "Beta")]
        ben.post(
            "/customers/bulk", {"ids": ids[:1], "everything": "1", "q": "alp", "view": "all", "action": "inactive"}
        )
        assert [saved(each).active for each in ids] == [False, False, True]


class TestLink:
    def linked(self):
        with unit_of_work() as session:
            customer = make_customer(session)
            make_link(session, make_connection(session), customer)
            return customer.id

    def test_the_inspector_names_the_record_and_offers_what_can_be_done(self, ben):
        page = ben.get(f"/customers/{self.linked()}").text
        for words in ("Acme in the CRM", "Accounts", "Last synced", "Re-fetch", "Unlink"):
            assert words in page

    def test_unlink_parts_the_two(self, ben):
        customer_id = self.linked()
        assert ben.post(f"/customers/{customer_id}/unlink").location == f"/customers/{customer_id}"
        page = ben.get(f"/customers/{customer_id}").text
        assert "Link to…" in page
        assert "unlinked the customer from Acme in the CRM" in page

    def test_without_a_connection_there_is_nothing_to_link_to(self, ben):
        page = ben.get(f"/customers/{given()}").text
        assert "Zoho CRM is not connected" in page
        assert "Link to…" not in page
        assert "Zoho CRM is not connected" in ben.get(f"/customers/{given()}/link").text
