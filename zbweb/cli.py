"""Commands: `python -m zbweb.cli COMMAND`.

run       everything on this machine, in the foreground (what `make run` calls)
prepare   bring the database to the newest migration; --demo also loads demo data into an empty one
"""

import argparse
import os
import sys
from functools import partial

from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import select

from zbweb import config, demo
from zbweb.app import create_app
from zbweb.billing.models import Organisation
from zbweb.db import db, gather_statistics, unit_of_work, work_for
from zbweb.errors import AppError
from zbweb.supervisor import supervise


def prepare(*, with_demo: bool) -> None:
    """Migrate the database; fill an empty one with demo data if asked."""
    with create_app().app_context():
        migrate()
        if not with_demo:
            return
        with unit_of_work() as session:
            work_for(session, None)
            if session.scalars(select(Organisation.id).limit(1)).first() is None:
                demo.load(session)
        gather_statistics(db.engine)


def migrate() -> None:
    """Bring the database of the current app to the newest revision."""
    settings = AlembicConfig()
    settings.set_main_option("script_location", "zbweb:migrations")
    with db.engine.connect() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def main(arguments: list[str]) -> int:
    """Carry out a command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="zbweb", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run")
    commands.add_parser("prepare").add_argument("--demo", action="store_true")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "run":
            return supervise(config.current(), os.environ, partial(prepare, with_demo=True))
        prepare(with_demo=chosen.demo)
    except AppError as error:
        print(error.message, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
