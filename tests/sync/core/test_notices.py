"""What may be posted to our address, and what is read of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zbweb.sync.core.notices import Malformed, Notice, read

GOOD = {
    "server_time": 1718117126473,
    "query_params": {},
    "module": "Deals",
    "resource_uri": "https://www.zohoapis.com/crm/v8/Deals",
    "ids": ["5725767000003000064"],
    "affected_fields": [{"5725767000003000064": ["Stage"]}],
    "operation": "update",
    "channel_id": "1000000068001",
    "token": "secret",
}


def body(**changes):
    return json.dumps(GOOD | changes).encode()


def test_a_notification_names_records():
    notice = read(body())
    assert (notice.module, notice.operation, notice.crm_ids, notice.token) == (
        "Deals", "update", ("5725767000003000064",), "secret",
    )  # fmt: skip
    assert "secret" not in repr(notice)


def test_ids_may_be_numbers_and_come_twice():
    assert read(body(ids=[7, "7", 8])).crm_ids == ("7", "8")


def test_the_digest_is_of_what_is_said_not_of_how_it_is_spaced():
    spaced = json.dumps(dict(reversed(GOOD.items())), indent=2).encode()
    assert read(spaced).digest == read(body()).digest
    assert read(body(server_time=1)).digest != read(body()).digest


@pytest.mark.parametrize(
    "nonsense",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"ids": ' + b"9" * 5000 + b"}",
        body(token=None), body(token=""), body(token=7),
        body(module="Leads"), body(module=None), body(module=["Deals"]), body(module={}),
        body(operation="drop table"), body(operation=[]),
        body(ids=None), body(ids=[]), body(ids="5725"), body(ids=[None]), body(ids=[True]), body(ids=[["1"]]),
        body(ids=["1; drop"]), body(ids=[""]), body(ids=["-1"]), body(ids=["٣"]), body(ids=["1" * 30]),
        body(ids=["1"] * 2000), body(ids=[1.5]),
    ],
)  # fmt: skip
def test_nonsense_is_malformed(nonsense):
    with pytest.raises(Malformed):
        read(nonsense)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.binary(max_size=200) | st.dictionaries(st.sampled_from(sorted(GOOD)), VALUES).map(lambda said: body(**said)))
def test_whatever_comes_is_a_notice_or_malformed(posted):
    try:
        notice = read(posted)
    except Malformed:
        return
    assert isinstance(notice, Notice)
    assert all(crm_id.isdecimal() for crm_id in notice.crm_ids)
