"""TLS for waitress, which speaks plain http only: the same channels over sockets that encrypt."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

from sandbox.channels import Channel

NOT_NOW = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class SecureSocket:
    """A connection's socket as waitress wants it: it never blocks, and "not now" is EWOULDBLOCK.

    Waitress reads in its loop and may send in a worker at the same time; OpenSSL takes one call at a time.
    """

    def __init__(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        self._tls = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tls, name)

    def recv(self, size: int) -> bytes:
        """What has come, all of it: what OpenSSL holds back, no poll would tell of. Greets on first use."""
        with self._lock:
            try:
                data = self._tls.recv(size)
            except NOT_NOW as error:
                raise BlockingIOError(errno.EWOULDBLOCK, "nothing to read yet") from error
            while held := self._tls.pending():
                data += self._tls.recv(held)
            return data

    def send(self, data: bytes) -> int:
        """Send as much as goes now; how much that was."""
        view, sent = memoryview(data), 0
        with self._lock:
            while sent < len(view):
                try:
                    sent += self._tls.send(view[sent:])
                except NOT_NOW as error:
                    if not sent:
                        raise BlockingIOError(errno.EWOULDBLOCK, "no room to write yet") from error
                    break
        return sent

    def close(self) -> None:
        """Say goodbye and close; the other side's own goodbye is not waited for."""
        with self._lock:
            with contextlib.suppress(OSError, ValueError):  # gone already, or never greeted
                self._tls.unwrap()
            self._tls.close()


class SecureChannel(Channel):
    """One connection over TLS."""

    def handle_read(self) -> None:
        """Read what has come; a greeting, or half a record, brings nothing yet."""
        try:
            data = self.recv(self.adj.recv_bytes)
        except BlockingIOError:
            return
        except OSError:  # no TLS, or a client that does not trust us
            self.handle_close()
            return
        if data:
            self.last_activity = time.time()
            self.received(data)


def channels(context: ssl.SSLContext) -> Callable[..., SecureChannel | None]:
    """How waitress makes a channel of a connection it accepted."""

    def channel(server: Any, sock: socket.socket, *arguments: Any, **named: Any) -> SecureChannel | None:
        try:
            secure = SecureSocket(sock, context)
        except OSError:  # gone before it was greeted
            sock.close()
            return None
        return SecureChannel(server, secure, *arguments, **named)

    return channel
