"""A credential goes to Zoho's data centres, or where the environment says, and nowhere else."""

from dataclasses import replace

import pytest

from zbweb import config
from zbweb.crm.datacentres import DATA_CENTRES, Hosts, accounts_url_of, api_url_for, hosts_of, page_of_record
from zbweb.crm.errors import CredentialsRefused

US = Hosts("https://accounts.zoho.com", "https://www.zohoapis.com")
LOCAL = "http://127.0.0.1:8001"


@pytest.fixture
def no_override(settings):
    config.use(settings)


@pytest.fixture
def override(settings):
    config.use(replace(settings, crm_accounts_url=LOCAL, crm_api_url=LOCAL))


@pytest.mark.usefixtures("no_override")
@pytest.mark.parametrize("centre", DATA_CENTRES, ids=lambda centre: centre.code)
def test_each_data_centre_knows_its_pair_of_hosts(centre):
    assert hosts_of(centre.accounts_url) == Hosts(centre.accounts_url, centre.api_url)
    assert accounts_url_of(centre.code) == centre.accounts_url


@pytest.mark.usefixtures("no_override")
@pytest.mark.parametrize(
    "stranger",
    [
        "https://accounts.zoho.com.evil.example",
        "http://accounts.zoho.com",
        "https://evil.example",
        "https://accounts.zoho.com@evil.example",
        LOCAL,
    ],
)
def test_a_strange_accounts_host_is_refused(stranger):
    with pytest.raises(CredentialsRefused, match="not one of Zoho's data centres"):
        hosts_of(stranger)


@pytest.mark.usefixtures("no_override")
def test_an_unknown_data_centre_is_refused():
    with pytest.raises(CredentialsRefused, match="Choose the data centre"):
        accounts_url_of("moon")


@pytest.mark.usefixtures("no_override")
@pytest.mark.parametrize(
    ("announced", "api_url"),
    [
        ("https://www.zohoapis.com", "https://www.zohoapis.com"),
        ("https://sandbox.zohoapis.com", "https://sandbox.zohoapis.com"),
        ("https://developer.zohoapis.com", "https://developer.zohoapis.com"),
        # not believed
        ("https://www.zohoapis.eu", "https://www.zohoapis.com"),
        ("http://www.zohoapis.com", "https://www.zohoapis.com"),
        ("https://evil.example", "https://www.zohoapis.com"),
        (None, "https://www.zohoapis.com"),
    ],
)
def test_an_announced_api_host_is_believed_within_its_data_centre(announced, api_url):
    assert api_url_for(US, announced) == api_url


@pytest.mark.usefixtures("override")
@pytest.mark.parametrize("accounts_url", [None, "https://accounts.zoho.eu", "http://127.0.0.1:9999"])
def test_the_environment_wins(accounts_url):
    assert hosts_of(accounts_url) == Hosts(LOCAL, LOCAL)
    assert accounts_url_of("eu") == LOCAL
    assert api_url_for(US, "https://www.zohoapis.com") == LOCAL


@pytest.mark.usefixtures("no_override")
@pytest.mark.parametrize(
    ("accounts_url", "module", "address"),
    [
        ("https://accounts.zoho.com", "Accounts", "https://crm.zoho.com/crm/tab/Accounts/41"),
        ("https://accounts.zoho.eu", "Contacts", "https://crm.zoho.eu/crm/tab/Contacts/41"),
        ("https://accounts.zohocloud.ca", "Deals", "https://crm.zohocloud.ca/crm/tab/Potentials/41"),
        ("https://accounts.zoho.com.au", "Sales_Orders", "https://crm.zoho.com.au/crm/tab/SalesOrders/41"),
    ],
)
def test_a_record_has_its_page_in_the_data_centre_it_lives_in(accounts_url, module, address):
    assert page_of_record(accounts_url, module, "41") == address


@pytest.mark.usefixtures("override")
def test_a_crm_that_the_environment_names_shows_its_own_records():
    assert page_of_record("https://accounts.zoho.eu", "Deals", "41") == f"{LOCAL}/crm/tab/Potentials/41"
