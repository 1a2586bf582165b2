"""Texts of the CRM's query language: a name cannot change the question."""

import pytest

from zbweb.crm.query import coql_text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Acme", "'Acme'"),
        ("O'Neill \\ Sons", "'O\\'Neill \\\\ Sons'"),
        ("') or (id is not null", "'\\') or (id is not null'"),
    ],
)
def test_a_name_is_a_quoted_text_whatever_stands_in_it(name, text):
    assert coql_text(name) == text
