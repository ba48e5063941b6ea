"""Builds what Grafana reads: the dashboards' JSON files beside this file, and the alert rules.

`python build.py` writes them; `python build.py --check` writes nothing, and exits 1 with a diff where a file
and its source differ, or where a dashboard has no source.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path

import yaml

from dashboards import DASHBOARDS
from dashboards.alerting import ALERTING, BY_API

HERE = Path(__file__).resolve().parent
ALERT_RULES = "../provisioning/alerting/butlr.yaml"
RULES_BY_API = "../provisioning/http-api/alert-rules.json"
OWN_RULE = HERE / "../docs/alerting-examples/own-rule.yaml"
OWN_RULE_BY_API = "../provisioning/http-api/own-rule.json"
"""The example of a rule of one's own, as `butlr-grafana alert` reads it: without a parser for YAML."""

RULES = (ALERT_RULES, RULES_BY_API, OWN_RULE_BY_API)
ALERT_RULES_HEAD = """\
# Alert rules on Butlr's floors and rooms. `make dashboards` builds this file from
# grafana-dashboards/dashboards/alerting; the thresholds are in limits.py there. docs/alerting.md explains
# each rule, and how to get its alerts by e-mail, webhook or Slack. This file has no contact point and no
# notification policy, because these would replace yours.
"""


def built() -> dict[str, str]:
    """File name, from this folder → its text."""
    pages = {f"{d['uid']}.json": _json(d) for d in DASHBOARDS}
    rules = yaml.safe_dump(ALERTING, sort_keys=False, allow_unicode=True, width=1000)
    [own_group] = yaml.safe_load(OWN_RULE.read_text("utf-8"))["groups"]
    return {
        **pages,
        ALERT_RULES: ALERT_RULES_HEAD + rules,
        RULES_BY_API: _json(BY_API),
        OWN_RULE_BY_API: _json(own_group),
    }


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def present() -> dict[str, str]:
    """The files that are there, as `built` names them."""
    pages = {path.name: path.read_text("utf-8") for path in sorted(HERE.glob("*.json"))}
    rules = {name: HERE / name for name in RULES}
    return {**pages, **{name: path.read_text("utf-8") for name, path in rules.items() if path.exists()}}


def difference(files: dict[str, str], wanted: dict[str, str]) -> str:
    """A unified diff from the files to what the source says; empty where they agree."""
    lines: list[str] = []
    for name in sorted(files.keys() | wanted.keys()):
        old, new = (texts.get(name, "").splitlines(keepends=True) for texts in (files, wanted))
        lines += difflib.unified_diff(old, new, f"{name} (file)", f"{name} (source)")
    return "".join(lines)


def write(wanted: dict[str, str]) -> None:
    for name in present().keys() - wanted.keys():
        (HERE / name).unlink()
    for name, text in wanted.items():
        (HERE / name).parent.mkdir(parents=True, exist_ok=True)
        (HERE / name).write_text(text, "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Builds the dashboards' JSON files and the alert rules.")
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 with a diff")
    if not parser.parse_args().check:
        write(built())
        return 0
    found = difference(present(), built())
    sys.stdout.write(found)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
