"""Commands that documents tell: the program takes them as they are written."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from butlr_grafana.cli.main import parser_for
from butlr_grafana.simulator.__main__ import _parser as simulators_parser

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
CALL = re.compile(r"(?:^|[ /])butlr-grafana ((?!-)[a-z].*)$")
BLOCK = re.compile(r"^ *```\n(.*?)^ *```", re.MULTILINE | re.DOTALL)

Command = tuple[str, list[str]]
"""The page, and the words after `butlr-grafana`."""


def calls(page: Path, lines: list[str]) -> list[Command]:
    found = [CALL.search(line) for line in lines]
    return [(page.name, shlex.split(match[1].replace("…", "http://x"))) for match in found if match]


def in_blocks(page: Path) -> list[Command]:
    text = page.read_text("utf-8").replace("\\\n", " ")
    return calls(page, [line for block in BLOCK.findall(text) for line in block.splitlines()])


def in_lines(page: Path) -> list[Command]:
    """Code within a sentence, which may name some of the options only."""
    return calls(page, re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text("utf-8"))))


BLOCKS = [command for page in PAGES for command in in_blocks(page)]
LINES = [command for page in PAGES for command in in_lines(page)]


def named(command: Command) -> str:
    return f"{command[0]}: {' '.join(command[1])}"


def options_of(name: str) -> set[str]:
    """What a command may be given."""
    parser = parser_for(name)
    [commands] = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    own = simulators_parser() if name == "simulate" else commands.choices[name]
    return {option for action in own._actions for option in action.option_strings}


def test_there_are_commands() -> None:
    """Else the tests below could not fail."""
    assert {"install", "uninstall", "check", "wall", "crowd"} <= {arguments[0] for _, arguments in BLOCKS}
    assert {"install", "simulate", "render", "warm", "assets"} <= {arguments[0] for _, arguments in LINES}


@pytest.mark.parametrize("command", BLOCKS, ids=named)
def test_a_command_is_taken_as_it_is_written(command: Command) -> None:
    parser_for(command[1][0]).parse_args(command[1])


@pytest.mark.parametrize("command", LINES, ids=named)
def test_a_command_and_its_options_are_there(command: Command) -> None:
    _, (name, *arguments) = command
    assert {word.split("=")[0] for word in arguments if word.startswith("--")} <= options_of(name)
