"""Which types meet, and how values cross: one table per direction."""

from decimal import Decimal

import pytest

from zbweb.billing.words import CustomFieldType
from zbweb.sync.core.fields import FieldType
from zbweb.sync.core.fieldtypes import TYPES, Unmappable, can_read, can_write, to_crm


def test_every_type_of_custom_field_has_a_row():
    assert {str(each) for each in CustomFieldType} == {str(each) for each in FieldType} == {str(each) for each in TYPES}


@pytest.mark.parametrize(
    ("type_", "raw", "value"),
    [
        # text takes everything that can be read aloud
        (FieldType.TEXT, None, ""),
        (FieldType.TEXT, "  Acme  ", "Acme"),
        (FieldType.TEXT, {"name": "Acme", "id": "1"}, "Acme"),
        (FieldType.TEXT, ["Red", "Blue"], "Red; Blue"),
        (FieldType.TEXT, True, "Yes"),
        (FieldType.TEXT, 12, "12"),
        # numbers, in one notation
        (FieldType.NUMBER, None, None),
        (FieldType.NUMBER, 12, 12),
        (FieldType.NUMBER, "12", 12),
        (FieldType.DECIMAL, Decimal("10.50"), "10.5"),
        (FieldType.DECIMAL, Decimal("1E+3"), "1000"),
        (FieldType.DECIMAL, Decimal("-0"), "0"),
        # days
        (FieldType.DATE, "2026-11-23", "2026-11-23"),
        (FieldType.DATE, "2026-11-23T10:00:00+05:30", "2026-11-23"),
        (FieldType.DATE, "", None),
        # yes and no
        (FieldType.BOOLEAN, None, False),
        (FieldType.BOOLEAN, True, True),
    ],
)
def test_a_crm_value_becomes_ours(type_, raw, value):
    assert TYPES[type_].parse(raw) == value


@pytest.mark.parametrize(
    ("type_", "raw"),
    [
        (FieldType.NUMBER, "twelve"),
        (FieldType.NUMBER, Decimal("1.5")),
        (FieldType.DECIMAL, "NaN"),
        (FieldType.DATE, "tomorrow"),
        (FieldType.BOOLEAN, "maybe"),
    ],
)
def test_a_value_that_does_not_fit_says_so(type_, raw):
    with pytest.raises(Unmappable, match=str(raw)):
        TYPES[type_].parse(raw)


@pytest.mark.parametrize("type_", FieldType)
def test_parsing_our_own_value_again_changes_nothing(type_):
    samples = {FieldType.NUMBER: 5, FieldType.DECIMAL: "1.5", FieldType.DATE: "2026-01-02", FieldType.BOOLEAN: True}
    value = samples.get(type_, "some text")
    assert TYPES[type_].parse(value) == value


@pytest.mark.parametrize(
    ("value", "crm_type", "sent"),
    [
        ("Acme", "text", "Acme"),
        ("", "text", None),
        (None, "date", None),
        (12, "integer", 12),
        ("10.5", "currency", Decimal("10.5")),
        (True, "boolean", True),
        (12, "text", "12"),
    ],
)
def test_our_value_becomes_the_crms(value, crm_type, sent):
    assert to_crm(value, crm_type) == sent


def test_what_the_crm_computes_is_read_but_never_written():
    for crm_type in ("formula", "autonumber", "lookup", "ownerlookup"):
        assert can_read(FieldType.TEXT, crm_type)
        assert not can_write(FieldType.TEXT, crm_type)


def test_a_date_does_not_meet_a_number():
    assert not can_read(FieldType.DATE, "integer")
    assert not can_read(FieldType.NUMBER, "text")
