"""Celery on RabbitMQ, when scaled out: a message names what to drain, and carries nothing else.

The store is the truth. A message that is lost, sent twice or refused costs a moment: each loop
looks at the store every second by itself. So messages are transient, expire, and a full queue
drops its oldest.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import structlog
from amqp.exceptions import AMQPError
from celery import Celery
from celery.worker import WorkController, state
from kombu import Exchange, Queue
from kombu.common import Broadcast
from kombu.exceptions import KombuError

from leadrelay.bell import BrokerAway

log = structlog.get_logger("leadrelay.celery")

DRAIN = "leadrelay.drain"  # the one task: drain(what), with what as in ``sync.database.Signals``

FOR_ANY = ("outbox:", "follow:")  # what any worker can do; the rest is for who has its seat: all are told

TTL = 10.0  # seconds that a message may wait for a worker
MOST_WAITING = 1_000  # messages
BEGIN_AGAIN = 5.0  # seconds after it ended by itself

WORK = Queue(DRAIN, Exchange(DRAIN), DRAIN, durable=False, message_ttl=TTL, max_length=MOST_WAITING)
TOLD_ALL = Exchange("leadrelay.inbox", type="fanout", durable=False)


def build(broker_url: str) -> Celery:
    """Return the app that both who sends and who works use; nothing is connected yet."""
    app = Celery("leadrelay", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_acks_late=True,  # a worker that is killed gives what it was told to another one
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_default_delivery_mode="transient",
        task_queues=(WORK, Broadcast(exchange=TOLD_ALL, alias=TOLD_ALL.name, durable=False, message_ttl=TTL)),
        task_default_queue=DRAIN,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,  # what drains goes on without the broker
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=3.0,
        broker_heartbeat=10,
        broker_transport_options={"confirm_publish": True},
    )
    return app


def send(app: Celery, what: str) -> None:
    """Say that there is something to drain; tries twice. Raises ``BrokerAway``."""
    where = {"exchange": TOLD_ALL.name, "exchange_type": "fanout", "declare": [TOLD_ALL]}
    try:
        app.send_task(
            DRAIN,
            (what,),
            retry=True,  # else a connection that broke would stay broken
            retry_policy={"max_retries": 1, "interval_start": 0},
            timeout=3.0,
            confirm_timeout=3.0,
            **({"queue": WORK} if what.startswith(FOR_ANY) else where),
        )
    except (KombuError, AMQPError, OSError) as error:
        raise BrokerAway(f"{type(error).__name__}: {error}") from error


class Crew:
    """Celery's worker in threads of this process: takes messages and drains what they name."""

    def __init__(self, app: Celery, drain: Callable[[str], None], *, threads: int = 8) -> None:
        self._app, self._threads = app, threads
        app.task(drain, name=DRAIN, shared=False)
        app.set_default()  # for the threads of celery's pool
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="celery", daemon=True)

    def start(self) -> None:
        """Begin to listen; a broker that is away is tried again and again."""
        logging.getLogger("celery").setLevel(logging.ERROR)  # a line a try while the broker is away
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Take no more messages, and let what is being drained finish."""
        self._stopping.set()
        state.should_stop = 0  # celery's own flag of this process, looked at every second
        self._thread.join(timeout)
        state.should_stop = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                WorkController(
                    app=self._app,
                    pool_cls="threads",
                    concurrency=self._threads,
                    without_heartbeat=True,
                    without_mingle=True,
                    without_gossip=True,
                ).start()
            except Exception:  # the loops look at the store meanwhile
                log.exception("celery.failed")
            if not self._stopping.is_set():
                log.warning("celery.ended", begins_again_in=BEGIN_AGAIN)
                self._stopping.wait(BEGIN_AGAIN)
