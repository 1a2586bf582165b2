"""What a list's URL asks for: which page of it."""

from flask import request

from zbweb.billing.queries.paging import Window


def window() -> Window:
    """The page of a keyset list that `after` or `before` in the URL names; nonsense means the first."""
    return Window(after=request.args.get("after", type=int), before=request.args.get("before", type=int))
