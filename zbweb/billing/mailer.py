"""The one place that speaks SMTP: `smtp://user:password@host:587` (encrypted when offered) or `smtps://…:465`.

A password is never told to another machine unencrypted: whoever stands between could take the offer away.
"""

import smtplib
import ssl
from email.message import EmailMessage as MimeMessage
from urllib.parse import unquote, urlsplit

from zbweb.errors import AppError

_TIMEOUT_SECONDS = 30
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_UNENCRYPTED = (
    "The mail server offers no encryption, so it was not told the password. Use smtps:// or have it offer TLS."
)


class Refused(AppError):
    """The mail server did not take the message; `is_passing` says whether it may tomorrow."""

    status = 502

    def __init__(self, message: str, *, is_passing: bool) -> None:
        super().__init__(message)
        self.is_passing = is_passing


def transmit(message: MimeMessage, smtp_url: str) -> str:
    """Hand a message over; raises Refused when the server takes it for nobody.

    Returns a sentence about the addresses that were refused while others were not; empty when all were accepted.
    """
    try:
        with _connected(smtp_url) as server:
            refused = server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        raise _refusal(dict(error.recipients)) from error
    except smtplib.SMTPResponseException as error:
        text = _text(error.smtp_error)
        sentence = f"The mail server answered {error.smtp_code}: {text}"
        raise Refused(sentence, is_passing=400 <= error.smtp_code < 500) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Refused(f"The mail server could not be reached: {error}", is_passing=True) from error
    return _refusal(dict(refused)).message if refused else ""


def _connected(smtp_url: str) -> smtplib.SMTP:
    parts = urlsplit(smtp_url)
    host, context = parts.hostname or "", ssl.create_default_context()
    server: smtplib.SMTP
    if parts.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, parts.port or 465, timeout=_TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=_TIMEOUT_SECONDS)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=context)
        elif parts.username and host not in _THIS_MACHINE:
            server.close()
            raise Refused(_UNENCRYPTED, is_passing=True)
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server


def _refusal(recipients: dict[str, tuple[int, bytes]]) -> Refused:
    said = "; ".join(f"{address}: {code} {_text(text)}" for address, (code, text) in recipients.items())
    is_passing = all(400 <= code < 500 for code, _ in recipients.values())
    return Refused(f"The mail server refused some addresses. {said}", is_passing=is_passing)


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
