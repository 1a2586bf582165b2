"""The settings' pages: each saves what was typed, keeps what was refused, and is the admin's alone."""

import pytest
from sqlalchemy import select

from zbweb.billing.books import own
from zbweb.billing.models import CustomField, JournalEntry, Membership, NumberSeries, PaymentTerm, Tax
from zbweb.billing.settings import prepare_organisation
from zbweb.db import db, unit_of_work

PAGES = [
    "/settings", "/settings/organisation", "/settings/users", "/settings/users/new", "/settings/users/1",
    "/settings/taxes", "/settings/taxes/new", "/settings/payment-terms", "/settings/payment-terms/new",
    "/settings/number-series", "/settings/number-series/invoices", "/settings/custom-fields",
    "/settings/custom-fields/new",
]  # fmt: skip


@pytest.fixture
def admin(asha):
    """Asha, whose organisation has what a new one begins with."""
    with unit_of_work() as session:
        prepare_organisation(session, own(session))
    return asha


def one(model, **values):
    db.session.expire_all()
    return db.session.scalars(select(model).filter_by(**values)).one()


@pytest.mark.parametrize("path", PAGES)
def test_a_settings_page_is_the_admins_alone(admin, ben, chen, path):
    assert admin.get(path).status_code == 200
    assert ben.get(path).status_code == 403
    assert chen.get(path).status_code == 403


def test_a_signed_out_visitor_is_sent_to_the_log_in(client):
    assert client.get("/settings/taxes").location.startswith("/login")


def test_the_front_page_leads_everywhere(admin):
    page = admin.get("/settings").text
    for path in ("organisation", "users", "taxes", "payment-terms", "number-series", "custom-fields"):
        assert f'href="/settings/{path}"' in page


def test_integrations_leads_to_its_card_on_the_front_page(admin):
    page = admin.get("/settings").text
    assert 'href="/settings#integrations">Integrations</a>' in page
    assert 'id="integrations"' in page


def test_the_organisations_profile_is_saved(admin):
    profile = {"name": "Zylker AG", "base_currency": "EUR", "time_zone": "Europe/Zurich", "country": "CH",
               "tax_rounding": "document", "address": "Limmatquai 1\nZürich", "email": "hi@zylker.example"}  # fmt: skip
    assert admin.post("/settings/organisation", profile).location == "/settings/organisation"
    page = admin.get("/settings/organisation").text
    for words in ("Zylker AG", "Limmatquai 1", 'selected value="CH"', 'selected value="Europe/Zurich"'):
        assert words in page


def test_a_custom_field_is_made_renamed_and_deactivated(admin):
    answer = admin.post("/settings/custom-fields/new", {"label": "Account Site", "type": "text", "entity": "customer"})
    assert answer.location == "/settings/custom-fields"
    field = one(CustomField)
    assert "Account Site" in admin.get("/customers/new").text
    edited = {"label": "Site", "type": "text", "entity": "customer"}
    admin.post(f"/settings/custom-fields/{field.id}/edit", edited)
    assert "Site" in admin.get("/settings/custom-fields").text
    admin.post(f"/settings/custom-fields/{field.id}/active", {"active": "0"})
    admin.get("/settings")  # shows the message of what was done
    assert "Site" not in admin.get("/customers/new").text
    assert one(CustomField).key == "cf_account_site"


def test_a_custom_field_needs_no_more_than_label_and_type(admin):
    page = admin.post("/settings/custom-fields/new", {"label": "", "type": "choice", "entity": "customer"})
    assert page.status_code == 422
    assert "Enter a label" in page.text
    page = admin.post("/settings/custom-fields/new", {"label": "Tier", "type": "choice", "entity": "customer"})
    assert "A drop-down needs choices" in page.text
    tier = {"label": "Tier", "type": "choice", "entity": "customer", "choices": "Gold\r\nSilver\r\n"}
    assert admin.post("/settings/custom-fields/new", tier).status_code == 303
    assert one(CustomField).choices == ["Gold", "Silver"]


def test_a_tax_is_made_changed_and_deactivated(admin):
    assert admin.post("/settings/taxes/new", {"name": "VAT", "rate": "7.25"}).location == "/settings/taxes"
    tax = one(Tax)
    admin.post(f"/settings/taxes/{tax.id}/edit", {"name": "VAT", "rate": "7.5"})
    assert "7.5%" in admin.get("/settings/taxes").text
    admin.post(f"/settings/taxes/{tax.id}/active", {"active": "0"})
    assert "Activate" in admin.get("/settings/taxes").text
    answer = admin.post("/settings/taxes/new", {"name": "vat", "rate": "101"})
    assert answer.status_code == 422
    assert "There is a tax vat already" in answer.text
    assert "from 0 to 100" in answer.text


def test_payment_terms_are_made_made_the_default_and_deleted(admin):
    made = {"name": "Net 7", "kind": "net", "days": "7", "is_default": "y"}
    assert admin.post("/settings/payment-terms/new", made).location == "/settings/payment-terms"
    assert one(PaymentTerm, is_default=True).name == "Net 7"
    old = one(PaymentTerm, name="Due on Receipt")
    assert admin.post(f"/settings/payment-terms/{old.id}/delete").status_code == 303
    refused = admin.post(f"/settings/payment-terms/{one(PaymentTerm, name='Net 7').id}/delete")
    assert refused.status_code == 409
    assert "is the default" in refused.text


def test_a_number_series_is_changed(admin):
    assert "INV-000001" in admin.get("/settings/number-series").text
    changed = {"prefix": "R-", "next_number": "40", "padding": "3"}
    assert admin.post("/settings/number-series/invoices", changed).location == "/settings/number-series"
    assert "R-040" in admin.get("/settings/number-series").text
    assert one(NumberSeries, kind="invoices").next_number == 40
    assert admin.post("/settings/number-series/invoices", changed | {"padding": "99"}).status_code == 422
    assert admin.get("/settings/number-series/receipts").status_code == 404


def test_a_user_is_added_given_a_role_and_deactivated(admin, app):
    eva = {"name": "Eva Lund", "email": "eva@x.example", "role": "finance", "password": "ten letters"}
    assert admin.post("/settings/users/new", eva).location == "/settings/users"
    member = one(Membership, role="finance")
    assert "Eva Lund" in admin.get("/settings/users").text
    admin.post(f"/settings/users/{member.id}", {"role": "sales"})
    assert one(Membership, id=member.id).role == "sales"
    assert admin.post(f"/settings/users/{member.id}/active", {"active": "0"}).status_code == 303
    assert not one(Membership, id=member.id).active


def test_adding_somebody_who_has_an_account_elsewhere_does_not_tell_their_name(admin, dora):
    typed = {"name": "D. from Other", "email": "dora@other.example", "role": "sales"}
    assert admin.post("/settings/users/new", typed).status_code == 303
    with admin.client.session_transaction() as cookie:
        assert cookie["_flashes"] == [("success", "D. from Other can sign in now.")]
    assert one(JournalEntry, entity="membership").changes["user"] == ["", "D. from Other"]
    for path in ("/settings/users", f"/settings/users/{one(Membership, name='D. from Other').id}"):
        page = admin.get(path).text
        assert ("D. from Other" in page, "Dora" in page) == (True, False)


def test_the_last_admin_cannot_give_the_role_away(admin):
    mine = one(Membership)
    answer = admin.post(f"/settings/users/{mine.id}", {"role": "sales"})
    assert answer.status_code == 409
    assert "only admin" in answer.text
    assert admin.post(f"/settings/users/{mine.id}/active", {"active": "0"}).status_code == 409


def test_a_refused_user_keeps_what_was_typed_but_not_the_password(admin):
    answer = admin.post(
        "/settings/users/new", {"name": "Eva", "email": "eva@x.example", "role": "sales", "password": "tooshort!"}
    )
    assert answer.status_code == 422
    assert 'value="eva@x.example"' in answer.text
    assert "at least 10 characters" in answer.text
    assert "tooshort!" not in answer.text


def test_strangers_settings_are_out_of_reach(admin, dora):
    admin.post("/settings/taxes/new", {"name": "VAT", "rate": "7"})
    assert dora.get(f"/settings/taxes/{one(Tax).id}/edit").status_code == 404
    assert "VAT" not in dora.get("/settings/taxes").text
