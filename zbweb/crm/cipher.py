"""Secrets at rest: sealed with the newest credential key, opened with any that is still configured."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from zbweb.config import current
from zbweb.crm.errors import CredentialsUnreadable


def seal(secret: str) -> str:
    """`secret` encrypted, as text fit for a column."""
    return _cipher().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """What was sealed; raises CredentialsUnreadable when its key is gone."""
    try:
        return _cipher().decrypt(sealed).decode()
    except InvalidToken:
        raise CredentialsUnreadable(
            "The stored Zoho CRM credentials were encrypted with a key that is no longer configured. "
            "Put the key back into ZBWEB_CREDENTIAL_KEYS or enter the credentials again."
        ) from None


def reseal(sealed: str) -> str:
    """The same secret, sealed with the newest key; raises CredentialsUnreadable when its own key is gone."""
    return seal(unseal(sealed))


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in current().credential_keys])
