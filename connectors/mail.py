"""E-mail over SMTP (RFC 5321), with the standard library's client."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from connectors.channels import Closed, Lost, Outcome, Postponed, Promise, Rejected, Sent
from model.message import Line, Message

TIMEOUT = 20.0  # seconds for each step
SECURITY = ("starttls", "tls", "none")
NO_RECIPIENT, BAD_ADDRESS = "NO_RECIPIENT", "BAD_ADDRESS"  # codes of what we refuse ourselves


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and as whom."""

    host: str
    sender: str  # "leadrelay <leads@example.com>"
    port: int = 587
    user: str = ""
    password: str = field(default="", repr=False)
    security: str = "starttls"


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail to some people. Our key becomes the Message-ID, so that a mailbox may know a repeat.

    The answer to the end of DATA is what counts: when it does not come, nobody can ask the server.
    """

    name: str
    server: MailServer
    recipients: tuple[str, ...] = ()
    promise: Promise = Promise.AT_MOST_ONCE
    kind: str = "mail"
    pace: float = 1.0
    capacity: int = 100_000

    def send(self, message: Message) -> Outcome:
        """Send one mail to all its recipients; one that only some of them get is sent all the same."""
        to = message.to or self.recipients
        if not to:
            return Rejected("the mail has no recipient", NO_RECIPIENT)
        try:
            mail = written(message, self.server.sender, to)
            text = mail.as_bytes(policy=SMTP)
        except (ValueError, LookupError) as error:  # of the library, where an address is none
            return Rejected(f"no mail can be written to these addresses: {type(error).__name__}", BAD_ADDRESS)
        try:
            client = self._connected()
        except smtplib.SMTPAuthenticationError as error:
            return Closed(f"the mail server refused user or password: {_said(error)}")
        except (OSError, smtplib.SMTPException) as error:
            return Postponed(f"the mail server could not be reached: {type(error).__name__}: {error}")
        except ValueError:  # its words quote the password
            return Closed("the mail server's host, user or password holds what SMTP cannot carry; use ASCII")
        try:
            return _handed_in(client, mail, text, to)
        finally:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                client.quit()

    def _connected(self) -> smtplib.SMTP:
        server, context = self.server, ssl.create_default_context()
        if server.security == "tls":
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=TIMEOUT, context=context
            )
        else:
            client = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
        try:
            if server.security == "starttls":
                client.starttls(context=context)
            if server.user:
                client.login(server.user, server.password)
        except BaseException:  # raised again: whatever ended it, the socket must not stay open
            client.close()
            raise
        return client


def written(message: Message, sender: str, to: Sequence[str]) -> EmailMessage:
    """Return the mail: plain text, in which nothing can be anything but words."""
    mail = EmailMessage()
    mail["Subject"] = _sound(" ".join(message.title.split()))
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Date"] = formatdate(localtime=False)
    domain = sender.rpartition("@")[2].strip("> ") or "localhost"
    mail["Message-ID"] = f"<{message.key}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: holiday notes are not sent back
    mail.set_content(_sound("\n".join(map(_line, message.lines))) + "\n")
    return mail


def _sound(text: str) -> str:
    """Return a text without halves of surrogate pairs, which no mail can carry."""
    return text.encode("utf-8", "replace").decode()


def _line(line: Line) -> str:
    return "".join(f"{part.text}: {part.url}" if part.url else part.text for part in line)


def _handed_in(client: smtplib.SMTP, mail: EmailMessage, content: bytes, to: Sequence[str]) -> Outcome:
    """Go through MAIL, RCPT and DATA by hand: what an error means depends on the step."""
    try:
        refused = _begin(client, mail, [each for each in to if each.isascii()])
    except (OSError, smtplib.SMTPException) as error:
        return Postponed(f"the mail server broke off: {type(error).__name__}")
    except ValueError:
        return Rejected("a recipient's address holds what SMTP cannot carry", BAD_ADDRESS)
    if refused is not None:
        return refused
    try:
        code, text = client.data(content)
    except smtplib.SMTPDataError as error:
        return _by_code(error.smtp_code, error.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        return Lost(f"the mail server gave no answer: {type(error).__name__}")
    return Sent(_text(text)[:200]) if code == 250 else _by_code(code, text)


def _begin(client: smtplib.SMTP, mail: EmailMessage, to: Sequence[str]) -> Outcome | None:
    """Name sender and recipients; return why the mail cannot go to any of them, if so."""
    if not to:
        why = "no recipient's address is in ASCII, as SMTP asks for; write its domain as xn--…"
        return Rejected(why, BAD_ADDRESS)
    sender = mail["From"].addresses[0].addr_spec if mail["From"].addresses else ""
    if not sender.isascii() or "@" not in sender:
        return Closed("the sender is no address in ASCII, as SMTP asks for; write its domain as xn--…")
    client.ehlo_or_helo_if_needed()
    code, text = client.mail(sender)
    if code == 530:
        return Closed(f"the mail server wants a user: {code} {_text(text)}")
    if code != 250:
        return _by_code(code, text)
    answers = [client.rcpt(each) for each in to]
    if not any(code in (250, 251) for code, _ in answers):
        passing = [answer for answer in answers if 400 <= answer[0] < 500]
        return _by_code(*(passing or answers)[0])
    return None


def _by_code(code: int, text: bytes | str) -> Outcome:
    said = f"the mail server said {code} {_text(text)}"
    return Postponed(said) if code < 500 else Rejected(said, f"SMTP_{code}")


def _said(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _text(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
