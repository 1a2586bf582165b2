"""Every setting, read once from the environment into one frozen object.

The only module that reads the environment. Nonsense stops the start with the variable's name and
what it may hold. A secret can also come from a file: `ZBWEB_SECRET_KEY_FILE` names it.
"""

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.fernet import Fernet

from zbweb.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one process; see the README's table for the environment variable behind each."""

    port: int = 8000
    sandbox_port: int = 8001
    data_dir: Path = Path("var")
    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    credential_keys: tuple[str, ...] = field(default=(), repr=False)
    crm_accounts_url: str | None = None
    crm_api_url: str | None = None
    auto_sync_minutes: int = 120
    workers: int = 1
    public_url: str = ""
    metrics_token: str = field(default="", repr=False)
    smtp_url: str = field(default="", repr=False)
    mail_from: str = "billing@localhost"
    credits_reserve: int = 0
    secure_cookies: bool = False

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a SQLite file."""
        return self.database_url.startswith("sqlite")


_current: Config | None = None


def current() -> Config:
    """This process's settings; read from the environment at first use."""
    global _current  # noqa: PLW0603  one configuration per process is the point
    if _current is None:
        _current = from_env(os.environ)
    return _current


def use(config: Config) -> None:
    """Make `config` this process's settings (the composition roots and tests say so once)."""
    global _current  # noqa: PLW0603
    _current = config


def note_of_run(config: Config) -> Path:
    """Where `make run` notes, while it runs, what it chose itself and told nobody but its own processes."""
    return config.data_dir / "running.json"


def beside_run(config: Config) -> Config:
    """`config` for a command that is given beside `make run`, without Redis' address: with what was noted."""
    note = note_of_run(config)
    if config.redis_url or not note.exists():
        return config
    return replace(config, **json.loads(note.read_text(encoding="utf-8")))


def from_env(env: Mapping[str, str]) -> Config:
    """Read settings from `env`; raises ConfigError naming the variable that holds nonsense."""
    data_dir = Path(env.get("ZBWEB_DATA_DIR", "var")).resolve()
    config = Config(
        port=_integer(env, "ZBWEB_PORT", 8000, lowest=1, highest=65535),
        sandbox_port=_integer(env, "ZBWEB_SANDBOX_PORT", 8001, lowest=1, highest=65535),
        data_dir=data_dir,
        database_url=_database_url(env, data_dir),
        redis_url=_secret(env, "ZBWEB_REDIS_URL"),
        crm_accounts_url=_base_url(env, "ZBWEB_CRM_ACCOUNTS_URL"),
        crm_api_url=_base_url(env, "ZBWEB_CRM_API_URL"),
        auto_sync_minutes=_integer(env, "ZBWEB_AUTO_SYNC_MINUTES", 120, lowest=1, highest=10080),
        workers=_integer(env, "ZBWEB_WORKERS", 1, lowest=1, highest=64),
        public_url=_base_url(env, "ZBWEB_PUBLIC_URL") or "",
        metrics_token=_secret(env, "ZBWEB_METRICS_TOKEN"),
        smtp_url=_secret(env, "ZBWEB_SMTP_URL"),
        mail_from=env.get("ZBWEB_MAIL_FROM", "billing@localhost"),
        credits_reserve=_integer(env, "ZBWEB_CRM_CREDITS_RESERVE", 0, lowest=0, highest=10_000_000),
        secure_cookies=_boolean(env, "ZBWEB_SECURE_COOKIES"),
    )
    return replace(
        config,
        public_url=config.public_url or f"http://127.0.0.1:{config.port}",
        secret_key=_secret(env, "ZBWEB_SECRET_KEY") or _kept_secret(data_dir / "secret.key", _new_session_key),
        credential_keys=_credential_keys(env, data_dir),
    )


def _integer(env: Mapping[str, str], name: str, default: int, *, lowest: int, highest: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise ConfigError(f"{name} is '{text}'. Give a whole number from {lowest} to {highest}.")
    return int(text)


def _boolean(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "0").lower()
    if text not in {"0", "1", "false", "true", ""}:
        raise ConfigError(f"{name} is '{text}'. Give 1 or 0.")
    return text in {"1", "true"}


def _base_url(env: Mapping[str, str], name: str) -> str | None:
    text = env.get(name, "").rstrip("/")
    if text and not text.startswith(("http://", "https://")):
        raise ConfigError(f"{name} is '{text}'. Give an address that begins with http:// or https://.")
    return text or None


def _database_url(env: Mapping[str, str], data_dir: Path) -> str:
    url = _secret(env, "ZBWEB_DATABASE_URL") or f"sqlite:///{data_dir / 'zbweb.sqlite3'}"
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ConfigError("ZBWEB_DATABASE_URL must begin with sqlite:/// or postgresql+psycopg://.")
    return url


def _secret(env: Mapping[str, str], name: str) -> str:
    path = env.get(f"{name}_FILE")
    if not path:
        return env.get(name, "")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name}_FILE is '{path}', which cannot be read ({type(error).__name__}).") from error


def _credential_keys(env: Mapping[str, str], data_dir: Path) -> tuple[str, ...]:
    text = _secret(env, "ZBWEB_CREDENTIAL_KEYS") or _kept_secret(data_dir / "credential.key", _new_fernet_key)
    keys = tuple(part.strip() for part in text.split(",") if part.strip())
    try:
        for key in keys:
            Fernet(key)
    except ValueError as error:
        raise ConfigError("ZBWEB_CREDENTIAL_KEYS must hold Fernet keys, newest first, set apart by commas.") from error
    return keys


def _new_session_key() -> str:
    return secrets.token_urlsafe(48)


def _new_fernet_key() -> str:
    return Fernet.generate_key().decode()


def _kept_secret(path: Path, make: Callable[[], str]) -> str:
    """A secret that the first start makes and later starts find, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret := make())
    return secret
