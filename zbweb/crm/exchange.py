"""One HTTP exchange: bytes out, bytes back, over connections that are kept alive.

Redirects are never followed (the request carries a credential) and nothing is repeated here. What
matters for writes is whether the CRM can have heard us, so failures before and after the request went
out become different errors.
"""

import functools
import io
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ssl import SSLCertVerificationError

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError

from zbweb.crm.errors import AnswerLost, CrmError, TimedOut, Unreachable

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 60.0
_CONNECTIONS_KEPT = 10
_CHUNK = 1 << 16


class _TooSlow(HTTPError):
    """An answer that keeps arriving, drop by drop, longer than anybody waits for a whole one."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request, ready to send; `repeatable` says that sending it twice does no harm."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def pool() -> urllib3.PoolManager:
    """This process's kept connections; a forked child gets its own, sockets cannot be shared."""
    return _pool_of(os.getpid())


@functools.cache
def _pool_of(_process: int) -> urllib3.PoolManager:
    return urllib3.PoolManager(maxsize=_CONNECTIONS_KEPT, retries=False)


def ask(http: urllib3.PoolManager, question: Question, timeout: urllib3.Timeout) -> Answer:
    """Send `question`, read the whole answer. Raises Unreachable, TimedOut or, for writes, AnswerLost.

    The read time-out is for all of it: a server that sends a byte now and then would else keep us for ever.
    """
    deadline = time.monotonic() + float(timeout.read_timeout or READ_TIMEOUT)
    with streamed(http, question, timeout) as response:
        return Answer(status=response.status, headers=response.headers, body=_whole_body(response, deadline))


def _whole_body(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    """Decoded at the end only: a decoder would wait for the bytes it needs, however long they take."""
    packed = io.BytesIO()
    while chunk := response.read1(_CHUNK, decode_content=False):
        packed.write(chunk)
        if time.monotonic() > deadline:
            raise _TooSlow("the answer did not arrive in time")
    packed.seek(0)
    return urllib3.HTTPResponse(packed, {"Content-Encoding": response.headers.get("Content-Encoding", "")}).data


@contextmanager
def streamed(
    http: urllib3.PoolManager, question: Question, timeout: urllib3.Timeout
) -> Iterator[urllib3.BaseHTTPResponse]:
    """Send `question` and hand out the answer while it is still arriving; the same errors as `ask`."""
    with _silence_explained(question):
        response = http.request(
            question.method,
            question.url,
            body=question.body,
            headers={"Accept-Encoding": "gzip", **question.headers},
            timeout=timeout,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            yield response
        except BaseException:
            response.close()  # half read: this connection cannot be used again
            raise
        response.drain_conn()
        response.release_conn()


@contextmanager
def _silence_explained(question: Question) -> Iterator[None]:
    try:
        yield
    except HTTPError as error:
        raise _explained(error, question) from error


def _explained(error: HTTPError, question: Question) -> CrmError:
    if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
        return TimedOut("Zoho CRM could not be reached in time. Check the network, then try again.")
    if isinstance(error, NewConnectionError) or _is_untrusted(error):
        return Unreachable("Zoho CRM could not be reached. Check the network, then try again.")
    if not question.repeatable:
        return AnswerLost(
            "The connection to Zoho CRM broke before it answered, so the record may have been written there. "
            "It is looked up before it is sent again."
        )
    if isinstance(error, ReadTimeoutError | _TooSlow):
        return TimedOut("Zoho CRM did not answer in time. Try again in a moment.")
    return Unreachable("The connection to Zoho CRM broke. Try again in a moment.")


def _is_untrusted(error: HTTPError) -> bool:
    return isinstance(error, SSLError) and any(isinstance(cause, SSLCertVerificationError) for cause in error.args)
