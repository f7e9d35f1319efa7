"""Alarms and durations, as people write them."""

from __future__ import annotations

import pytest

from headrace.cli.alarm import parse_alarm
from headrace.cli.durations import instant, seconds_of, shown_seconds
from headrace.model.queue import QueueAttributes

QUEUE = QueueAttributes(visible=5, in_flight=2, delayed=1, age_of_oldest_seconds=300.0)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("age>300s", False),
        ("age>=300s", True),
        ("age>299.5", True),
        ("age<5m", False),
        ("age<=5m", True),
        ("age > 0.1h", False),
        ("age>1ms", True),
        ("visible>4", True),
        ("visible>5", False),
        ("in_flight>=2", True),
        ("in_flight<2", False),
        (" delayed <= 1 ", True),
    ],
)
def test_an_alarm_holds_when_its_relation_does(text, holds):
    assert parse_alarm(text).holds(QUEUE) is holds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected age"),
        ("age", "expected age"),
        ("age>", "expected age"),
        (">5", "expected age"),
        ("age==5", "expected age"),
        ("age=>5", "expected age"),
        ("agee>5", "did you mean age?"),
        ("size>5", "it can be age, visible, in_flight, delayed"),
        ("age>5 weeks", "expected a duration"),
        ("age>-5", "expected a duration"),
        ("visible>5s", "expected a whole number"),
        ("visible>1e3", "expected a whole number"),
        ("visible>\u0663", "expected a whole number"),
    ],
)
def test_an_alarm_that_cannot_be_read_says_what_was_expected(text, told):
    with pytest.raises(ValueError, match=told.replace("?", r"\?")):
        parse_alarm(text)


def test_an_alarm_tells_what_it_measured():
    assert parse_alarm("age>1s").told(QUEUE) == "age is 5 m"
    assert parse_alarm("visible>1").told(QUEUE) == "visible is 5"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(
            ("0", 0),
            ("90", 90),
            ("90s", 90),
            ("90 s", 90),
            ("1.5m", 90),
            ("2h", 7_200),
            ("1d", 86_400),
        ),
        *(
            ("250ms", 0.25),
            ("", None),
            ("s", None),
            ("-1", None),
            ("1w", None),
            ("1e3", None),
            ("\u0661s", None),
        ),
    ],
)
def test_durations_are_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "0 s"), (0.00004, "0 s"), (0.0012, "1.2 ms"), (0.0099, "9.9 ms"), (0.25, "250 ms")),
        *(
            (0.9994, "999 ms"),
            (0.9996, "1 s"),
            (1, "1 s"),
            (9.94, "9.9 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
        ),
        *(
            (59.6, "1 m"),
            (125, "2 m 5 s"),
            (3_600, "1 h"),
            (12_060, "3 h 21 m"),
            (180_000, "2 d 2 h"),
        ),
    ],
)
def test_durations_are_shown_in_two_units_at_most(seconds, text):
    assert shown_seconds(seconds) == text


def test_an_instant_is_iso_8601_in_utc():
    assert instant(1_767_225_600.123) == "2026-01-01T00:00:00.123Z"
    assert instant(0) == "1970-01-01T00:00:00.000Z"
