"""Which item is which product: one rule for both directions."""

import pytest

from zbweb.sync.core.goods import Good, same_good

DESK = Good("there", "Desk", "D-1")


@pytest.mark.parametrize(
    ("goods", "found"),
    [
        ([], None),
        ([Good(1, "Lamp", "")], None),
        ([Good(1, "DESK ", "")], 1),
        ([Good(1, "Desk", "D-2")], None),
        ([Good(1, "Table", "d-1")], 1),
        ([Good(1, "Table", "d-1"), Good(2, "Chair", "D-1")], 2),
        ([Good(1, "Desk", ""), Good(2, "Table", "D-1")], 2),
        ([Good(1, "Desk", ""), Good(2, "Desk", "")], 1),
    ],
)
def test_the_code_tells_before_the_name_and_another_code_is_another_good(goods, found):
    same = same_good(DESK, goods)
    assert (same.id if same else None) == found


def test_no_code_is_nobodys_code():
    assert same_good(Good("there", "Desk", ""), [Good(1, "Lamp", "")]) is None


@pytest.mark.parametrize("name", ["SCHLÜSSEL ÄÖ", "schlüssel  äö ", "Schlussel ao"])
def test_letters_are_folded_in_every_alphabet(name):
    assert same_good(Good("there", "Schlüssel ÄÖ", ""), [Good(1, name, "D-1")]) is not None
