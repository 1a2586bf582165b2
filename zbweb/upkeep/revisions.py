"""Which migration a database stands at, and which ones this version of the program knows."""

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.orm import Session


def newest() -> str | None:
    """The revision that this version of the program works with."""
    return ScriptDirectory.from_config(_settings()).get_current_head()


def present(session: Session) -> str | None:
    """The revision that the database stands at; None before the first."""
    return MigrationContext.configure(session.connection()).get_current_revision()


def is_known(revision: str) -> bool:
    """Whether this version of the program has the migration."""
    return revision in {each.revision for each in ScriptDirectory.from_config(_settings()).walk_revisions()}


def upgrade(engine: Engine) -> None:
    """Bring a database to the newest revision."""
    settings = _settings()
    with engine.connect() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def _settings() -> AlembicConfig:
    settings = AlembicConfig()
    settings.set_main_option("script_location", "zbweb:migrations")
    return settings
