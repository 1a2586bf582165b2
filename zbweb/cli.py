"""Commands: `python -m zbweb.cli COMMAND`."""

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy import MetaData, select

from zbweb import config, demo, planner
from zbweb.app import create_app
from zbweb.billing.founding import OrganisationDraft, appoint_admin
from zbweb.billing.models import Organisation
from zbweb.crm import credentials
from zbweb.db import db, unit_of_work, work_for
from zbweb.errors import AppError
from zbweb.logs import configure as configure_logs
from zbweb.supervisor import supervise
from zbweb.upkeep import archive, doctor, revisions

Arguments = argparse.Namespace


def prepare(*, with_demo: bool) -> None:
    """Make the data directory, migrate the database; fill an empty one with demo data if asked."""
    config.current().data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with create_app().app_context():
        migrate()
        if with_demo:
            _fill()
        planner.inform(db.engine)


def _fill() -> None:
    with unit_of_work() as session:
        work_for(session, None)
        if session.scalars(select(Organisation.id).limit(1)).first() is None:
            demo.load(session)
            print(demo.WELCOME, flush=True)  # noqa: T201  all that a first-time user has read


def migrate() -> None:
    """Bring the database of the current app to the newest revision."""
    revisions.upgrade(db.engine)


def _run(_arguments: Arguments) -> int:
    """start everything on this machine, in the foreground (what `make run` calls)"""
    return supervise(config.current(), os.environ, partial(prepare, with_demo=True))


def _prepare(arguments: Arguments) -> int:
    """bring the database to the newest migration"""
    prepare(with_demo=arguments.demo)
    return 0


def _doctor(_arguments: Arguments) -> int:
    """look whether everything is well, a line for each thing; ends with 1 if something is not"""
    with create_app().app_context():
        return doctor.tell(db.session(), _say)


def _create_admin(arguments: Arguments) -> int:
    """make the first organisation, or another, with an admin; the password is asked for, or read from standard input"""
    draft = OrganisationDraft(arguments.organisation, arguments.currency.upper(), arguments.time_zone)
    password = _password()
    with create_app().app_context():
        migrate()
        with unit_of_work() as session:
            appoint_admin(session, draft, name=arguments.name, email=arguments.email, password=password)
    _say(f"{arguments.email} is an admin of {arguments.organisation} now.")
    return 0


def _backup(arguments: Arguments) -> int:
    """keep a copy of the database and the keys in one file, while the product runs"""
    with create_app().app_context():
        keys = archive.save(
            config.current(), arguments.file, revision=revisions.present(db.session()), environment=os.environ
        )
    _say(f"{arguments.file} holds the database" + "".join(f", {name}" for name in keys) + ".")
    if len(keys) < len(archive.KEYS):
        _say("Keys that come from the environment are not in it: keep them elsewhere.")
    return 0


def _restore(arguments: Arguments) -> int:
    """bring a copy back; stop the product before"""
    with create_app().app_context():
        note = archive.read_note(arguments.file)
        if not revisions.is_known(note.revision):
            raise archive.ArchiveError("This backup was taken by a newer version of the program. Update, then restore.")
        if not arguments.force and _holds_anything():
            raise archive.ArchiveError("The database is not empty. Add --force to replace what it holds.")
        db.engine.dispose()
        keys = archive.restore(config.current(), arguments.file, environment=os.environ)
        migrate()
    _say(f"The database of {note.made_at} is back" + "".join(f", {name}" for name in keys) + ".")
    return 0


def _rotate_keys(_arguments: Arguments) -> int:
    """encrypt every stored credential anew with the newest key of ZBWEB_CREDENTIAL_KEYS"""
    with create_app().app_context(), unit_of_work() as session:
        work_for(session, None)
        count = credentials.reseal_all(session)
    _say(f"{count} stored credentials are encrypted with the newest key now; older keys may be removed.")
    return 0


def _holds_anything() -> bool:
    """Whether any table but that of the migrations has a row."""
    found = MetaData()
    found.reflect(db.engine)
    with db.engine.connect() as connection:
        tables = [each for each in found.sorted_tables if each.name != "alembic_version"]
        return any(connection.execute(select(1).select_from(each).limit(1)).first() for each in tables)


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise AppError("The two passwords differ. Nothing was made; run the command again.")
    return password


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201  a command answers on standard output


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m zbweb.cli", description="Start, look after and repair Billing.")
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, work: Callable[[Arguments], int]) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=work.__doc__, description=work.__doc__)
        made.set_defaults(work=work)
        return made

    add("run", _run)
    add("prepare", _prepare).add_argument("--demo", action="store_true", help="fill an empty database with demo data")
    add("doctor", _doctor)
    add("rotate-keys", _rotate_keys)
    add("backup", _backup).add_argument("file", type=Path)
    restore = add("restore", _restore)
    restore.add_argument("file", type=Path)
    restore.add_argument("--force", action="store_true", help="replace a database that is not empty")
    admin = add("create-admin", _create_admin)
    admin.add_argument("--organisation", required=True, help="its name; it is made if there is none of that name")
    admin.add_argument("--email", required=True)
    admin.add_argument("--name", default="Admin", help="the person's name")
    admin.add_argument("--currency", default="USD", help="base currency of a new organisation")
    admin.add_argument("--time-zone", default="UTC", help="such as Europe/Berlin, for a new organisation")
    return parser


def main(arguments: list[str]) -> int:
    """Carry out a command; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.work(chosen))
    except AppError as error:
        print(error.message, file=sys.stderr)  # noqa: T201
        return 1


if __name__ == "__main__":
    configure_logs()
    sys.exit(main(sys.argv[1:]))
