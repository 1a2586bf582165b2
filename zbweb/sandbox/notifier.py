"""Tells subscribers about changes: real POSTs from a background thread, after the change was committed.

The CRM promises neither order nor delivery, so a subscriber that does not answer is tried twice more and then
given up. One POST carries all records of one module that one unit of work inserted, updated or deleted.
"""

import json
import queue
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3

from zbweb.sandbox.channels import messages_for
from zbweb.sandbox.faults import Faults
from zbweb.sandbox.work import Change

if TYPE_CHECKING:
    from zbweb.sandbox.state import Sandbox

TIMEOUT_SECONDS = 5
PAUSES_SECONDS = (0.5, 2.0)
LONGEST_LOG = 10_000


@dataclass(frozen=True, slots=True)
class Message:
    """One POST that is to go out."""

    url: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a POST: the subscriber's status, or 0 with the reason why there was none."""

    url: str
    payload: dict[str, Any]
    status: int
    reason: str
    tries: int


class Notifier:
    """Starts its thread with the first message, so that a CRM nobody listens to has none."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._waiting: queue.Queue[Message | None] = queue.Queue()
        self._deliveries: deque[Delivery] = deque(maxlen=LONGEST_LOG)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._http = urllib3.PoolManager(timeout=TIMEOUT_SECONDS, retries=False)

    def announce(self, sandbox: "Sandbox", changes: list[Change]) -> None:
        """Queue what the subscribers of these changes are to hear."""
        if not changes or self._faults.notifications == "drop":
            return
        repeats = 2 if self._faults.notifications == "duplicate" else 1
        for url, payload in messages_for(sandbox, changes):
            for _ in range(repeats):
                self.send(url, payload)

    def send(self, url: str, payload: dict[str, Any]) -> None:
        self._waiting.put(Message(url, payload))
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sandbox-notifier", daemon=True)
                self._thread.start()

    def deliveries(self) -> list[Delivery]:
        return list(self._deliveries)

    def forget(self) -> None:
        self._deliveries.clear()

    def stop(self) -> None:
        """Give up what is still waiting and end the thread."""
        self._stopping.set()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(timeout=TIMEOUT_SECONDS + 1)
        self._http.clear()

    def _run(self) -> None:
        while (message := self._waiting.get()) is not None and not self._stopping.is_set():
            self._deliveries.append(self._deliver(message))

    def _deliver(self, message: Message) -> Delivery:
        status, reason = 0, ""
        for tries in range(1, len(PAUSES_SECONDS) + 2):
            status, reason = self._post(message)
            if 200 <= status < 300 or tries > len(PAUSES_SECONDS):
                break
            if self._stopping.wait(PAUSES_SECONDS[tries - 1]):
                break
        return Delivery(message.url, message.payload, status, reason, tries)

    def _post(self, message: Message) -> tuple[int, str]:
        headers = {"Content-Type": "application/json"}
        try:
            answer = self._http.request("POST", message.url, body=json.dumps(message.payload), headers=headers)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            return 0, str(error)
        return answer.status, answer.reason or ""
