"""`python -m zbweb.sandbox --port 8001 --data-dir DIR` runs the stand-in CRM in the foreground."""

import argparse
import signal
import threading
from pathlib import Path
from types import FrameType

from zbweb.sandbox.app import create_sandbox
from zbweb.sandbox.server import serve


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m zbweb.sandbox", description="A stand-in for Zoho CRM.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8001, help="port to listen on")
    parser.add_argument("--data-dir", type=Path, default=Path("var/sandbox"), help="where its data are kept")
    parser.add_argument("--base-url", default=None, help="address to name in answers, if not the caller's own")
    options = parser.parse_args(arguments)
    app = create_sandbox(options.data_dir, base_url=options.base_url)
    server = serve(app, options.host, options.port)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"sandbox CRM: http://{options.host}:{server.server_port}", flush=True)  # noqa: T201 - the command's output
    server.serve_forever()
    server.server_close()
    app.extensions["sandbox"].close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
