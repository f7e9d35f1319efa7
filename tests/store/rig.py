"""What the tests of the store share: a clock that is set, a store in memory, a queue with everything at hand."""

from __future__ import annotations

import asyncio
from functools import partial

from headrace.model.queue import QueueSettings, RedrivePolicy
from headrace.sources.store import StoreQueueSource
from headrace.store.inline import InlineStore
from headrace.store.message import prepare
from headrace.store.queues import Queues
from headrace.store.receive import InFlightGauge, receive_messages
from headrace.store.settle import Hide, delete_messages, extend_messages, release_messages

START = 1_767_225_600.0


class SetClock:
    """A wall clock that stands still until it is moved."""

    def __init__(self, now=START):
        self.at = now

    def now(self):
        return self.at

    def advance(self, seconds):
        self.at += seconds


class QueueRig:
    """The queue ``orders`` with its dead-letter queue ``orders-dlq``, in memory or in a given store."""

    def __init__(self, *, max_receive_count=None, store=None, clock=None, **settings):
        self.clock = clock or SetClock()
        self.store = store or InlineStore(self.clock)
        self.queues = Queues(self.store)
        policy = None
        if max_receive_count is not None:
            self.queues.create(QueueSettings("orders-dlq"))
            policy = RedrivePolicy("orders-dlq", max_receive_count)
        self.queues.create(QueueSettings("orders", redrive_policy=policy, **settings))
        self.gauge = InFlightGauge()

    def send(self, *bodies, delay=None, queue="orders"):
        return self.queues.send(queue, [prepare(body, delay_seconds=delay) for body in bodies])

    def answer(self, limit=10, queue="orders"):
        """A receive as the operation gives it."""
        operation = partial(receive_messages, limits=[limit], name=queue, gauge=self.gauge)
        return self.store.write_sync(operation)[0]

    def receive(self, limit=10, queue="orders"):
        """Claims by body."""
        return {row[2]: (row[0], row[4] + 1) for row in self.answer(limit, queue).rows}

    def delete(self, *claims):
        return self.store.write_sync(partial(delete_messages, requests=[claims]))[0]

    def release(self, *claims, seconds=0):
        hide = Hide(claims, int(seconds * 1000))
        return self.store.write_sync(partial(release_messages, requests=[hide]))[0]

    def extend(self, *claims, seconds):
        hide = Hide(claims, int(seconds * 1000))
        return self.store.write_sync(partial(extend_messages, requests=[hide]))[0]

    def bodies(self, queue="orders"):
        return [message.body for message in self.queues.peek(queue)]

    def counts(self, queue="orders"):
        found = self.queues.attributes(queue)
        return (found.visible, found.in_flight, found.delayed)

    def age(self, queue="orders"):
        return self.queues.attributes(queue).age_of_oldest_seconds

    def advance(self, seconds):
        self.clock.advance(seconds)


def source(store, name="orders", **options):
    return StoreQueueSource(store, name, **options)


async def soon(condition, seconds=10.0):
    """Wait until *condition* holds, looking again and again."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition may be another process's
            await asyncio.sleep(0.001)
