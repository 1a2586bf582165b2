"""What another process of ours does when its token was rejected; its own module, so that it starts quickly."""

from sqlalchemy import create_engine

from zbweb import config
from zbweb.crm.patience import Patience
from zbweb.crm.renewal import StoredTokens
from zbweb.db import prepare_engine


def renew(settings, credential_id, together, results):
    config.use(settings)
    engine = create_engine(settings.database_url)
    prepare_engine(engine)
    tokens = StoredTokens(engine, credential_id)
    together.wait(60)
    results.put(tokens.renew("access-0", Patience(20.0)))
