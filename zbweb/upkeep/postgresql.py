"""Copying a PostgreSQL database with its own programs, pg_dump and psql, as plain SQL."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import make_url

from zbweb.config import Config
from zbweb.errors import AppError

_OUR_TABLES = "public.*"
_DROP_TABLES = """
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DROP TABLE IF EXISTS public.%I CASCADE', name);
  END LOOP;
END $$;
"""


def dump(config: Config, target: Path, environment: Mapping[str, str]) -> None:
    """The database as it is at one moment, as SQL that makes its tables anew."""
    options = ["--no-owner", "--no-privileges", f"--table={_OUR_TABLES}", "--file", str(target)]
    _run("pg_dump", options, config, environment)


def load(config: Config, source: Path, environment: Mapping[str, str]) -> None:
    """Make the database what the copy is: all of it in one transaction, or nothing."""
    steps = ["--command", _DROP_TABLES, "--file", str(source)]
    _run(
        "psql", ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", *steps], config, environment
    )


def _run(program: str, options: Sequence[str], config: Config, environment: Mapping[str, str]) -> None:
    found = shutil.which(program, path=environment.get("PATH"))
    if found is None:
        raise AppError(f"{program} is not on the PATH. Install PostgreSQL's client programs of the server's version.")
    done = subprocess.run(  # noqa: S603  a program of our choice; the password goes by the environment, not in sight
        [found, *options, *_where(config)],
        env={**environment, **_password(config)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip() or f"it ended with {done.returncode}"
        raise AppError(f"{program} did not succeed, and nothing was changed: {said}")


def _where(config: Config) -> list[str]:
    url = make_url(config.database_url)
    parts = {"--host": url.host, "--port": url.port, "--username": url.username, "--dbname": url.database}
    return [f"{option}={value}" for option, value in parts.items() if value]


def _password(config: Config) -> dict[str, str]:
    password = make_url(config.database_url).password
    return {"PGPASSWORD": str(password)} if password else {}
