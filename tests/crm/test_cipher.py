"""Secrets at rest."""

from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from zbweb import config
from zbweb.crm.cipher import seal, unseal
from zbweb.crm.errors import CredentialsUnreadable

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def use_keys(settings):
    return lambda *keys: config.use(replace(settings, credential_keys=keys))


def test_a_sealed_secret_does_not_show_and_can_be_opened(use_keys):
    use_keys(NEW)
    sealed = seal("ZSC-DEMO-KEY")
    assert "ZSC-DEMO-KEY" not in sealed
    assert unseal(sealed) == "ZSC-DEMO-KEY"


def test_after_a_rotation_older_secrets_still_open_and_newer_ones_use_the_newest_key(use_keys):
    use_keys(OLD)
    sealed = seal("secret")
    use_keys(NEW, OLD)
    assert unseal(sealed) == "secret"
    resealed = seal("secret")
    use_keys(NEW)
    assert unseal(resealed) == "secret"


def test_a_lost_key_is_told_in_a_sentence(use_keys):
    use_keys(OLD)
    sealed = seal("secret")
    use_keys(NEW)
    with pytest.raises(CredentialsUnreadable, match="ZBWEB_CREDENTIAL_KEYS"):
        unseal(sealed)
