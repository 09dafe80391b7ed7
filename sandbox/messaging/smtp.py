"""The mail server of the sandbox: takes every mail and delivers none, on a port of its own.

It speaks ESMTP with SIZE, 8BITMIME, SMTPUTF8 and AUTH PLAIN and LOGIN, and has no STARTTLS. The status codes
are those of RFC 5321 and RFC 3463; which addresses bring them is our own choice.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from sandbox.faults import Plan
from sandbox.messaging import mail
from sandbox.stats import Call

if TYPE_CHECKING:
    from sandbox.messaging.service import Messaging

USER, PASSWORD = "sandbox", "sandbox-password"
TEMPLATE = "SMTP DATA"  # under which a mail is counted, and which a fault's `only` may name
PATH = "/smtp"
GREY_FOR = timedelta(seconds=60)  # how long greylisting puts a sender off (RFC 6647 leaves it to the server)
REFUSALS = {  # local part of a recipient -> what RCPT TO answers
    "bounce": "550 5.1.1 The mailbox does not exist",
    "blocked": "550 5.7.1 The message was refused",
    "full": "452 4.2.2 The mailbox is full",
    "later": "451 4.3.0 Try again later",
}


class MailServer:
    """The mail server on one port, in a thread of this process until it is stopped."""

    def __init__(self, service: Messaging, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._service, self._host, self._port = service, host, port
        self._loop = asyncio.new_event_loop()
        self._open: set[Any] = set()  # transports of the connections
        self._server = self._loop.run_until_complete(self._listen())
        self.port = int(self._server.sockets[0].getsockname()[1])
        self.url = service.smtp_url = f"smtp://{host}:{self.port}"
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"sandbox {self.url}", daemon=True
        )

    def start(self) -> MailServer:
        """Begin to take mail."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # a broken connection is no news here
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(self._protocol, self._host, self._port)

    def _protocol(self) -> SMTP:
        return _Protocol(
            Handler(self._service),
            data_size_limit=self._service.faults.limits["mail_bytes"],
            enable_SMTPUTF8=True,
            hostname="mail.northlight.example",
            ident="sandbox",
            authenticator=_authenticate,
            auth_require_tls=False,
            loop=self._loop,
            among=self._open,
        )

    async def _close(self) -> None:
        self._server.close()
        for transport in list(self._open):
            transport.abort()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class _Protocol(SMTP):
    """A connection that can be found and cut when the server stops."""

    def __init__(self, *args: Any, among: set[Any], **options: Any) -> None:
        super().__init__(*args, **options)
        self._among = among

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the connection."""
        self._among.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the connection."""
        self._among.discard(self.transport)
        super().connection_lost(error)


class Handler:
    """Decides on each recipient and each mail of a connection; aiosmtpd calls it."""

    def __init__(self, service: Messaging) -> None:
        self._service = service

    async def handle_MAIL(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Begin a mail, for whom may send one."""
        if self._service.faults.setting["smtp_auth"] == "required" and not session.authenticated:
            return self._refused("SMTP MAIL", "530 5.7.0 Authentication required")
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        refusal = REFUSALS.get(address.partition("@")[0].partition("+")[0].lower())
        if refusal is None and self._is_grey(session, envelope, address):
            refusal = "450 4.7.1 Greylisted, try again later"
        if refusal is not None:
            return self._refused("SMTP RCPT", refusal)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Keep a mail, or let happen to it what the faults say."""
        service = self._service
        call = Call(service.stats.next_id(), "SMTP", PATH, TEMPLATE, service.clock.now())
        service.stats.count_call(TEMPLATE)
        plan = service.faults.plan(TEMPLATE, PATH)
        await asyncio.sleep(plan.latency_s)
        if plan.drop:
            return self._cut(server)
        if plan.status is not None:
            return self._answered(_failure(plan))
        content = envelope.original_content or b""
        values = mail.read(content, sender=str(envelope.mail_from or ""), recipients=envelope.rcpt_tos)
        with service.lock:
            record = service.keep("mail", values, call)
            service.raw_mail[record.id] = content
        if plan.timeout_s is not None:
            await asyncio.sleep(plan.timeout_s)
            return self._cut(server)
        return self._answered(f"250 2.0.0 OK: queued as {record.id}")

    def _is_grey(self, session: Session, envelope: Envelope, address: str) -> bool:
        """Whether greylisting still puts off this peer, sender and recipient (RFC 6647)."""
        service = self._service
        if service.faults.setting["greylisting"] != "on":
            return False
        key = (str(session.peer[0] if session.peer else ""), str(envelope.mail_from), address)
        with service.lock:
            first = service.greylist.setdefault(key, service.now())
            return service.now() - first < GREY_FOR

    def _refused(self, template: str, text: str) -> str:
        """Count a mail that did not come as far as its DATA."""
        self._service.stats.count_call(template)
        return self._answered(text)

    def _answered(self, text: str) -> str:
        self._service.stats.count_answer(text[:3])
        return text

    def _cut(self, server: SMTP) -> str:
        """Close the connection; the text that is returned reaches nobody."""
        self._service.stats.count_answer("dropped")
        if isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return "421 4.3.2 The connection was cut"


def _failure(plan: Plan) -> str:
    """An injected fault in the words of SMTP: 429 and 5xx are passing, other 4xx are final."""
    if plan.status == 429:
        return "450 4.7.1 Too many messages, slow down"
    if plan.status is not None and plan.status >= 500:
        return "451 4.3.0 The sandbox was told to fail"
    return "554 5.3.0 The sandbox was told to refuse"


def _authenticate(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
) -> AuthResult:
    """Whether name and password are those of the sandbox; aiosmtpd words the refusal."""
    told = (data.login, data.password) if isinstance(data, LoginPassword) else None
    return AuthResult(success=told == (USER.encode(), PASSWORD.encode()), handled=False)
