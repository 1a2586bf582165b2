"""Commands are run as their user runs them: arguments, environment, what they print and how they end."""

import io
import sys

import pytest

from zbweb import cli, config


@pytest.fixture
def command(capsys, monkeypatch):
    """`command("doctor")` → (exit code, everything that was printed); `typed` comes from standard input."""

    def run(*arguments: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))  # a command reads the real one
        capsys.readouterr()
        code = cli.main(list(arguments))
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def within():
    """Make a configuration the one that commands find."""
    yield config.use
    config.use(config.Config())
