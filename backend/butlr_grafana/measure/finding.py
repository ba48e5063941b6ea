"""The result of measuring one unknown: the assumption, the measurement, and the consequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["ok", "DIFFERS", "FAILED", "skipped", "assumed"]
Confidence = Literal["sure", "likely", "none"]
Number = int | float | bool | str | None

SUBJECTS = {
    "U1": "heat map form",
    "U2": "heat map stop",
    "U3": "heat map grid",
    "U4": "window labels",
    "U5": "day windows",
    "U6": "door count day",
    "U7": "presence time",
    "U8": "grouped rows",
    "U9": "direction of y",
    "U10": "count scale",
    "U11": "rate limit",
    "U12": "rows per response",
    "U13": "schema",
    "U14": "incomplete data",
    "U15": "late data",
    "U16": "batch size",
    "U17": "names of days",
    "U18": "cloned sensors",
    "U19": "empty windows",
    "U21": "heat map totals",
}
"""The unknowns of Butlr that are measured, and what each is about."""

VERDICTS_OF = {
    "U1": ("heat_form",),
    "U2": ("stop",),
    "U4": ("labels",),
    "U5": ("days",),
    "U6": ("calibrated_day",),
    "U7": ("presence_names",),
    "U9": ("heat_y",),
    "U12": ("row_cap",),
    "U15": ("settle_s",),
    "U17": ("weekday_case",),
    "U19": ("creates_empty",),
    "U21": ("totals_add_up",),
}
"""Which verdicts an unknown decides."""

WRITE_TO_US = "Run `check --report FILE` and open an issue with that file"
"""What to do about a difference that the product cannot handle."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`assumed`, `measured` and `follows` are for a person and name no room, zone or id.

    `numbers`: the evidence. `verdict`: values of `Verdicts` that it sets. `handled`: whether the product is
    right with what was measured.
    """

    unknown: str
    state: State
    assumed: str
    measured: str
    follows: str
    numbers: Mapping[str, Number] = field(default_factory=dict)
    verdict: Mapping[str, object] = field(default_factory=dict)
    confidence: Confidence = "sure"
    handled: bool = True

    @property
    def subject(self) -> str:
        return SUBJECTS[self.unknown]

    @property
    def tried(self) -> tuple[str, ...]:
        """The verdicts that this looked at and could not tell, or that bear on what Butlr refuses."""
        is_refused = self.state == "FAILED" and self.numbers.get("error") == "upstream_refused"
        return VERDICTS_OF.get(self.unknown, ()) if self.state == "assumed" or is_refused else ()


def decided(
    unknown: str,
    *,
    assumed: str,
    measured: str,
    follows: str,
    same: bool,
    numbers: Mapping[str, Number] | None = None,
    verdict: Mapping[str, object] | None = None,
    confidence: Confidence = "sure",
) -> Finding:
    """Something was measured; `same`: it is what was assumed. A difference is handled."""
    state: State = "ok" if same else "DIFFERS"
    return Finding(unknown, state, assumed, measured, follows, numbers or {}, verdict or {}, confidence)


def unhandled(
    unknown: str,
    *,
    assumed: str,
    measured: str,
    follows: str,
    numbers: Mapping[str, Number] | None = None,
) -> Finding:
    """Something was measured that the product cannot read or reckon with."""
    follow_text = f"{follows}. {WRITE_TO_US}."
    return Finding(unknown, "DIFFERS", assumed, measured, follow_text, numbers or {}, handled=False)


def undecided(
    unknown: str, *, assumed: str, why: str, numbers: Mapping[str, Number] | None = None, follows: str = ""
) -> Finding:
    """It was measured, and the responses do not decide it."""
    follow_text = follows or "the assumption stays"
    return Finding(
        unknown, "assumed", assumed, f"cannot be decided: {why}", follow_text, numbers or {}, {}, "none"
    )


def skipped(unknown: str, why: str) -> Finding:
    """It was not asked for."""
    return Finding(unknown, "skipped", "", why, "the assumption stays", confidence="none")


def failed(unknown: str, why: str, code: str) -> Finding:
    """Butlr did not answer the call. `why` may contain its text; `code` is ours."""
    return Finding(unknown, "FAILED", "", why, "the assumption stays", {"error": code}, confidence="none")
