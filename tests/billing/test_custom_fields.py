"""Custom fields: their keys, what their types hold, and how their values travel with a customer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.customers import make_customer
from zbweb.billing import custom_fields, customers, journal
from zbweb.billing.custom_fields import FieldDraft
from zbweb.billing.custom_values import parse
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import CustomField
from zbweb.billing.words import CustomFieldType
from zbweb.db import unit_of_work
from zbweb.errors import Invalid, NotFound


@pytest.fixture
def work(asha):
    """An open unit of work for Asha's organisation."""
    with unit_of_work() as session:
        yield session


def field_of(type, choices=()):
    return CustomField(label="Field", key="field", type=type, choices=list(choices))


@pytest.mark.parametrize(
    ("type", "typed", "stored"),
    [
        ("text", "  VIP ", "VIP"),
        ("text", "   ", None),
        ("text", None, None),
        ("long_text", "one\ntwo", "one\ntwo"),
        ("number", "1,200", 1200),
        ("number", 7, 7),
        ("number", "3.0", 3),
        ("decimal", "0012.500", "12.5"),
        ("decimal", "1000", "1000"),
        ("date", "2026-02-28", "2026-02-28"),
        ("date", "2026-02-28T10:00:00+01:00", "2026-02-28"),
        ("boolean", "yes", True),
        ("boolean", False, False),
        ("choice", "GOLD", "Gold"),
        ("email", "a@b.example", "a@b.example"),
        ("phone", "+1 555 0100", "+1 555 0100"),
        ("url", "example.com/x", "https://example.com/x"),
    ],
)
def test_a_value_is_stored_as_its_type_says(type, typed, stored):
    assert parse(field_of(type, ["Gold", "Silver"]), typed) == stored


@pytest.mark.parametrize(
    ("type", "typed"),
    [
        ("text", "x" * 256),
        ("number", "3.5"),
        ("number", "many"),
        ("decimal", "NaN"),
        ("decimal", "1e99"),
        ("date", "31.02.2026"),
        ("boolean", "perhaps"),
        ("choice", "Bronze"),
        ("email", "nobody"),
        ("url", "not a page"),
    ],
)
def test_a_value_of_another_type_is_refused_with_the_fields_name(type, typed):
    with pytest.raises(Invalid, match="Field"):
        parse(field_of(type, ["Gold"]), typed)


def test_every_type_has_a_label_and_holds_nothing_when_nothing_is_given():
    assert set(custom_fields.TYPE_LABELS) == set(CustomFieldType)
    assert {parse(field_of(each), "") for each in CustomFieldType} == {None}


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6))
def test_a_stored_decimal_read_again_is_the_same(value):
    stored = parse(field_of("decimal"), value)
    assert parse(field_of("decimal"), stored) == stored


def test_keys_come_from_labels_and_never_collide(work):
    labels = ("Account Tier!", "Account: Tier", "Größe", "第一")
    made = [custom_fields.create(work, FieldDraft(label), actor=SYSTEM) for label in labels]
    assert [field.key for field in made] == ["cf_account_tier", "cf_account_tier_2", "cf_grosse", "cf_field"]
    assert [field.label for field in custom_fields.active(work)] == list(labels)


@pytest.mark.parametrize(
    ("draft", "wrong"),
    [
        (FieldDraft(" "), "label"),
        (FieldDraft("TIER"), "label"),
        (FieldDraft("New", type="colour"), "type"),
        (FieldDraft("New", type="choice", choices=(" ",)), "choices"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused(work, draft, wrong):
    custom_fields.create(work, FieldDraft("Tier"), actor=SYSTEM)
    with pytest.raises(Invalid) as refusal:
        custom_fields.create(work, draft, actor=SYSTEM)
    assert list(refusal.value.fields) == [wrong]


def test_the_same_label_may_stand_on_another_record(work):
    custom_fields.create(work, FieldDraft("Tier"), actor=SYSTEM)
    assert custom_fields.create(work, FieldDraft("Tier", entity="contact_person"), actor=SYSTEM).key == "cf_tier"


def test_an_edit_keeps_key_and_type(work):
    field = custom_fields.create(work, FieldDraft("Tier", type="choice", choices=("Gold",)), actor=SYSTEM)
    draft = FieldDraft("Level", type="text", choices=("Gold", "Silver", "Gold"))
    custom_fields.edit(work, field, draft, actor=SYSTEM)
    assert (field.label, field.key, field.type, field.choices) == ("Level", "cf_tier", "choice", ["Gold", "Silver"])


def test_an_inactive_field_is_not_offered_and_keeps_its_values(work):
    field = custom_fields.create(work, FieldDraft("Tier"), actor=SYSTEM)
    customer = make_customer(work, custom={"cf_tier": "Gold"})
    custom_fields.set_active(work, field, active=False, actor=SYSTEM)
    assert custom_fields.active(work) == []
    assert customer.custom == {"cf_tier": "Gold"}
    custom_fields.set_active(work, field, active=True, actor=SYSTEM)
    assert custom_fields.active(work) == [field]


def test_a_customers_custom_values_are_parsed_journalled_and_cleared(work, asha):
    custom_fields.create(work, FieldDraft("Seats", type="number"), actor=SYSTEM)
    customer = make_customer(work, custom={"cf_seats": "12"})
    assert customer.custom == {"cf_seats": 12}
    customers.change(work, customer, values={"custom.cf_seats": ""}, actor=asha.actor)
    assert customer.custom == {}
    work.flush()
    assert journal.history(work, "customer", customer.id)[0].changes == {"custom.cf_seats": [12, None]}


def test_a_stranger_cannot_reach_our_fields(asha, dora):
    from zbweb.db import work_for

    with unit_of_work() as session:
        work_for(session, asha.organisation_id)
        field = custom_fields.create(session, FieldDraft("Tier"), actor=SYSTEM)
    with unit_of_work() as session:
        work_for(session, dora.organisation_id)
        with pytest.raises(NotFound):
            custom_fields.find(session, field.id)


@pytest.mark.parametrize(
    ("value", "is_linked"),
    [("https://acme.example/a", True), ("javascript:alert(1)", False), (" javascript:https://x", False), (7, False)],
)
def test_only_web_addresses_are_shown_as_links(app, value, is_linked):
    fields = [field_of(CustomFieldType.URL)]
    shown = app.jinja_env.get_template("customers/_custom.html").render(fields=fields, custom={"field": value})
    assert ("href=" in shown, str(value).strip() in shown) == (is_linked, True)
