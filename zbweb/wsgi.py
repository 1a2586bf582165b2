"""What a web server loads."""

from zbweb.app import create_app
from zbweb.logs import configure

configure()
app = create_app()
