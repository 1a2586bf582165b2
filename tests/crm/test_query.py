"""Texts of the CRM's query languages: a name cannot change the question."""

import pytest

from zbweb.crm.query import all_of, any_of, coql_text, equals, one_of, starts_with


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (equals("Account_Name", "Acme"), "(Account_Name:equals:Acme)"),
        (equals("Account_Name", "Acme (UK), Ltd"), r"(Account_Name:equals:Acme \(UK\)\, Ltd)"),
        (equals("Account_Name", "back\\"), r"(Account_Name:equals:back\\)"),
        (starts_with("Last_Name", "O'Neill"), "(Last_Name:starts_with:O'Neill)"),
        (one_of("id", ["1", "2"]), "(id:in:1,2)"),
        (one_of("Account_Name", ["a,b", "c"]), r"(Account_Name:in:a\,b,c)"),
        (all_of("(a:equals:1)", "(b:equals:2)"), "((a:equals:1)and(b:equals:2))"),
        (any_of("(a:equals:1)", "(b:equals:2)"), "((a:equals:1)or(b:equals:2))"),
        (all_of("(a:equals:1)"), "(a:equals:1)"),
        (coql_text("O'Neill \\ Sons"), "'O\\'Neill \\\\ Sons'"),
    ],
)
def test_query_texts(text, expected):
    assert text == expected
