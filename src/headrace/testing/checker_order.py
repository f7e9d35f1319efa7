"""Order within a group: no record is handed over in a later batch while an earlier one of its group is unresolved."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


class Overtaking(NamedTuple):
    """A record that was handed over while an *earlier* one of its group had no outcome."""

    record: str
    earlier: str
    group: str


class Order:
    """What was sent to each group, in order, and what of it is resolved."""

    def __init__(self) -> None:
        self._groups: dict[str, str] = {}
        self._sent: defaultdict[str, list[str]] = defaultdict(list)
        self._first: defaultdict[str, int] = defaultdict(int)
        """The index of the first unresolved record of each group."""
        self._resolved: set[str] = set()

    def sent(self, record: str, group: str) -> None:
        """A source accepted *record* as the latest of *group*; sent again, it keeps its place."""
        if record not in self._groups:
            self._groups[record] = group
            self._sent[group].append(record)

    def resolved(self, record: str) -> None:
        """This record was handled, set aside or dropped."""
        self._resolved.add(record)
        group = self._groups.get(record)
        if group is None:
            return
        sent, index = self._sent[group], self._first[group]
        while index < len(sent) and sent[index] in self._resolved:
            index += 1
        self._first[group] = index

    def overtakings(self, batch: Collection[str]) -> Iterator[Overtaking]:
        """The records of *batch* that overtake one outside of it; at most one of each group is named."""
        inside = {record for record in batch if record not in self._resolved}
        for group in {self._groups[record] for record in inside if record in self._groups}:
            members = {record for record in inside if self._groups.get(record) == group}
            for record in self._sent[group][self._first[group] :]:
                if not members:
                    break
                if record in members:
                    members.discard(record)
                elif record not in self._resolved:
                    yield Overtaking(min(members), record, group)
                    break
