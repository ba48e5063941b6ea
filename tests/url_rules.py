"""Werkzeug's URL rules, compiled once. All applications of the suite have the same ones, and to compile them
takes half of the time of making an application.
"""

from __future__ import annotations

from collections.abc import Callable

from werkzeug.routing import Rule

_COMPILED: dict[tuple[tuple[tuple[bool, str], ...], bool], Callable[..., tuple[str, str]]] = {}


class RuleCompiledOnce(Rule):
    """What is compiled makes addresses. It depends on the rule's text alone, if the rule has no defaults."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if self.defaults:
            return super()._compile_builder(append_unknown)
        key = (tuple(self._trace), append_unknown)
        if key not in _COMPILED:
            _COMPILED[key] = super()._compile_builder(append_unknown)
        return _COMPILED[key]
