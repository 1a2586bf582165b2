"""The sandbox's one SQLite file: its tables, a pool of reading connections and one writer at a time.

Records are rows with a JSON body. What lists sort and find by is a column with an index, so that a page of
200 out of 100,000 costs a few milliseconds. Lookups are kept twice: as an id in the body, and in `lookup`
so that "the contacts of this account" is one index range.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS record (
  id INTEGER PRIMARY KEY, module TEXT NOT NULL, name TEXT NOT NULL, name_key TEXT NOT NULL,
  owner_id INTEGER NOT NULL, created_by INTEGER NOT NULL, modified_by INTEGER NOT NULL,
  created INTEGER NOT NULL, modified INTEGER NOT NULL,
  email_key TEXT, search_text TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS record_by_id ON record (module, id);
CREATE INDEX IF NOT EXISTS record_by_modified ON record (module, modified, id);
CREATE INDEX IF NOT EXISTS record_by_created ON record (module, created, id);
CREATE INDEX IF NOT EXISTS record_by_name ON record (module, name_key);
CREATE INDEX IF NOT EXISTS record_by_email ON record (module, email_key) WHERE email_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS lookup (
  target_id INTEGER NOT NULL, field TEXT NOT NULL, record_id INTEGER NOT NULL,
  PRIMARY KEY (target_id, field, record_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lookup_by_record ON lookup (record_id);
CREATE TABLE IF NOT EXISTS deleted (
  id INTEGER PRIMARY KEY, module TEXT NOT NULL, display_name TEXT NOT NULL, kind TEXT NOT NULL,
  deleted_by INTEGER NOT NULL, created_by INTEGER NOT NULL, deleted INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS deleted_by_time ON deleted (module, deleted, id);
CREATE TABLE IF NOT EXISTS member (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS custom_field (
  id INTEGER PRIMARY KEY, module TEXT NOT NULL, api_name TEXT NOT NULL, body TEXT NOT NULL,
  UNIQUE (module, api_name));
CREATE TABLE IF NOT EXISTS custom_view (
  id INTEGER PRIMARY KEY, module TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS token (
  token TEXT PRIMARY KEY, kind TEXT NOT NULL, parent TEXT, client_id TEXT NOT NULL, user_id INTEGER NOT NULL,
  scope TEXT NOT NULL, redirect_uri TEXT, created INTEGER NOT NULL, expires INTEGER);
CREATE INDEX IF NOT EXISTS token_by_parent ON token (parent, created);
CREATE TABLE IF NOT EXISTS channel (
  channel_id TEXT NOT NULL, module TEXT NOT NULL, user_id INTEGER NOT NULL, expires INTEGER NOT NULL,
  body TEXT NOT NULL, PRIMARY KEY (channel_id, module));
CREATE TABLE IF NOT EXISTS bulk_job (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS setting (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
_NAMES = (
    "record", "lookup", "deleted", "member", "custom_field", "custom_view",
    "token", "channel", "bulk_job", "setting", "sequence",
)  # fmt: skip


def fold(text: str | None) -> str | None:
    """The form in which texts are compared: the CRM ignores case."""
    return None if text is None else str(text).casefold()


class Store:
    """`read()` hands out a pooled connection; `write()` the only writing one, inside one unit of work."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._idle_lock = threading.Lock()
        self._write_lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = self._connect()
        self._writer.executescript(_TABLES)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        with self._idle_lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            with self._idle_lock:
                self._idle.append(connection)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Commits when left normally, rolls back when left by an exception."""
        with self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def clear(self) -> None:
        """Forget everything, as a CRM organisation that was made this minute."""
        with self.write() as connection:
            for name in _NAMES:
                connection.execute(f"DELETE FROM {name}")

    def close(self) -> None:
        with self._idle_lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()
        with self._write_lock:
            self._writer.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -65536")
        connection.create_function("fold", 1, fold, deterministic=True)
        return connection


def take_ids(connection: sqlite3.Connection, name: str, *, count: int = 1, first: int = 1) -> int:
    """The first of `count` fresh numbers of a sequence that starts at `first`."""
    row = connection.execute(
        "INSERT INTO sequence (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = value + ? RETURNING value",
        (name, first + count, count),
    ).fetchone()
    return int(row[0]) - count
