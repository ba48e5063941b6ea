"""Log lines: text and JSON, one an event, whatever is in them."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from butlr_grafana.base.log_format import FORMS, LEVELS, JsonLines, TextLines, log_to_stderr
from butlr_grafana.base.request_id import use_request_id
from butlr_grafana.web.connections import log_as
from tests.support import logging_as_before

FORGED = "first\n2026-01-01 ERROR second\r\x1b[2J\u2028\x85third"


def record(message: str, *args: object, **extra: Any) -> logging.LogRecord:
    made = logging.getLogger("butlr_grafana.test").makeRecord(
        "butlr_grafana.test", logging.WARNING, __file__, 1, message, args, None, extra=extra or None
    )
    made.created, made.msecs = 1_767_323_045.678, 678.0
    return made


def test_a_line_of_text_has_level_logger_message_request_and_figures() -> None:
    with use_request_id("panel-7"):
        line = TextLines().format(record("%d cells", 3, data={"status": 200, "seconds": 0.1}))
    assert line.endswith(" WARNING butlr_grafana.test: 3 cells request_id=panel-7 status=200 seconds=0.1")
    assert TextLines().format(record("3 cells")).endswith("butlr_grafana.test: 3 cells")


def test_a_line_of_json_is_an_object_with_the_time_in_utc() -> None:
    with use_request_id("panel-7"):
        line = JsonLines().format(record("%d cells", 3, data={"status": 200, "target": "heatmap"}))
    assert json.loads(line) == {
        "time": "2026-01-02T03:04:05.678+00:00",
        "level": "warning",
        "logger": "butlr_grafana.test",
        "message": "3 cells",
        "request_id": "panel-7",
        "status": 200,
        "target": "heatmap",
    }
    assert "request_id" not in json.loads(JsonLines().format(record("3 cells")))


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()], ids=FORMS)
def test_no_text_makes_a_line_that_looks_like_ours(formatter: logging.Formatter) -> None:
    line = formatter.format(record(FORGED, data={"name": FORGED}))
    assert len(line.splitlines()) == 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()], ids=FORMS)
def test_a_traceback_is_kept(formatter: logging.Formatter) -> None:
    made = record("broken")
    try:
        {}["which one"]
    except KeyError:
        made.exc_info = sys.exc_info()
    line = formatter.format(made)
    text = json.loads(line)["exception"] if isinstance(formatter, JsonLines) else line
    assert "Traceback (most recent call last)" in text
    assert text.endswith("KeyError: 'which one'")


def test_lone_surrogates_do_not_stop_a_line() -> None:
    assert json.loads(JsonLines().format(record("\udcff")))["message"] == "\udcff"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The house's logger, as it was before afterwards."""
    found = logging.getLogger("butlr_grafana")
    before = (found.handlers[:], found.level, found.propagate)
    yield found
    found.handlers[:], found.level, found.propagate = before


@pytest.mark.parametrize("level", LEVELS)
def test_only_lines_of_the_level_and_above_are_written(
    root: logging.Logger, capsys: pytest.CaptureFixture[str], level: str
) -> None:
    log_to_stderr("json", level)
    for name in LEVELS:
        root.getChild("test").log(logging.getLevelName(name.upper()), name)
    written = [json.loads(line)["level"] for line in capsys.readouterr().err.splitlines()]
    assert written == list(LEVELS[LEVELS.index(level) :])


def test_requested_twice_lines_are_written_once(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log_to_stderr()
    log_to_stderr("text", "info")
    root.getChild("test").info("once")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_servers_own_lines_have_the_same_form(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log_to_stderr("json", "info")
    own = logging.getLogger("waitress")
    before = (own.handlers[:], own.level, own.propagate)
    try:
        log_as(root)
        own.warning("total open connections reached %d", 7)
        own.info("listening again")
        logging.getLogger("waitress.queue").warning("Task queue depth is 1")
        line = json.loads(capsys.readouterr().err)
    finally:
        own.handlers[:], own.level, own.propagate = before
    assert (line["level"], line["message"]) == ("warning", "total open connections reached 7")


def test_what_a_command_sets_in_a_test_ends_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Else whoever logs afterwards, a thread that is late, writes to a closed file."""
    logger = logging.getLogger("butlr_grafana")
    before = (logger.handlers[:], logger.level, logger.propagate)
    with logging_as_before():
        log_to_stderr("json", "error")
        assert (logger.handlers[:], logger.level, logger.propagate) != before
    assert (logger.handlers[:], logger.level, logger.propagate) == before
    logger.warning("too late")
    assert "too late" not in capsys.readouterr().err


def test_what_nobody_catches_is_a_line_too() -> None:
    """In a process of its own: it concerns all of the interpreter."""
    code = """
import threading, warnings
from butlr_grafana.base.log_format import log_to_stderr, log_what_is_uncaught
log_to_stderr("json")
log_what_is_uncaught()
warnings.warn("an old way")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise RuntimeError("the end")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    warned, in_thread, in_main = map(json.loads, done.stderr.splitlines())
    assert "an old way" in warned["message"]
    assert in_thread["exception"].endswith("ZeroDivisionError: division by zero")
    assert in_main["exception"].endswith("RuntimeError: the end")
    assert {in_thread["level"], in_main["level"]} == {"critical"}
