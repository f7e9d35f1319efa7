"""``headrace queue attributes``: how a queue stands, once or again and again, and whether that is alarming."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from headrace.cli.alarm import GRAMMAR, Alarm, parse_alarm
from headrace.cli.command import FAILED, Command, SecondsType, json_option, store_option
from headrace.cli.output import print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from headrace.model.queue import QueueAttributes, QueueSettings
    from headrace.store.queues import Queues


def _alarms(
    _ctx: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[Alarm, ...]:
    try:
        return tuple(parse_alarm(text) for text in texts)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command(cls=Command)
@click.argument("name")
@click.option("--watch", is_flag=True, help="Show it again whenever it has changed, until Ctrl-C.")
@click.option(
    "--interval",
    type=SecondsType(),
    default=1.0,
    metavar="SECONDS",
    help="With --watch, look so often (at least 0.1; default 1).",
)
@click.option(
    "--alarm",
    "alarms",
    multiple=True,
    callback=_alarms,
    metavar="ALARM",
    help=f"{GRAMMAR}. Without --watch the exit code is 1 if it holds, with it each change is told. May be repeated.",
)
@store_option()
@json_option
def attributes(
    *,
    name: str,
    watch: bool,
    interval: float,
    alarms: tuple[Alarm, ...],
    store: Path,
    json: bool,
) -> int:
    """Show the backlog, the age of the oldest message and the settings of the queue NAME.

    With --json the names are SQS's own. With --watch and --json each line has "at" and, with --alarm, "Alarms", each
    alarm with its state: OK or ALARM. Ctrl-C ends a watch with exit code 0.
    """
    from headrace.cli.open_queues import open_queues

    with open_queues(store) as queues:
        looks = _looks(queues, name, max(interval, 0.1) if watch else None)
        report = _report_json if json else _report_text
        try:
            holding = report(looks, alarms, watch=watch)
        except KeyboardInterrupt:
            if not watch:
                raise
            return 0  # that is how a person ends it
    return FAILED if holding and not watch else 0


class Look(NamedTuple):
    """How a queue stood at a moment."""

    at: float
    settings: QueueSettings
    attributes: QueueAttributes


def _looks(queues: Queues, name: str, interval: float | None) -> Iterator[Look]:
    """One look, or with an *interval* one after another until a person has seen enough."""
    from headrace.aio.clock import SystemClock

    clock = SystemClock()
    yield Look(clock.now(), queues.get(name), queues.attributes(name))
    while interval is not None:
        time.sleep(interval)
        yield Look(clock.now(), queues.get(name), queues.attributes(name))


def _report_json(looks: Iterator[Look], alarms: Sequence[Alarm], *, watch: bool) -> bool:
    from headrace.cli.durations import instant
    from headrace.cli.open_queues import attributes_as_json

    holding = False
    shown: dict[str, Any] = {}
    for look in looks:
        found = attributes_as_json(look.settings, look.attributes)
        if alarms:
            found["Alarms"] = {alarm.text: _state(alarm, look.attributes) for alarm in alarms}
            holding = any(alarm.holds(look.attributes) for alarm in alarms)
        if _is_news(found, shown):
            print_json({"at": instant(look.at), **found} if watch else found)
            _flush()
        shown = found
    return holding


def _is_news(found: dict[str, Any], shown: dict[str, Any]) -> bool:
    """Whether more has changed than that the oldest message became older."""
    age = "ApproximateAgeOfOldestMessage"
    return {**found, age: 0} != {**shown, age: 0}


def _report_text(looks: Iterator[Look], alarms: Sequence[Alarm], *, watch: bool) -> bool:
    holding: set[str] = set()
    shown = ""
    for look in looks:
        if not watch:
            _print_all(look)
        elif (line := _counts(look.attributes)) != shown:
            shown = line
            print_line(f"{_clock_time(look.at)}  {line}, {_oldest(look.attributes)}")
        for alarm in alarms:
            is_holding = alarm.holds(look.attributes)
            if is_holding != (alarm.text in holding) or (is_holding and not watch):
                holding ^= {alarm.text}
                before = f"{_clock_time(look.at)}  " if watch else ""
                state, told = _state(alarm, look.attributes), alarm.told(look.attributes)
                print_line(f"{before}{state} {alarm.text}: {told}")
        _flush()
    return bool(holding)


def _print_all(look: Look) -> None:
    from headrace.cli.durations import shown_seconds

    settings, found = look.settings, look.attributes
    policy = settings.redrive_policy
    lines = {
        "queue": settings.name,
        "visible": f"{found.visible:,}",
        "in flight": f"{found.in_flight:,}",
        "delayed": f"{found.delayed:,}",
        "oldest": shown_seconds(found.age_of_oldest_seconds) if found.total else "-",
        "visibility timeout": shown_seconds(settings.visibility_timeout_seconds),
        "delay": shown_seconds(settings.delay_seconds),
        "retention": shown_seconds(settings.retention_seconds),
        "largest message": f"{settings.message_bytes_max:,} bytes",
        "dead letters": f"to {policy.dead_letter_queue} after {policy.max_receive_count} receives"
        if policy
        else "-",
    }
    for name, value in lines.items():
        print_line(f"{name:20}{value}")


def _counts(found: QueueAttributes) -> str:
    return f"visible {found.visible:,}, in flight {found.in_flight:,}, delayed {found.delayed:,}"


def _oldest(found: QueueAttributes) -> str:
    from headrace.cli.durations import shown_seconds

    return f"oldest {shown_seconds(found.age_of_oldest_seconds)}" if found.total else "empty"


def _state(alarm: Alarm, found: QueueAttributes) -> str:
    return "ALARM" if alarm.holds(found) else "OK"


def _clock_time(at: float) -> str:
    from headrace.cli.durations import instant

    return instant(at)[11:19]


def _flush() -> None:
    import sys

    sys.stdout.flush()
