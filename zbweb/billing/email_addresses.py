"""What is taken for an e-mail address: something, an @ and a host with a dot. Whether it exists, a message shows."""

import re

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def is_email_address(text: str) -> bool:
    """Whether a message could be sent there."""
    return _ADDRESS.fullmatch(text) is not None
