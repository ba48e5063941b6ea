"""Questions that go in one call are asked by one replica too, however each puts its floors together."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.held import held
from tests.replicas.replicas import Office, Replica
from tests.support import HANG_S, REPORTING, until

WAITS = "butlr_backend_shared_waits_total"


def people(replica: Replica, space: str = "all") -> dict[str, object]:
    response = replica.http.get("/api/v1/occupancy-now", query_string={"space": space, "format": "rows"})
    assert response.status_code == 200, response.get_data(as_text=True)
    assert all(row["complete"] for row in response.get_json())
    return {row["room_id"]: row["people"] for row in response.get_json()}


def call_counts(office: Office) -> Counter[tuple[str, str]]:
    """How often each room was answered about, by measurement."""
    found: Counter[tuple[str, str]] = Counter()
    for call in office.simulator.calls:
        if call.path == REPORTING:
            where = call.body["filter"]
            most = 30 if len(where["rooms"]["eq"]) > 30 else 0  # Butlr answers nothing to more
            found.update((where["measurements"][0], room) for room in where["rooms"]["eq"] if not most)
    return found


def test_what_one_replica_has_put_together_the_other_need_not_ask(office: Office) -> None:
    first, second = office.two()
    known = people(first)
    office.simulator.clear_calls()
    assert people(second) == known
    assert not call_counts(office)


def test_both_at_once_ask_for_each_room_once(office: Office) -> None:
    """One asks for all floors while the other asks for one of them."""
    first, second = office.two()
    for replica in (first, second):
        replica.http.get("/readyz")
    office.simulator.clear_calls()

    def one_waits() -> bool:
        return first.gauge(WAITS) + second.gauge(WAITS) >= 1

    with held(office.simulator, REPORTING, one_waits), ThreadPoolExecutor(2) as pool:
        whole = pool.submit(people, first)
        until(lambda: office.simulator.in_flight >= 1)
        part = pool.submit(people, second, "space_paris_1")
        assert part.result(HANG_S).items() <= whole.result(HANG_S).items()
    assert set(call_counts(office).values()) == {1}


def test_a_failure_is_told_with_each_question(office: Office) -> None:
    first, second = office.two()
    for replica in (first, second):
        replica.http.get("/readyz")
    office.simulator.faults.set(status=400, paths=(REPORTING,))
    params = {"space": "all", "format": "rows"}
    assert first.http.get("/api/v1/occupancy-now", query_string=params).status_code == 502
    spent = office.simulator.count(REPORTING)
    reported = second.http.get("/api/v1/occupancy-now", query_string=params)
    assert reported.status_code == 502
    assert "Butlr answered 400" in reported.get_json()["message"]
    assert office.simulator.count(REPORTING) == spent


def test_without_redis_each_asks_for_itself(office: Office) -> None:
    first, second = office.two()
    known = people(first)
    office.redis.stop()
    office.simulator.clear_calls()
    assert people(second) == known
    assert call_counts(office)
