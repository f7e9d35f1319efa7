"""A template is run: bound, declared, limited, ended (issue: commands; design: binding)."""

from __future__ import annotations

import asyncio
import random
import textwrap

import pytest

from headrace.aio.clock import SystemClock
from headrace.assembly import lifecycle
from headrace.assembly.interpreters import with_interpreters
from headrace.assembly.running import RunOptions, TemplateRun
from headrace.assembly.service import RunEndReason
from headrace.config.template import load_template
from headrace.errors import ConfigurationError, StoreRefusedError
from headrace.producer import Queue
from headrace.store.queues import Queues
from headrace.store.writer import Store

TEMPLATE = """
    AWSTemplateFormatVersion: "2010-09-09"
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Orders:
        Type: AWS::SQS::Queue
        Properties:
          QueueName: orders
          VisibilityTimeout: 1
          RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 1}
      Dead:
        Type: AWS::SQS::Queue
      Process:
        Type: AWS::Serverless::Function
        Properties:
          Handler: app.handler
          Runtime: python3.11
          CodeUri: .
          Timeout: 1
          {function}
          Events:
            FromQueue:
              Type: SQS
              Properties:
                Queue: !GetAtt Orders.Arn
                FunctionResponseTypes: [ReportBatchItemFailures]
"""

HANDLER = """
    def handler(event, context):
        return {"batchItemFailures": [
            {"itemIdentifier": record["messageId"]} for record in event["Records"] if record["body"] == "bad"
        ]}
"""


@pytest.fixture
def project(tmp_path):
    def write(*, template=TEMPLATE, handler=HANDLER, function=""):
        text = textwrap.dedent(template).replace("{function}", function)
        (tmp_path / "template.yaml").write_text(text)
        (tmp_path / "app.py").write_text(textwrap.dedent(handler))
        return load_template(tmp_path / "template.yaml", parameters={})

    return write


class Runs:
    """Makes runs of one store; `notes` collects what they say."""

    def __init__(self, directory):
        self.store = directory / "test.db"
        self.notes = []
        self.noted = asyncio.Event()

    def note(self, line):
        self.notes.append(line)
        self.noted.set()

    def make(self, application, **options):
        options = {"local": True, "until_idle": True, "timeout_seconds": 20, **options}
        return TemplateRun(
            application,
            RunOptions(store=self.store, **options),
            clock=SystemClock(),
            chance=random.Random(1),
            note=self.note,
        )

    def send(self, queue, *bodies):
        with Queue(queue, store=self.store) as producer:
            return producer.send_many(bodies)

    def bodies(self, queue):
        with Store.open(self.store, create=False) as store:
            return [message.body for message in Queues(store).peek(queue)]


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def problems_of(make):
    with pytest.raises(ConfigurationError) as refused:
        make()
    return [str(problem) for problem in refused.value.problems]


def test_everything_ends_as_a_success_or_a_dead_letter(project, runs):
    run = runs.make(project())
    runs.send("orders", "good", "bad", "fine")

    end = asyncio.run(run.run())

    assert end.reason is RunEndReason.IDLE
    assert (runs.bodies("orders"), runs.bodies("Dead")) == ([], ["bad"])
    statistics = run.runners[0].statistics
    assert (statistics.deleted, statistics.dead_lettered) == (2, 1)


def test_declared_settings_are_applied_with_a_line_for_each_change(project, runs):
    application = project()
    asyncio.run(runs.make(application).run())
    assert "queue orders: made" in runs.notes
    runs.notes.clear()

    asyncio.run(runs.make(application).run())
    assert runs.notes == []

    changed = project(template=TEMPLATE.replace("VisibilityTimeout: 1", "VisibilityTimeout: 7"))
    asyncio.run(runs.make(changed).run())
    assert runs.notes == ["queue orders: VisibilityTimeout 1 → 7"]


def test_what_the_template_leaves_out_is_left_alone(project, runs):
    application = project()
    asyncio.run(runs.make(application).run())
    with Store.open(runs.store) as store:
        Queues(store).update("orders", delay_seconds=9)
    runs.notes.clear()

    asyncio.run(runs.make(application).run())

    assert runs.notes == []
    with Store.open(runs.store) as store:
        assert Queues(store).get("orders").delay_seconds == 9


def test_an_unbound_source_is_an_error_that_names_it_and_nothing_is_made(project, runs):
    application = project()

    [problem] = problems_of(lambda: runs.make(application, local=False))

    assert "the queue Orders is not bound to an address" in problem
    assert "--local" in problem
    assert not runs.store.exists()


def test_every_wrong_option_is_told_at_once(project, runs):
    application = project(function="ReservedConcurrentExecutions: 8")

    told = problems_of(
        lambda: runs.make(
            application,
            bindings={
                "Ordres": "sqlite:///x.db?queue=a",
                "Orders": "kafka://b",
                "Dead": "arn:aws:sqs:us-east-1:123456789012:q",
            },
            max_workers=2,
        )
    )

    assert len(told) == 4
    assert "did you mean Orders?" in told[0]
    assert "kafka" in told[1]
    assert "service SQS" in told[2]
    assert "expected at least 8" in told[3]
    assert not runs.store.exists()


def test_an_unknown_mapping_is_refused_with_a_suggestion(project, runs):
    application = project()

    assert problems_of(lambda: runs.make(application, only=("ProcesFromQueue",))) == [
        "--only ProcesFromQueue: the template has no mapping of that name (did you mean ProcessFromQueue?)"
    ]


def test_a_bound_queue_lies_where_its_address_says(project, runs, tmp_path):
    elsewhere = tmp_path / "elsewhere.db"
    application = project()
    run = runs.make(application, bindings={"Orders": f"sqlite://{elsewhere}?queue=jobs"})
    with Queue("jobs", store=elsewhere) as producer:
        producer.send("x")

    asyncio.run(run.run())

    assert run.runners[0].statistics.deleted == 1


def test_a_default_ceiling_makes_room_for_reserved_concurrency(project, runs):
    run = runs.make(project(function="ReservedConcurrentExecutions: 50"))

    assert run.runners[0].slots.capacity == 50
    assert any("up to 50 workers" in line for line in runs.notes)
    asyncio.run(run.run())


def test_a_run_that_never_becomes_idle_names_mapping_record_and_error(project, runs):
    application = project(
        template=TEMPLATE.replace("maxReceiveCount: 1", "maxReceiveCount: 1000"),
        handler="def handler(event, context):\n    raise ValueError('no stock')\n",
    )
    run = runs.make(application, timeout_seconds=0.7)
    [message_id] = runs.send("orders", "x")

    end = asyncio.run(run.run())

    assert end.reason is RunEndReason.STUCK
    for part in (
        "ProcessFromQueue",
        message_id,
        "ValueError: no stock",
        "1 messages left in orders",
    ):
        assert part in end.message


def test_a_second_engine_on_a_store_is_refused_by_the_first_ones_process_id(
    project, runs, monkeypatch
):
    monkeypatch.setattr(lifecycle, "ENGINE_WAIT_SECONDS", 0.2)
    application = project()

    async def both():
        first = runs.make(application, until_idle=False)
        async with asyncio.TaskGroup() as group:
            group.create_task(first.run())
            await asyncio.sleep(0)
            with pytest.raises(StoreRefusedError, match=r"another engine \(process \d+\)"):
                await runs.make(application).run()
            first.stop()

    asyncio.run(both())
    assert any(note.startswith("waiting up to") for note in runs.notes)


def test_an_engine_waits_for_its_predecessor_to_stop(project, runs):
    application = project()

    async def both():
        first = runs.make(application, until_idle=False)
        second = runs.make(application)
        runs.noted.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(first.run())
            await asyncio.sleep(0)
            later = group.create_task(second.run())
            await runs.noted.wait()
            first.stop()
            return await later

    assert asyncio.run(both()).reason is RunEndReason.IDLE


def test_a_template_with_errors_is_not_run(project, runs):
    application = project(template=TEMPLATE.replace("  Timeout: 1\n", "  Timeout: 300\n"))

    [problem] = problems_of(lambda: runs.make(application))

    assert (
        "Queue visibility timeout: 1 seconds is less than Function timeout: 300 seconds" in problem
    )
    assert not runs.store.exists()


def test_another_minor_version_than_the_runtime_is_a_warning(project):
    application = project(template=TEMPLATE.replace("python3.11", "python3.9"))

    [problem] = with_interpreters(application).problems

    assert problem.severity == "warning"
    assert problem.message.startswith("Runtime is python3.9, the interpreter here is Python 3.")


def test_an_interpreter_that_is_not_there_is_a_problem_with_its_path(project):
    function = "Metadata: {Headrace: {Python: no-such-python}}"
    application = project(
        template=TEMPLATE.replace(
            "Properties:\n          Handler", f"{function}\n        Properties:\n          Handler"
        )
    )

    [problem] = with_interpreters(application).problems

    assert problem.severity == "error"
    assert problem.path == "$.Resources.Process.Metadata.Headrace.Python"
    assert "no-such-python" in problem.message
