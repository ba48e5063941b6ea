"""Writes the README's tables from the code: `make docs`. A test fails where they differ."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path

from butlr_grafana.query.parameters import PARAMETERS
from butlr_grafana.settings import Settings
from butlr_grafana.targets.registry import TARGETS

README = Path(__file__).parent.parent / "README.md"


def settings_table() -> str:
    lines = ["| setting | default | what it is |", "|---|---|---|"]
    for spec in fields(Settings):
        shown = f"{spec.default:g}" if isinstance(spec.default, int | float) else str(spec.default or "")
        default = f"`{shown}`" if shown and not isinstance(spec.default, bool | frozenset | tuple) else ""
        name = f"`{spec.metadata['env']}`" + (" (or `…_FILE`)" if spec.metadata["secret"] else "")
        lines.append(f"| {name} | {default} | {spec.metadata['description']} |")
    return "\n".join(lines)


def words_table() -> str:
    lines = ["| word | values (default first) | what it does |", "|---|---|---|"]
    for word in PARAMETERS.values():
        values = [f"`{word.default}`"] if word.default else []
        values += [f"`{c}`" for c in word.choices if c != word.default]
        values += [f"`{word.example}`"] if word.example else []
        lines.append(f"| `{word.name}` | {' '.join(values)} | {word.description} |")
    return "\n".join(lines)


def targets_table() -> str:
    lines = ["| target | formats | answers |", "|---|---|---|"]
    lines += [
        f"| `{t.name}` | {' '.join(f'`{f}`' for f in t.formats)} | {t.description} |"
        for t in TARGETS.values()
    ]
    return "\n".join(lines)


TABLES = {"settings": settings_table, "words": words_table, "targets": targets_table}


def with_tables(text: str) -> str:
    """The text with what stands between `<!-- NAME -->` and `<!-- /NAME -->` written anew."""
    for name, table in TABLES.items():
        block = f"<!-- {name} -->\n{table()}\n<!-- /{name} -->"
        text = re.sub(rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _, b=block: b, text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text("utf-8")), "utf-8")
    sys.exit(0)
