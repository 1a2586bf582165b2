"""Making the first admin and changing keys, from the command line."""

from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from tests.conftest import make_config
from zbweb import config
from zbweb.app import create_app
from zbweb.billing.models import Membership, NumberSeries, Organisation, PaymentTerm
from zbweb.clock import now
from zbweb.crm.credentials import grant_in, save_credential
from zbweb.crm.grants import Grant, GrantKind
from zbweb.db import db, unit_of_work, work_for
from zbweb.errors import ConfigError

PASSWORD = "correct horse"
APPOINT = (
    "create-admin",
    "--organisation",
    "Acme Ltd",
    "--email",
    "Ann@Acme.example",
    "--name",
    "Ann",
    "--currency",
    "eur",
)


@pytest.fixture
def place(tmp_path, within):
    settings = make_config(tmp_path)
    within(settings)
    return settings


def in_app(work):
    with create_app(config.current()).app_context():
        work_for(db.session(), None)
        try:
            return work()
        finally:
            db.session.remove()
            db.engine.dispose()


def test_the_first_admin_signs_in_and_finds_an_organisation_that_can_work(place, command):
    code, said = command(*APPOINT, "--time-zone", "Europe/Berlin", typed=PASSWORD + "\n")
    assert code == 0, said
    assert PASSWORD not in said

    def look():
        app = create_app(config.current())
        app.config["WTF_CSRF_ENABLED"] = False
        answer = app.test_client().post("/login", data={"email": "ann@acme.example", "password": PASSWORD})
        made = db.session.scalars(select(Organisation)).one()
        kinds = db.session.scalars(select(NumberSeries.kind)).all()
        return (
            answer.status_code,
            made.base_currency,
            made.time_zone,
            len(kinds),
            bool(db.session.scalars(select(PaymentTerm)).all()),
        )

    assert in_app(look) == (302, "EUR", "Europe/Berlin", 4, True)


def test_a_second_admin_joins_the_organisation_of_that_name(place, command):
    command(*APPOINT, typed=PASSWORD + "\n")
    command("create-admin", "--organisation", "Acme Ltd", "--email", "bea@acme.example", typed=PASSWORD + "\n")
    assert in_app(
        lambda: (len(db.session.scalars(select(Organisation)).all()), len(db.session.scalars(select(Membership)).all()))
    ) == (1, 2)


@pytest.mark.parametrize(
    ("changes", "typed", "words"),
    [
        ({},                                     "short",  "at least 10 characters"),
        ({"--email": "nobody"},                  PASSWORD, "e-mail address"),
        ({"--currency": "XXY"},                  PASSWORD, "not a currency"),
        ({"--time-zone": "Mars/Olympus"},        PASSWORD, "not a time zone"),
        ({"--organisation": " "},                PASSWORD, "name"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_made(place, command, changes, typed, words):
    arguments = {"--organisation": "Acme Ltd", "--email": "ann@acme.example", "--name": "Ann"} | changes
    code, said = command("create-admin", *[word for pair in arguments.items() for word in pair], typed=typed + "\n")
    assert (code, words in said) == (1, True), said
    assert in_app(lambda: db.session.scalars(select(Organisation)).all()) == []


def test_after_a_rotation_the_older_key_is_needed_no_more(place, command):
    command(*APPOINT, typed=PASSWORD + "\n")
    grant = Grant(
        kind=GrantKind.ZSC, accounts_url="http://a.example", api_url="http://b.example", access_token="access-1",
        expires_at=now(), email="admin@crm.example", zsc_key="ZSC-DEMO-KEY",
    )  # fmt: skip

    def keep():
        with unit_of_work() as session:
            save_credential(session, grant, 1)

    in_app(keep)
    newest = Fernet.generate_key().decode()
    config.use(replace(place, credential_keys=(newest, *place.credential_keys)))
    code, said = command("rotate-keys")
    assert (code, "1 stored credential" in said) == (0, True), said
    config.use(replace(place, credential_keys=(newest,)))

    def opened():
        from zbweb.crm.credentials import CrmCredential

        found = grant_in(db.session.scalars(select(CrmCredential)).one())
        return found.zsc_key, found.access_token

    assert in_app(opened) == ("ZSC-DEMO-KEY", "access-1")


def test_a_rotation_without_the_older_key_changes_nothing_and_says_why(place, command):
    test_after_a_rotation_the_older_key_is_needed_no_more(place, command)
    config.use(replace(place, credential_keys=(Fernet.generate_key().decode(),)))
    code, said = command("rotate-keys")
    assert (code, "ZBWEB_CREDENTIAL_KEYS" in said) == (1, True)


def test_help_tells_what_each_command_does(capsys):
    from zbweb import cli

    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = capsys.readouterr().out
    for name in ("run", "prepare", "doctor", "backup", "restore", "create-admin", "rotate-keys"):
        assert name in said


def test_prepare_makes_the_data_directory_although_every_key_is_given_elsewhere(tmp_path, within, command):
    within(make_config(tmp_path / "data", database_url=f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}"))
    assert command("prepare")[0] == 0
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_any_secret_may_stand_in_a_file(tmp_path):
    for name, value in {
        "ZBWEB_REDIS_URL": "redis://:hush@127.0.0.1:6379/0",
        "ZBWEB_METRICS_TOKEN": "hush",
        "ZBWEB_SECRET_KEY": "hush",
        "ZBWEB_SMTP_URL": "smtp://me:hush@127.0.0.1",
        "ZBWEB_DATABASE_URL": "postgresql+psycopg://me:hush@127.0.0.1/x",
    }.items():
        (tmp_path / "secret").write_text(f"{value}\n")
        settings = config.from_env({"ZBWEB_DATA_DIR": str(tmp_path), f"{name}_FILE": str(tmp_path / "secret")})
        assert getattr(settings, name.removeprefix("ZBWEB_").lower()) == value


def test_a_secrets_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="ZBWEB_SMTP_URL_FILE"):
        config.from_env({"ZBWEB_DATA_DIR": str(tmp_path), "ZBWEB_SMTP_URL_FILE": str(tmp_path / "none")})
