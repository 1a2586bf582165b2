"""Copying a SQLite database while others read and write it, by SQLite's own backup."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

from zbweb.config import Config
from zbweb.errors import AppError

_PATIENCE_SECONDS = 10.0


def dump(config: Config, target: Path, _environment: Mapping[str, str]) -> None:
    """A copy of the database as it is at one moment."""
    with closing(sqlite3.connect(target)) as copy:
        with closing(sqlite3.connect(_file(config), timeout=_PATIENCE_SECONDS)) as database:
            database.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        _ensure_sound(copy)


def load(config: Config, source: Path, _environment: Mapping[str, str]) -> None:
    """Make the database what the copy is, in one step."""
    with closing(sqlite3.connect(source)) as copy:
        _ensure_sound(copy)
        try:
            with closing(sqlite3.connect(_file(config), timeout=_PATIENCE_SECONDS)) as database:
                copy.backup(database)
        except sqlite3.OperationalError as error:
            raise AppError(
                f"The database could not be replaced ({error}). Stop the product, then try again."
            ) from error


def _ensure_sound(copy: sqlite3.Connection) -> None:
    (verdict,) = copy.execute("PRAGMA quick_check").fetchone()
    if verdict != "ok":
        raise AppError(f"The copy of the database is damaged: {verdict}")


def _file(config: Config) -> Path:
    return Path(make_url(config.database_url).database or "")
