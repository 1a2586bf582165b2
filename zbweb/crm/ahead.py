"""One page fetched ahead in a thread, so that the network and the database work at the same time."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context

from zbweb.crm.port import Page


def one_ahead(fetch: Callable[[str | None], Page], token: str | None) -> Iterator[Page]:
    """Pages from `token` (None: the first) to the last, each asked for while the one before is used.

    An error of `fetch` is raised where its page would have come. A consumer that stops early waits for
    nothing; the page under way is thrown away.
    """
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="crm-page")

    def start(token: str | None) -> Future[Page]:
        return executor.submit(copy_context().run, fetch, token)

    try:
        pending: Future[Page] | None = start(token)
        while pending:
            page = pending.result()
            pending = start(page.next_token) if page.next_token else None
            if page.records:
                yield page
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
