"""What is said in different words here and in the CRM, and left so."""

from zbweb.sync.core.agreement import agreed, differences, in_their_words, insisted, settled

OURS = {"date": "2026-01-05", "lines": ["no tax"], "tax": "8", "discount": "0", "adjustment": "0", "notes": "a"}
THERE = {"date": None, "lines": ["20 %"], "tax": "0", "discount": "0", "adjustment": "0", "notes": "a"}
AGREED = settled(THERE, kept=differences(OURS, THERE), objected={})


def test_nothing_is_told_while_nothing_changes():
    assert in_their_words(OURS, AGREED) == THERE


def test_what_changes_here_is_told_and_the_rest_keeps_its_words():
    assert in_their_words(OURS | {"date": "2026-01-06"}, AGREED) == THERE | {"date": "2026-01-06"}
    assert in_their_words(OURS | {"notes": "b"}, AGREED) == THERE | {"notes": "b"}


def test_the_sums_are_told_together_when_one_of_them_changes():
    changed = OURS | {"lines": ["another"]}
    assert in_their_words(changed, AGREED) == changed | {"date": None}


def test_what_was_told_meanwhile_is_told_again_when_it_changes_back():
    told = AGREED | {"date": "2026-01-06"}
    assert in_their_words(OURS, told)["date"] == "2026-01-05"


def test_what_changes_in_the_crm_ends_the_pair():
    later = agreed(THERE | {"date": "2026-02-02"}, AGREED)
    assert in_their_words(OURS, later)["date"] == "2026-01-05"
    assert in_their_words(OURS, later)["tax"] == "0"


def test_the_crm_insists_when_it_makes_the_same_of_our_word_again():
    pairs = {"notes": ["ours", "theirs"]}
    asked = settled({"notes": "theirs"}, kept={}, objected=pairs)
    assert insisted(pairs, asked) == {}  # it has not been told yet
    assert insisted(pairs, asked | {"notes": "ours"}) == pairs
    assert insisted({"notes": ["ours", "another"]}, asked | {"notes": "ours"}) == {}
    assert insisted(pairs, {"notes": "ours"}) == {}
