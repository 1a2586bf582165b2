"""A backup is one file: the database, the keys of the data directory, and a note that says what it holds.

It is taken while the product runs. Keys that come from the environment are not in it, since whoever sets them
keeps them. Whoever has the file has everything, so only its owner may read it.
"""

import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from zbweb.clock import now
from zbweb.config import Config
from zbweb.errors import AppError
from zbweb.upkeep import postgresql, sqlite

FORMAT = 1
KEYS = ("secret.key", "credential.key")
_NOTE, _DATABASE = "note.json", "database"

Environment = Mapping[str, str]
_DUMPERS: dict[str, Callable[[Config, Path, Environment], None]] = {
    "sqlite": sqlite.dump,
    "postgresql": postgresql.dump,
}
_LOADERS: dict[str, Callable[[Config, Path, Environment], None]] = {
    "sqlite": sqlite.load,
    "postgresql": postgresql.load,
}


class ArchiveError(AppError):
    """The backup could not be taken or brought back; nothing was changed unless the sentence says so."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a backup holds. `revision` is the database's migration."""

    format: int
    made_at: str
    engine: str
    revision: str


def engine_of(config: Config) -> str:
    """The kind of database, as backups name it."""
    return "sqlite" if config.is_sqlite else "postgresql"


def save(config: Config, target: Path, *, revision: str | None, environment: Environment) -> list[str]:
    """Write a backup to `target`; returns the keys in it. Raises ArchiveError if it exists or nothing is there yet."""
    if revision is None:
        raise ArchiveError("There is no database yet, so there is nothing to keep. Run: python -m zbweb.cli prepare")
    if target.exists():
        raise ArchiveError(f"{target} exists already. Choose another name, for instance with today's date.")
    note = Note(FORMAT, now().isoformat(timespec="seconds"), engine_of(config), revision)
    keys = [name for name in KEYS if (config.data_dir / name).exists()]
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as scratch:
        database, parcel = Path(scratch, _DATABASE), Path(scratch, "parcel")
        _DUMPERS[note.engine](config, database, environment)
        Path(scratch, _NOTE).write_text(json.dumps(asdict(note)), encoding="utf-8")
        descriptor = os.open(parcel, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            archive.add(Path(scratch, _NOTE), _NOTE)
            archive.add(database, _DATABASE)
            for name in keys:
                archive.add(config.data_dir / name, name)
        os.link(parcel, target)  # it appears whole or not at all, and replaces nothing
    return keys


def read_note(source: Path) -> Note:
    """What a backup says it holds; raises ArchiveError if it is none."""
    with _open(source) as archive:
        return Note(**json.loads(_member(archive, _NOTE)))


def restore(config: Config, source: Path, *, environment: Environment) -> list[str]:
    """Replace the database and the kept keys by those of a backup; returns the keys. Raises ArchiveError."""
    note = read_note(source)
    if note.engine != engine_of(config):
        raise ArchiveError(
            f"This backup is of a {note.engine} database, and ZBWEB_DATABASE_URL names a {engine_of(config)} one."
        )
    with tempfile.TemporaryDirectory(dir=config.data_dir, prefix=".restore-") as scratch:
        database = Path(scratch, _DATABASE)
        keys = _unpack(source, database)
        _LOADERS[note.engine](config, database, environment)
    for name, key in keys.items():
        _put_key(config.data_dir / name, key)
    return list(keys)


def _unpack(source: Path, database: Path) -> dict[str, str]:
    """Put the copy of the database at `database`; returns the keys by name."""
    with _open(source) as archive:
        with _opened(archive, _DATABASE) as packed, database.open("wb") as file:
            shutil.copyfileobj(packed, file)
        return {name: _member(archive, name).decode() for name in KEYS if name in archive.getnames()}


@contextmanager
def _open(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source) as archive:
            yield archive
    except (OSError, EOFError, tarfile.TarError, zlib.error, KeyError, ValueError, TypeError) as error:
        raise ArchiveError(f"{source} is not a backup of this program, or it is damaged.") from error


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    with _opened(archive, name) as file:
        return file.read()


def _opened(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file


def _put_key(path: Path, key: str) -> None:
    """Put a key back. Credential keys that were made here meanwhile stay behind it, so that nothing is locked out."""
    present = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    known = key.split(",")
    later = [each for each in present.split(",") if each and each not in known] if path.name == "credential.key" else []
    scratch = path.with_suffix(".new")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(",".join([*known, *later]))
    scratch.replace(path)
