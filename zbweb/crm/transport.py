"""One call to the CRM: signed, repeated with patience, its answer either read or raised.

The only place that decides whether a request is sent again:

* what the CRM cannot have heard, or answered with "slow down", is repeated;
* a read or a write that may be repeated survives broken connections and 5xx;
* a write that may not be repeated (a bare insert) becomes AnswerLost as soon as it may have been
  carried out: broken connection, silence, 5xx other than 503, an answer that cannot be read;
* a refused token is renewed once.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import IO, Any
from urllib.parse import urlencode

import structlog
import urllib3

from zbweb.clock import now
from zbweb.crm import exchange, meter
from zbweb.crm.backoff import wait_before_retry
from zbweb.crm.errors import AnswerLost, CrmError, MalformedAnswer
from zbweb.crm.patience import Patience
from zbweb.crm.renewal import TokenSource
from zbweb.crm.translate import SCOPE_MISMATCH, Refusal, error_of, refusal_in
from zbweb.crm.wire import decode, encode, parse_http_date

PATIENCE_SECONDS = 75.0
"""How long one call may take, its repetitions included, where nobody says otherwise."""

_SURELY_NOT_DONE = 503
_EMPTY = frozenset({204, 304})
_CHUNK = 1 << 16
_log = structlog.get_logger(__name__)


Sink = IO[bytes]


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing to ask. `verdicts` names the list of per-item results in a write's answer."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    repeatable: bool = True
    verdicts: str | None = None
    subject: str = "its data"


@dataclass(frozen=True, slots=True)
class Timing:
    """How long to wait for what; tests pass their own `sleep` and `spread`."""

    patience_seconds: float = PATIENCE_SECONDS
    connect_timeout: float = exchange.CONNECT_TIMEOUT
    read_timeout: float = exchange.READ_TIMEOUT
    sleep: Callable[[float], None] = time.sleep
    spread: Callable[[], float] = random.random


class Transport:
    """Calls with one credential; safe to use from several threads."""

    def __init__(
        self, tokens: TokenSource, *, timing: Timing | None = None, http: urllib3.PoolManager | None = None
    ) -> None:
        self._tokens = tokens
        self._timing = timing or Timing()
        self._http = http
        self.server_time: datetime | None = None
        self.ahead = timedelta(0)
        self.credits_remaining: int | None = None

    def call(self, ask: Ask) -> Any:
        """The decoded answer, or None when the CRM has nothing to say (204, 304)."""
        return self._patiently(lambda patience: self._once(ask, patience))

    def download(self, ask: Ask, sink: Sink) -> None:
        """Stream an answer's bytes into `sink`, which starts over when an attempt breaks off."""
        self._patiently(lambda patience: self._download_once(ask, sink, patience))

    def _patiently(self, attempt: Callable[[Patience], Any]) -> Any:
        patience = Patience(self._timing.patience_seconds, sleep=self._timing.sleep)
        attempts = 0
        while True:
            attempts += 1
            try:
                return attempt(patience)
            except CrmError as error:
                wait = wait_before_retry(error, attempts, left=patience.left, spread=self._timing.spread())
                if wait is None:
                    raise
                reason = type(error).__name__
                _log.info("crm_call_repeated", reason=reason, status=error.crm_status, wait=round(wait, 2))
                patience.pause(wait)

    def _once(self, ask: Ask, patience: Patience) -> Any:
        token = self._tokens.access(patience)
        answer = self._send(ask, token, patience)
        if self._token_was_refused(answer):
            answer = self._send(ask, self._tokens.renew(token, patience), patience)
        return self._read(ask, answer)

    def _send(self, ask: Ask, token: str, patience: Patience) -> exchange.Answer:
        question = self._question(ask, token)
        with self._metered(ask) as note:
            answer = exchange.ask(self._http or exchange.pool(), question, self._timeout(patience))
            note(answer.status)
        self._take_notice(answer.headers)
        return answer

    def _download_once(self, ask: Ask, sink: Sink, patience: Patience) -> None:
        token = self._tokens.access(patience)
        answer = self._stream(ask, token, sink, patience)
        if answer and self._token_was_refused(answer):
            answer = self._stream(ask, self._tokens.renew(token, patience), sink, patience)
        if answer:
            self._read(ask, answer)
            raise MalformedAnswer("Zoho CRM did not send the export's file. Try again.", crm_status=answer.status)

    def _stream(self, ask: Ask, token: str, sink: Sink, patience: Patience) -> exchange.Answer | None:
        """None when the file arrived in `sink`, else the answer that came instead."""
        sink.seek(0)
        sink.truncate()
        timeout, http = self._timeout(patience), self._http or exchange.pool()
        with self._metered(ask) as note, exchange.streamed(http, self._question(ask, token), timeout) as response:
            note(response.status)
            if response.status != 200:
                return exchange.Answer(response.status, response.headers, response.read())
            for chunk in response.stream(_CHUNK):
                sink.write(chunk)
        return None

    def _question(self, ask: Ask, token: str) -> exchange.Question:
        query = f"?{urlencode(ask.params)}" if ask.params else ""
        headers = {"Authorization": f"Zoho-oauthtoken {token}", "Accept": "application/json", **ask.headers}
        body = None
        if ask.body is not None:
            body = encode(ask.body).encode()
            headers["Content-Type"] = "application/json"
        return exchange.Question(ask.method, f"{self._tokens.api_url}{ask.path}{query}", headers, body, ask.repeatable)

    def _timeout(self, patience: Patience) -> urllib3.Timeout:
        left = max(0.1, patience.left)
        return urllib3.Timeout(
            connect=min(left, self._timing.connect_timeout), read=min(left, self._timing.read_timeout)
        )

    @contextmanager
    def _metered(self, ask: Ask) -> Iterator[Callable[[int], None]]:
        began = time.monotonic()
        outcome = "broken"

        def note(status: int) -> None:
            nonlocal outcome
            outcome = str(status)

        try:
            yield note
        except CrmError as error:
            outcome = type(error).__name__
            raise
        finally:
            milliseconds = round((time.monotonic() - began) * 1000)
            meter.called(outcome)
            _log.debug("crm_call", method=ask.method, path=ask.path, outcome=outcome, ms=milliseconds)

    def _take_notice(self, headers: Mapping[str, str]) -> None:
        at = parse_http_date(headers.get("Date"))
        if at is not None:
            self.server_time, self.ahead = at, at - now()
        remaining = headers.get("X-API-CREDITS-REMAINING", "")
        if remaining.isdecimal():
            self.credits_remaining = int(remaining)

    def _token_was_refused(self, answer: exchange.Answer) -> bool:
        if answer.status != 401:
            return False
        refusal = refusal_in(_decoded_or_none(answer.body))
        return refusal is None or refusal.code != SCOPE_MISMATCH

    def _read(self, ask: Ask, answer: exchange.Answer) -> Any:
        if answer.status in _EMPTY:
            return None
        body = _decoded_or_none(answer.body)
        if ask.verdicts and _holds_verdicts(answer.status, body, ask.verdicts):
            return body
        refusal = refusal_in(body)
        if answer.status >= 300 or refusal:
            raise self._failure(ask, answer, refusal)
        if body is None:
            raise _unreadable(ask, answer)
        return body

    def _failure(self, ask: Ask, answer: exchange.Answer, refusal: Refusal | None) -> CrmError:
        if not ask.repeatable and answer.status >= 500 and answer.status != _SURELY_NOT_DONE:
            return _unreadable(ask, answer)
        return error_of(
            answer.status,
            refusal,
            subject=ask.subject,
            retry_after=answer.headers.get("Retry-After"),
            at=now(),
        )


def _decoded_or_none(body: bytes) -> Any:
    try:
        return decode(body)
    except ValueError:
        return None


def _holds_verdicts(status: int, body: Any, key: str) -> bool:
    """Per-item results come with 2xx and 4xx alike; what they say counts, not the status."""
    answered = status < 500 and status not in {401, 429}
    return answered and isinstance(body, Mapping) and isinstance(body.get(key), list)


def _unreadable(ask: Ask, answer: exchange.Answer) -> CrmError:
    if ask.repeatable:
        return MalformedAnswer(
            f"Zoho CRM's answer about {ask.subject} could not be read (HTTP {answer.status}). Try again in a moment.",
            crm_status=answer.status,
        )
    return AnswerLost(
        f"Zoho CRM's answer to a write about {ask.subject} was lost (HTTP {answer.status}), so the record may exist "
        "there. It is looked up before it is sent again.",
        crm_status=answer.status,
    )
