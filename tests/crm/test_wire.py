"""JSON and times on the CRM's wire: no amount becomes a float, no moment loses its zone."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zbweb.crm.wire import decode, encode, parse_http_date, parse_time, time_text

INDIA = timezone(timedelta(hours=5, minutes=30))

scalars = (
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False, places=6)
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(values)
def test_what_is_written_is_read_back_unchanged(value):
    assert decode(encode(value).encode()) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**15), max_value=10**15))
def test_an_amount_keeps_every_digit(amount):
    assert Decimal(encode(amount)) == amount


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # numbers, digit for digit
        (Decimal("12345678901234567890.12"), "12345678901234567890.12"),
        (Decimal("1E+3"), "1000"),
        (Decimal("85000"), "85000"),
        (True, "true"),
        # moments in UTC and whole seconds, days as they are
        (datetime(2026, 11, 23, 10, 0, 0, 999999, tzinfo=INDIA), '"2026-11-23T04:30:00+00:00"'),
        (date(2026, 9, 30), '"2026-09-30"'),
        # structures
        ({"trigger": [], "data": [{"Name": "Ä"}]}, '{"trigger":[],"data":[{"Name":"\\u00c4"}]}'),
        (("a", 1), '["a",1]'),
    ],
)
def test_encode(value, text):
    assert encode(value) == text


@pytest.mark.parametrize("value", [1.5, {1, 2}, object(), b"bytes"])
def test_what_has_no_place_in_a_record_is_refused(value):
    with pytest.raises(TypeError, match="has no place in a CRM record"):
        encode({"data": [value]})


def test_numbers_with_a_fraction_are_read_as_decimals():
    assert decode(b'{"Amount": 0.1, "Count": 3}') == {"Amount": Decimal("0.1"), "Count": 3}


@pytest.mark.parametrize("text", [b"", b"<html>", b'{"a": NaN}', b'{"a": 1', b"\xff\xfe"])
def test_what_is_not_json_is_refused(text):
    with pytest.raises(ValueError, match=r"Expecting|NaN|decode"):
        decode(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T10:00:00+05:30", datetime(2026, 11, 23, 4, 30, tzinfo=UTC)),
        ("2026-11-22T20:00:00-11:00", datetime(2026, 11, 23, 7, 0, tzinfo=UTC)),
        ("2026-11-23T10:00:00Z", datetime(2026, 11, 23, 10, 0, tzinfo=UTC)),
        # no moment: without a zone it could be any
        ("2026-11-23T10:00:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1718117126473, None),
    ],
)
def test_parse_time(text, moment):
    assert parse_time(text) == moment


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_survives_the_wire_to_the_second(moment):
    assert parse_time(time_text(moment)) == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Mon, 23 Nov 2026 12:00:00 GMT", datetime(2026, 11, 23, 12, 0, tzinfo=UTC)),
        ("Mon, 23 Nov 2026 12:00:00 -0000", datetime(2026, 11, 23, 12, 0, tzinfo=UTC)),
        ("soon", None),
        (None, None),
    ],
)
def test_parse_http_date(text, moment):
    assert parse_http_date(text) == moment
