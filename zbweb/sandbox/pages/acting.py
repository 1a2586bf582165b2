"""As which user of the CRM a person at the pages acts: the administrator, unless they chose another."""

from flask import request

from zbweb.sandbox.members import Member
from zbweb.sandbox.state import Sandbox

COOKIE = "working_as"


def actor(sandbox: Sandbox) -> Member:
    chosen = request.cookies.get(COOKIE, "")
    member = sandbox.members.get(int(chosen)) if chosen.isdecimal() else None
    return member if member is not None and member.is_active else sandbox.admin
