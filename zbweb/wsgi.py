"""What a web server loads, and `flask --app zbweb.wsgi`."""

import sys

import click

from zbweb.app import create_app
from zbweb.db import db
from zbweb.logs import configure
from zbweb.upkeep import doctor

configure()
app = create_app()


@app.cli.command("doctor")
def examine() -> None:
    """Look whether everything is well, as `python -m zbweb.cli doctor` does."""
    sys.exit(doctor.tell(db.session(), click.echo))
