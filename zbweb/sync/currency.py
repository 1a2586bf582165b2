"""The two books must count in one currency: the rule, for connecting and for every run."""

from zbweb.crm.port import CrmOrganisation
from zbweb.sync.errors import Unfit


class CurrencyMismatch(Unfit):
    """The base currencies differ while the CRM counts in several currencies."""


def require_same_currency(base_currency: str, crm: CrmOrganisation) -> None:
    """Raise CurrencyMismatch when multi-currency is on in the CRM and its base currency is not ours."""
    if crm.multi_currency and crm.iso_code != base_currency:
        raise CurrencyMismatch(
            f"The base currency of Zoho CRM is {crm.iso_code}, and here it is {base_currency}. With multi-currency "
            "enabled in Zoho CRM the two must be the same. Change one of them, then try again."
        )
