"""The queue against a dictionary: whatever is done in whatever order, both say the same."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.store.rig import QueueRig

VISIBILITY = 10
RETENTION = 120
MAX_RECEIVE_COUNT = 3


@dataclass
class Message:
    sent_at: float
    visible_at: float
    count: int = 0
    received_at: float = 0.0
    moved_at: float | None = None


class QueueMachine(RuleBasedStateMachine):
    """The model: messages by body, for the queue and for its dead-letter queue."""

    def __init__(self):
        super().__init__()
        self.rig = QueueRig(
            max_receive_count=MAX_RECEIVE_COUNT,
            visibility_timeout_seconds=VISIBILITY,
            retention_seconds=RETENTION,
        )
        self.messages: dict[str, Message] = {}
        self.dead: dict[str, Message] = {}
        self.claims: dict[str, tuple[tuple[int, int], int]] = {}
        self.sent = 0

    def teardown(self):
        self.rig.store.close()

    @property
    def now(self):
        return self.rig.clock.now()

    def visible(self):
        return [body for body, m in self.messages.items() if m.visible_at <= self.now]

    def expire(self):
        """Expired messages are handed out by nobody and go when they are looked at."""
        expired = [b for b, m in self.messages.items() if m.sent_at + RETENTION <= self.now]
        for body in expired:
            del self.messages[body]

    @rule(count=st.integers(1, 5), delay=st.sampled_from([None, None, 0, 3, 30]))
    def send(self, count, delay):
        bodies = [f"m{self.sent + at}" for at in range(count)]
        self.sent += count
        self.rig.send(*bodies, delay=delay)
        for body in bodies:
            self.messages[body] = Message(self.now, self.now + (delay or 0))

    @rule(seconds=st.sampled_from([0.001, 0.5, 1, 3, 9.999, 10, 31]))
    def advance(self, seconds):
        self.rig.advance(seconds)

    @rule(limit=st.integers(1, 8))
    def receive(self, limit):
        self.expire()
        answer = self.rig.answer(limit)
        handed = [row[2] for row in answer.rows]
        spent = [body for body in self.visible() if self.messages[body].count >= MAX_RECEIVE_COUNT]
        usable = [body for body in self.visible() if body not in spent]
        assert len(handed) == len(set(handed)) <= limit
        assert set(handed) <= set(usable)
        assert answer.dead_lettered <= len(spent)
        if answer.drained:
            assert set(handed) == set(usable)
            assert answer.dead_lettered == len(spent)
        for row in answer.rows:
            message = self.messages[row[2]]
            message.count += 1
            assert row[4] + 1 == message.count
            message.visible_at = self.now + VISIBILITY
            message.received_at = self.now
            self.claims[row[2]] = ((row[0], message.count), message.count)
        moved = set(self.rig.bodies("orders-dlq")) - set(self.dead)
        assert len(moved) == answer.dead_lettered
        for body in moved:
            message = self.messages.pop(body)
            assert body in spent
            self.dead[body] = Message(message.sent_at, self.now, moved_at=self.now)

    def claim(self, data):
        body = data.draw(st.sampled_from(sorted(self.claims)))
        claim, count = self.claims[body]
        message = self.messages.get(body)
        return body, claim, message is not None and message.count == count

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def delete(self, data):
        self.expire_for_settling()
        body, claim, valid = self.claim(data)
        gone = body not in self.messages
        superseded = self.rig.delete(claim)
        assert superseded == (frozenset() if valid or gone else frozenset({claim}))
        if valid:
            del self.messages[body]

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), seconds=st.sampled_from([0, 0.5, 5, 50]), extend=st.booleans())
    def hide(self, data, seconds, extend):
        self.expire_for_settling()
        body, claim, valid = self.claim(data)
        act = self.rig.extend if extend else self.rig.release
        superseded = act(claim, seconds=seconds)
        assert superseded == (frozenset() if valid else frozenset({claim}))
        if valid:
            self.messages[body].visible_at = self.now + seconds

    def expire_for_settling(self):
        """Make both sides forget what expired, so that they agree on what is gone."""
        self.expire()
        self.rig.counts()

    @rule()
    def forget_claims(self):
        self.claims.clear()

    @rule()
    def purge(self):
        self.expire_for_settling()
        assert self.rig.queues.purge("orders") == len(self.messages)
        self.messages.clear()

    @rule()
    def redrive(self):
        moved, skipped = self.rig.queues.redrive("orders-dlq")
        assert (moved, skipped) == (len(self.dead), 0)
        for body in self.dead:
            self.messages[body] = Message(self.now, self.now)
        for body in self.dead:
            self.claims.pop(body, None)
        self.dead.clear()

    @invariant()
    def counts_and_ages_agree(self):
        self.expire()
        hidden = [m for m in self.messages.values() if m.visible_at > self.now]
        in_flight = sum(m.count > 0 for m in hidden)
        expected = (len(self.messages) - len(hidden), in_flight, len(hidden) - in_flight)
        assert self.rig.counts() == expected
        oldest = min((m.sent_at for m in self.messages.values()), default=self.now)
        assert self.rig.age() == pytest.approx(self.now - oldest, abs=0.002)
        assert self.rig.counts("orders-dlq")[0] == len(self.dead)

    @invariant()
    def every_message_is_there(self):
        assert sorted(self.rig.bodies()) == sorted(self.messages)
        assert sorted(self.rig.bodies("orders-dlq")) == sorted(self.dead)

    @invariant()
    def the_file_agrees_with_itself(self):
        def look(transaction):
            return transaction.execute(
                "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM content), "
                "(SELECT count(*) FROM message JOIN content USING (key)), "
                "(SELECT sum(message_count) FROM queue), "
                "(SELECT coalesce(min(messages), 0) FROM delayed)"
            ).fetchall()[0]

        messages, content, joined, counted, least = self.rig.store.read_sync(look)
        assert messages == content == joined == counted
        assert least >= 0


TestQueueMachine = pytest.mark.slow(QueueMachine.TestCase)
TestQueueMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
