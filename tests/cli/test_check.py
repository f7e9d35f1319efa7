"""``headrace check``: everything that is there, everything that is wrong, nothing started."""

from __future__ import annotations

import pytest

from tests.cli.conftest import RUNTIME

WRONG = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 99999
      DelaySecond: 1
  Process:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: missing.handler
      CodeUri: .
      Timeout: 0
      Events:
        New:
          Type: SQS
          Properties: {Queue: !GetAtt Orders.Arn, BatchSzie: 10, BatchSize: 20000}
        Other:
          Type: SQS
          Properties: {Queue: !GetAtt Nobody.Arn}
"""


def test_a_good_template_is_told_as_json(project):
    checked = project("check", "template.yaml", "--json")
    found = checked.object

    assert checked.code == 0
    assert [each["LogicalId"] for each in found["functions"]] == ["Process"]
    assert [each["LogicalId"] for each in found["mappings"]] == ["ProcessNew"]
    assert found["mappings"][0]["BatchSize"] == 10
    assert (found["push"], found["problems"]) == ([], [])


def test_a_good_template_is_told_to_people(project):
    checked = project("check", "template.yaml")

    assert checked.code == 0
    assert f"Process   {RUNTIME}  shop.handler" in checked.out
    assert "ProcessNew  Orders  Process" in checked.out
    assert "passed over: Api: AWS::ApiGateway::RestApi is not run here" in checked.out
    assert checked.out.splitlines()[-1] == (
        "template.yaml: 0 errors, 0 warnings; 1 function, 1 mapping"
    )


def test_every_mistake_is_told_at_once_with_its_line(project, tmp_path):
    (tmp_path / "template.yaml").write_text(WRONG)

    as_json = project("check", "template.yaml", "--json")
    for_people = project("check", "template.yaml")
    problems = [each for each in as_json.object["problems"] if each["severity"] == "error"]

    assert (as_json.code, for_people.code) == (2, 2)
    assert len(problems) >= 6
    assert all(
        set(each) == {"path", "line", "severity", "message", "suggestion"} for each in problems
    )
    for each in problems:
        assert f"template.yaml:{each['line']}: {each['path']}: {each['message']}" in for_people.out
        assert each["suggestion"] in for_people.out
    assert "did you mean BatchSize?" in for_people.out


def test_a_warning_is_told_and_changes_nothing(project, tmp_path):
    template = (tmp_path / "template.yaml").read_text()
    (tmp_path / "template.yaml").write_text(template.replace(RUNTIME, "python3.9"))

    checked = project("check", "template.yaml")

    assert checked.code == 0
    assert "warning: Runtime is python3.9, the interpreter here is" in checked.out
    assert "0 errors, 1 warning;" in checked.out


def test_a_secret_of_a_function_is_not_shown(project):
    for arguments in ((), ("--json",), ("--verbose",)):
        checked = project("check", "template.yaml", *arguments)
        assert "canary-4711" not in checked.out + checked.err


def test_a_parameter_can_be_given(project):
    checked = project("check", "template.yaml", "--parameter", "Size=7", "--json")

    assert checked.object["mappings"][0]["BatchSize"] == 7


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.yaml"], "none.yaml can't be read"),
        (["."], "is a directory"),
        (["template.yaml", "--parameter", "Size"], "NAME=VALUE"),
        (["template.yaml", "--parameter", "Sise=1"], "did you mean Size?"),
        ([], "TEMPLATE"),
    ],
)
def test_what_cannot_be_checked_is_refused(project, arguments, told):
    refused = project("check", *arguments)

    assert refused.code == 2
    assert told in refused.out + refused.err


def test_the_region_of_arns_is_the_one_around(project, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    around = project("check", "template.yaml", "--json").object
    given = project("check", "template.yaml", "--json", "--region", "eu-north-1").object

    assert ":eu-west-3:" in around["mappings"][0]["EventSourceArn"]
    assert ":eu-north-1:" in given["mappings"][0]["EventSourceArn"]


def test_nothing_is_made_by_checking(project, tmp_path):
    before = sorted(tmp_path.iterdir())

    project("check", "template.yaml")

    assert sorted(tmp_path.iterdir()) == before
