"""How the demonstration stands at one moment, for whoever shows it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from headrace.demo.ledger import Latency, MappingLedger

if TYPE_CHECKING:
    from headrace.engine.mapping_runner import MappingRunner
    from headrace.model.queue import QueueAttributes


@dataclass(frozen=True, slots=True)
class MappingView:
    """One mapping: how it is set, what it has done, what waits for it."""

    mapping: str
    batch_size: int
    batch_window_seconds: float
    batches: int
    records: int
    size_max: int
    latency: Latency
    retries: int
    running: int
    running_max: int
    waiting: int
    in_flight: int
    age_of_oldest_seconds: float

    @property
    def size_mean(self) -> float:
        """Records a batch."""
        return self.records / self.batches if self.batches else 0.0


NOTHING = MappingView("", 0, 0.0, 0, 0, 0, Latency(0.0, 0.0), 0, 0, 0, 0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a screen shows."""

    seconds: float
    pace: str
    sent: int
    paid: int
    dead: int
    at_once: int
    at_once_max: int
    limit: int
    mappings: tuple[MappingView, ...]

    @property
    def on_their_way(self) -> int:
        """Orders that are neither paid nor set aside yet."""
        return max(0, self.sent - self.paid - self.dead)

    @property
    def main(self) -> MappingView:
        """The mapping that pays; one that has done nothing while there is none."""
        return self.mappings[0] if self.mappings else NOTHING

    def as_json(self) -> dict[str, Any]:
        """The same, for a program."""
        return {
            **asdict(self),
            "on_their_way": self.on_their_way,
            "mappings": [
                {
                    **asdict(each),
                    "latency": each.latency._asdict(),
                    "size_mean": round(each.size_mean, 2),
                }
                for each in self.mappings
            ],
        }


def view(
    runner: MappingRunner, attributes: QueueAttributes | None, ledger: MappingLedger | None
) -> MappingView:
    """How the mapping of *runner* stands."""
    mapping, seen = runner.mapping, ledger or MappingLedger()
    return MappingView(
        mapping=mapping.mapping_id,
        batch_size=mapping.batch_size,
        batch_window_seconds=mapping.batch_window_seconds,
        batches=seen.batches,
        records=seen.records,
        size_max=seen.size_max,
        latency=seen.latency(),
        retries=seen.retries,
        running=runner.statistics.in_flight,
        running_max=runner.statistics.in_flight_max,
        waiting=attributes.visible + attributes.delayed if attributes else 0,
        in_flight=attributes.in_flight if attributes else 0,
        age_of_oldest_seconds=attributes.age_of_oldest_seconds if attributes else 0.0,
    )
