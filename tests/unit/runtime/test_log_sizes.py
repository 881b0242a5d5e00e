"""Bytes by topic, from a directory as a broker's and from what Kafka's tool prints."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orderwing.cli import app
from orderwing.runtime.errors import OperatorError
from orderwing.runtime.log_sizes import of_description, of_directory


def segment(log_dir: Path, partition: str, name: str, size: int) -> None:
    (log_dir / partition).mkdir(exist_ok=True)
    (log_dir / partition / name).write_bytes(b"x" * size)


def test_segments_of_all_partitions_count_and_indexes_do_not(tmp_path: Path) -> None:
    segment(tmp_path, "orders.placed-0", "00000000000000000000.log", 100)
    segment(tmp_path, "orders.placed-0", "00000000000000000100.log", 20)
    segment(tmp_path, "orders.placed-0", "00000000000000000100.index", 10_000)
    segment(tmp_path, "orders.placed-11", "00000000000000000000.log", 3)
    segment(tmp_path, "a-b-2", "00000000000000000000.log", 7)
    segment(tmp_path, "other", "00000000000000000000.log", 9)
    assert of_directory(tmp_path) == {"orders.placed": 123, "a-b": 7}


def test_what_the_tool_prints_is_summed_over_brokers_and_disks() -> None:
    def disk(**sizes: int) -> dict[str, object]:
        partitions = [
            {"partition": f"{name}-{n}", "size": size, "offsetLag": 0, "isFuture": False}
            for n, (name, size) in enumerate(sizes.items())
        ]
        return {"logDir": "/data", "error": None, "partitions": partitions}

    told = {
        "version": 1,
        "brokers": [{"broker": 1, "logDirs": [disk(a=1, b=20), disk(a=3)]}, {"broker": 2, "logDirs": [disk(a=5)]}],
    }
    printed = f"Querying brokers for log directories information\n{json.dumps(told)}\n"
    assert of_description(printed) == {"a": 9, "b": 20}


def test_what_is_something_else_is_refused(tmp_path: Path) -> None:
    for wrong in (tmp_path, tmp_path / "missing"):
        with pytest.raises(OperatorError, match="is no log directory"):
            of_directory(wrong)
    for text in ("", "{}", "[]", '{"brokers": [{"logDirs": [{"partitions": [{}]}]}]}', "{nothing"):
        with pytest.raises(OperatorError, match="kafka-log-dirs"):
            of_description(text)


def test_the_command_takes_no_bytes_for_the_tools_words(tmp_path: Path) -> None:
    (tmp_path / "told").write_bytes(b"\xff\xfe{")
    result = CliRunner().invoke(app, ["topics", "size", "--described", str(tmp_path / "told")])
    assert result.exit_code == 1
    assert "This is not what `kafka-log-dirs.sh --describe` prints." in result.stderr
