"""The only hosts we ever send a credential to: Zoho's data centres, or the two the environment names.

The API host is not derivable from the accounts host (Canada), so the table keeps pairs. What a token
answer or a redirect says about hosts is believed only as far as this table knows them.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from zbweb.config import current
from zbweb.crm.errors import CredentialsRefused


@dataclass(frozen=True, slots=True)
class DataCentre:
    """One region of Zoho; `code` is what an authorisation redirect calls `location`."""

    code: str
    label: str
    accounts_url: str
    api_url: str
    pages_url: str


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where one credential signs in and where its API lives."""

    accounts_url: str
    api_url: str


DATA_CENTRES = (
    DataCentre("us", "United States", "https://accounts.zoho.com", "https://www.zohoapis.com", "https://crm.zoho.com"),
    DataCentre("eu", "Europe", "https://accounts.zoho.eu", "https://www.zohoapis.eu", "https://crm.zoho.eu"),
    DataCentre("in", "India", "https://accounts.zoho.in", "https://www.zohoapis.in", "https://crm.zoho.in"),
    DataCentre(
        "au", "Australia", "https://accounts.zoho.com.au", "https://www.zohoapis.com.au", "https://crm.zoho.com.au"
    ),
    DataCentre("jp", "Japan", "https://accounts.zoho.jp", "https://www.zohoapis.jp", "https://crm.zoho.jp"),
    DataCentre("cn", "China", "https://accounts.zoho.com.cn", "https://www.zohoapis.com.cn", "https://crm.zoho.com.cn"),
    DataCentre(
        "ca", "Canada", "https://accounts.zohocloud.ca", "https://www.zohoapis.ca", "https://crm.zohocloud.ca"
    ),
    DataCentre("sa", "Saudi Arabia", "https://accounts.zoho.sa", "https://www.zohoapis.sa", "https://crm.zoho.sa"),
    DataCentre("uk", "United Kingdom", "https://accounts.zoho.uk", "https://www.zohoapis.uk", "https://crm.zoho.uk"),
)  # fmt: skip

_BY_ACCOUNTS = {centre.accounts_url: centre for centre in DATA_CENTRES}
_BY_CODE = {centre.code: centre for centre in DATA_CENTRES}
_API_KINDS = ("www", "sandbox", "developer")
_TABS = {"Deals": "Potentials", "Sales_Orders": "SalesOrders"}
"""Modules whose pages go by another name than the API's."""


def accounts_url_of(code: str) -> str:
    """The accounts host of a data centre's code (`us`, `eu`, …), unless the environment names one."""
    if override := current().crm_accounts_url:
        return override
    if code not in _BY_CODE:
        raise CredentialsRefused("Choose the data centre that your Zoho CRM account lives in.")
    return _BY_CODE[code].accounts_url


def hosts_of(accounts_url: str | None) -> Hosts:
    """The hosts to use for an accounts host that a person or a redirect named; raises for a stranger."""
    config = current()
    centre = _BY_ACCOUNTS.get((accounts_url or DATA_CENTRES[0].accounts_url).rstrip("/"))
    if centre is None and not config.crm_accounts_url:
        raise CredentialsRefused("That address is not one of Zoho's data centres. Choose one from the list.")
    return Hosts(
        accounts_url=config.crm_accounts_url or (centre.accounts_url if centre else ""),
        api_url=config.crm_api_url or (centre.api_url if centre else config.crm_accounts_url or ""),
    )


def api_url_for(hosts: Hosts, announced: object) -> str:
    """The API host to use when a token answer announces `api_domain`.

    The environment's choice wins; then an announced host of the same data centre, because a token made
    for a CRM sandbox or developer organisation works only there; then the table's.
    """
    override = current().crm_api_url
    if override or not isinstance(announced, str):
        return override or hosts.api_url
    domain = hosts.api_url.removeprefix("https://www.")
    address = urlsplit(announced)
    allowed = {f"{kind}.{domain}" for kind in _API_KINDS}
    return f"https://{address.netloc}" if address.scheme == "https" and address.netloc in allowed else hosts.api_url


def page_of_record(accounts_url: str, module: str, record_id: str) -> str:
    """Where people of the data centre, or of the CRM that the environment names, see a record."""
    centre = _BY_ACCOUNTS.get(accounts_url, DATA_CENTRES[0])
    host = current().crm_api_url or centre.pages_url
    return f"{host}/crm/tab/{_TABS.get(module, module)}/{record_id}"
