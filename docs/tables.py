"""Writes what documents say of the code: the README's tables, and the folders and their imports in
architecture.md (`make docs`). A test fails where they differ.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import fields
from pathlib import Path

from butlr_grafana.query.parameters import PARAMETERS
from butlr_grafana.settings import Settings
from butlr_grafana.targets.registry import TARGETS

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
ARCHITECTURE = ROOT / "docs/architecture.md"
PACKAGE = ROOT / "backend/butlr_grafana"

ORDER = (
    *("base", "model", "butlr", "query", "settings", "cache", "replicas", "insight", "live", "pipeline"),
    *("measure", "targets", "present", "service", "web", "kiosk", "install", "app", "simulator", "cli"),
)
"""The boxes, from below: none imports one after it."""

EVERYWHERE = ("base", "model")
"""What all may import; their arrows are left out of the drawing."""


def settings_table() -> str:
    lines = ["| setting | default | what it is |", "|---|---|---|"]
    for spec in fields(Settings):
        shown = f"{spec.default:g}" if isinstance(spec.default, int | float) else str(spec.default or "")
        default = f"`{shown}`" if shown and not isinstance(spec.default, bool | frozenset | tuple) else ""
        name = f"`{spec.metadata['env']}`" + (" (or `…_FILE`)" if spec.metadata["secret"] else "")
        lines.append(f"| {name} | {default} | {spec.metadata['description']} |")
    return "\n".join(lines)


def words_table() -> str:
    lines = ["| parameter | values (default first) | what it does |", "|---|---|---|"]
    for word in PARAMETERS.values():
        values = [f"`{word.default}`"] if word.default else []
        values += [f"`{c}`" for c in word.choices if c != word.default]
        values += [f"`{word.example}`"] if word.example and word.example not in word.choices else []
        lines.append(f"| `{word.name}` | {' '.join(values)} | {word.description} |")
    return "\n".join(lines)


def targets_table() -> str:
    lines = ["| target | formats | result |", "|---|---|---|"]
    lines += [
        f"| `{t.name}` | {' '.join(f'`{f}`' for f in t.formats)} | {t.description} |"
        for t in TARGETS.values()
    ]
    return "\n".join(lines)


def imports() -> dict[tuple[str, str], int]:
    """How many modules of the first folder import the second one."""
    found: dict[tuple[str, str], set[Path]] = {}
    for path in PACKAGE.rglob("*.py"):
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("butlr_grafana"):
                parts = (node.module or "").split(".")
                for name in [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]:
                    if name != own and name in ORDER:
                        found.setdefault((own, name), set()).add(path)
    return {pair: len(paths) for pair, paths in sorted(found.items())}


def folders_drawing() -> str:
    """A Mermaid flowchart: a box a folder, an arrow to each folder that it imports."""
    lines = ["```mermaid", "flowchart BT"]
    lines += [f"  {name}" for name in ORDER]
    lines += [f"  {a} --> {b}" for a, b in imports() if b not in EVERYWHERE]
    return "\n".join([*lines, "```"])


TABLES = {
    "settings": settings_table,
    "words": words_table,
    "targets": targets_table,
    "folders": folders_drawing,
}


def with_tables(text: str) -> str:
    """The text with what stands between `<!-- NAME -->` and `<!-- /NAME -->` written anew."""
    for name, table in TABLES.items():
        block = f"<!-- {name} -->\n{table()}\n<!-- /{name} -->"
        text = re.sub(rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _, b=block: b, text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    for page in (README, ARCHITECTURE):
        page.write_text(with_tables(page.read_text("utf-8")), "utf-8")
    sys.exit(0)
