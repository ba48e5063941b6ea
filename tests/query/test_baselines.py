"""The earlier period is as long as the one that it is compared with, whatever minute it is now."""

from __future__ import annotations

import pytest

from butlr_grafana.model.time import DAY_S, HOUR_S, MINUTE_S, Period
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.scope import Scope, scope_of
from butlr_grafana.targets.registry import TARGETS, read
from tests.query.test_resolve import TOPOLOGY
from tests.support import at

pytestmark = pytest.mark.fast

WEEK = 7 * DAY_S
NOW = "2026-06-17T12:34:56"


def scope(target: str, now: str, back_s: int, baseline: str) -> Scope:
    """Of Grafana's "last so many days" at this moment."""
    now_s = at(now)
    period = {"from": str(1000 * (now_s - back_s)), "to": str(1000 * now_s)}
    parsed = read(target, {"space": "space_1", "baseline": baseline, **period})
    return scope_of(parsed, TOPOLOGY, now_s=now_s, limits=QueryLimits(400))


def both(target: str, now: str, back_s: int, baseline: str) -> tuple[Period, Period]:
    queries = TARGETS[target].queries(scope(target, now, back_s, baseline))
    return queries[0].period, queries[-1].period


@pytest.mark.parametrize("target", ["compare", "compare-zones"])
@pytest.mark.parametrize(
    ("baseline", "back_s"), [("previous", 0), ("-1w", WEEK), ("-4w", 4 * WEEK), ("-1y", 365 * DAY_S)]
)
@pytest.mark.parametrize("now", ["2026-06-17T12:34:56", "2026-06-17T12:00:10", "2026-06-17T12:59:59"])
def test_the_earlier_period_is_as_long(target: str, baseline: str, back_s: int, now: str) -> None:
    """The last seven days begin at a whole hour and end with the last full minute."""
    current, earlier = both(target, now, WEEK, baseline)
    until_s = at(now) // MINUTE_S * MINUTE_S
    assert current == Period(at("2026-06-10T12:00:00"), until_s)
    length_s = WEEK + until_s - at("2026-06-17T12:00:00")
    assert current.length_s == length_s
    end_s = until_s - back_s if back_s else current.start_s
    assert earlier == Period(end_s - length_s, end_s)


@pytest.mark.parametrize("back_s", [6 * HOUR_S, DAY_S, WEEK, 30 * DAY_S])
def test_the_period_before_of_hours_shares_none_with_the_current_one(back_s: int) -> None:
    """Rooms are compared by whole hours: as many in both, the current one of which is not over yet."""
    current, earlier = both("compare-utilization", NOW, back_s, "previous")
    assert current.end_s == at("2026-06-17T12:34:00")
    assert current.start_s == (at(NOW) - back_s) // HOUR_S * HOUR_S
    hours = -(-current.length_s // HOUR_S)
    assert earlier == Period(current.start_s - hours * HOUR_S, current.start_s)


def test_across_a_clock_change_both_periods_have_as_many_hours() -> None:
    """On 29 March Paris' clocks went forward: that day has 23 hours, and so has the period before."""
    current, earlier = both("compare", "2026-03-29T22:00:00", 23 * HOUR_S, "previous")
    assert current == Period(at("2026-03-28T23:00:00"), at("2026-03-29T22:00:00"))
    assert earlier == Period(at("2026-03-28T00:00:00"), at("2026-03-28T23:00:00"))
    # By the calendar the day a week earlier has 24; the answer says how many hours count in each.
    current, earlier = both("compare", "2026-03-29T22:00:00", 23 * HOUR_S, "-7d")
    assert (current.length_s, earlier.length_s) == (23 * HOUR_S, 24 * HOUR_S)
