"""Where an option's value comes from: flag, then variable, then ``headrace.toml``, then default."""

from __future__ import annotations

import pytest


def stores(tmp_path):
    return {path.name for path in tmp_path.iterdir() if path.suffix == ".db"}


def test_without_anything_the_store_is_headrace_db(headrace, tmp_path):
    headrace("queue", "create", "orders")

    assert stores(tmp_path) == {"headrace.db"}


def test_a_flag_comes_before_a_variable_and_that_before_the_file(headrace, tmp_path, monkeypatch):
    (tmp_path / "headrace.toml").write_text('store = "file.db"\n')
    headrace("queue", "create", "orders")
    monkeypatch.setenv("HEADRACE_STORE", "variable.db")
    headrace("queue", "create", "orders")
    headrace("queue", "create", "orders", "--store", "flag.db")

    assert stores(tmp_path) == {"file.db", "variable.db", "flag.db"}


def test_an_option_of_one_command_has_a_variable_with_the_commands_name(orders, monkeypatch):
    monkeypatch.setenv("HEADRACE_QUEUE_SEND_DELAY", "60")
    monkeypatch.setenv("HEADRACE_QUEUE_PEEK_JSON", "1")

    orders("queue", "send", "orders", "a")

    assert orders("queue", "peek", "orders").object["state"] == "delayed"


def test_a_command_with_a_template_reads_the_file_beside_it(project, tmp_path):
    place = tmp_path / "elsewhere"
    place.mkdir()
    (tmp_path / "template.yaml").rename(place / "template.yaml")
    (tmp_path / "shop.py").rename(place / "shop.py")
    (place / "headrace.toml").write_text("[parameter]\nSize = 7\n")

    checked = project("check", "elsewhere/template.yaml", "--json").object

    assert checked["mappings"][0]["BatchSize"] == 7


def test_values_by_name_are_put_together(project, tmp_path):
    template = (tmp_path / "template.yaml").read_text()
    (tmp_path / "template.yaml").write_text(
        template.replace("Parameters:", "Parameters:\n  Other: {Type: String}")
    )
    (tmp_path / "headrace.toml").write_text('[parameter]\nSize = 7\nOther = "x"\n')

    checked = project("check", "template.yaml", "--json", "--parameter", "Size=8").object

    assert (checked["problems"], checked["mappings"][0]["BatchSize"]) == ([], 8)


def test_a_name_with_two_values_is_refused(project):
    twice = project("check", "template.yaml", "--parameter", "Size=1", "--parameter", "Size=2")

    assert twice.code == 2
    assert "--parameter says two things of Size: 1 and 2" in twice.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('stor = "x.db"\n', "did you mean store?"),
        ("store = 5\n", "expected a path"),
        ("store = \n", "headrace.toml"),
    ],
)
def test_a_file_that_is_wrong_ends_the_command(headrace, tmp_path, text, told):
    (tmp_path / "headrace.toml").write_text(text)

    refused = headrace("queue", "create", "orders")

    assert refused.code == 2
    assert told in refused.err
    assert stores(tmp_path) == set()


def test_a_file_that_is_wrong_does_not_keep_the_help_away(headrace, tmp_path):
    (tmp_path / "headrace.toml").write_text("?")

    assert headrace("queue", "create", "--help").code == 0


def test_a_variable_that_is_nearly_ours_is_pointed_at(headrace, monkeypatch):
    monkeypatch.setenv("HEADRACE_STOER", "x.db")

    made = headrace("queue", "create", "orders")

    assert made.code == 0
    assert "did you mean HEADRACE_STORE?" in made.err


def test_a_variable_that_cannot_be_read_ends_the_command(project, monkeypatch):
    monkeypatch.setenv("HEADRACE_MAX_WORKERS", "many")

    refused = project("run", "template.yaml", "--local")

    assert refused.code == 2
    assert "HEADRACE_MAX_WORKERS" in refused.err
