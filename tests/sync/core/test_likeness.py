"""What makes two customers worth a person's look."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zbweb.billing.naming import domain_of
from zbweb.sync.core.likeness import Likeness, keys_of, likeness, nearest


def keys(name, website="", email="", *, is_business=True):
    return keys_of({"display_name": name, "website": website, "email": email}, is_business=is_business)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        pytest.param(keys("Acme Ltd"), keys("ACME, Limited."), Likeness.NAME, id="legal form"),
        pytest.param(keys("Smith & Sons"), keys("Smith and Sons GmbH"), Likeness.NAME, id="and"),
        pytest.param(keys("Café Zoë Inc"), keys("Cafe Zoe"), Likeness.NAME, id="accents"),
        pytest.param(keys("One", email="Ann@x.example"), keys("Two", email="ann@X.example"), Likeness.EMAIL, id="mail"),
        pytest.param(
            keys("One", "https://www.acme.example/en"), keys("Two", email="bo@acme.example"), Likeness.DOMAIN, id="site"
        ),
        pytest.param(keys("Acme"), keys("  ACME "), None, id="the policy's business"),
        pytest.param(keys("Acme"), keys("Apex"), None, id="nothing shared"),
        pytest.param(keys("One", email="a@gmail.com"), keys("Two", email="b@gmail.com"), None, id="a public domain"),
        pytest.param(
            keys("Ann", email="ann@acme.example", is_business=False),
            keys("Bo", email="bo@acme.example", is_business=False),
            None,
            id="two people of one company",
        ),
    ],
)
def test_what_two_customers_share(one, other, shared):
    assert likeness(one, other) is shared
    assert likeness(other, one) is shared


def test_the_most_telling_likeness_comes_first_and_then_the_older_customer():
    mine = keys("Acme Ltd", "acme.example", "info@acme.example")
    others = [
        (1, keys("Other", "acme.example")),
        (2, keys("Third", email="info@acme.example")),
        (4, keys("Acme Limited")),
        (3, keys("Acme GmbH")),
    ]
    assert nearest(mine, others) == (3, Likeness.NAME)
    assert nearest(mine, others[:2]) == (2, Likeness.EMAIL)
    assert nearest(mine, others[:1]) == (1, Likeness.DOMAIN)
    assert nearest(mine, []) is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_nobody_is_like_a_namesake(website, email):
    assert likeness(keys("Acme", website, email), keys("ACME", website, email)) is None


@pytest.mark.parametrize(
    ("website", "email", "domain"),
    [
        ("https://www.Acme.example:8080/about?x#y", "", "acme.example"),
        ("acme.example", "ann@other.example", "acme.example"),
        ("", "Ann@Acme.Example", "acme.example"),
        ("linkedin.com/company/acme", "ann@acme.example", "acme.example"),
        ("http://localhost", "", ""),
        ("", "ann@gmail.com", ""),
        ("", "", ""),
    ],
)
def test_a_business_is_known_by_a_domain_of_its_own(website, email, domain):
    assert domain_of(website, email) == domain
