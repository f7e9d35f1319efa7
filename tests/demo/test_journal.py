"""A journal grows under its reader's eyes."""

from __future__ import annotations

from headrace.demo.journal import JournalReader, JournalWriter


def test_a_reader_gets_each_line_once(tmp_path):
    writer, reader = JournalWriter(tmp_path / "journal"), JournalReader(tmp_path / "journal")

    writer.write({"a": 1}, {"a": 2})
    first = list(reader.read())
    writer.write({"a": 3})
    second = list(reader.read())
    writer.close()

    assert (first, second) == ([{"a": 1}, {"a": 2}], [{"a": 3}])


def test_half_a_line_waits_for_its_other_half(tmp_path):
    path = tmp_path / "journal"
    reader = JournalReader(path)

    path.write_bytes(b'{"a": 1}\n{"a"')
    first = list(reader.read())
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n')
    second = list(reader.read())

    assert (first, second) == ([{"a": 1}], [{"a": 2}])


def test_there_is_nothing_to_read_before_the_file_is_there(tmp_path):
    assert list(JournalReader(tmp_path / "journal").read()) == []
