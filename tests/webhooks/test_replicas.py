"""Several replicas and one Redis: whichever receives, all know; one fills the gaps; each goes on alone."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from butlr_grafana.live.silence import Gap
from butlr_grafana.model.time import Period
from butlr_grafana.replicas.pushes import MOST_ENTRIES, SharedPushes
from tests.live.makers import covers
from tests.redis_server import RedisServer
from tests.replicas.conftest import make_office, office  # noqa: F401
from tests.replicas.replicas import Office, Replica
from tests.support import NEW_YORK, PARIS, PEOPLE, REPORTING, until

KEY = "the-key-of-all-replicas"
KITCHEN = "room_paris_1_kitchen"
ROOMS = [room.id for room in PEOPLE.office.by_id[PARIS].rooms]


def body(type_: str, at_s: float, data: Any, **places: str) -> dict[str, Any]:
    return {
        "id": f"event_{at_s}_{sorted(places.values())}",
        "type": type_,
        "timestamp": int(at_s * 1000),
        "version": "v1.0.0",
        "metadata": {"floor_id": PARIS, **places},
        "data": data,
    }


def people(minute_s: float, count: int, room: str = KITCHEN) -> dict[str, Any]:
    return body("ROOM_OCCUPANCY_1MIN", minute_s, count, room_id=room)


ENTRANCE = next(s for s in PEOPLE.office.by_id[PARIS].sensors if s.is_entrance)


def moved(at_s: float, entered: int, left: int) -> dict[str, Any]:
    return body(
        "TRAFFIC", at_s, {"in": entered, "out": left}, mac_address=ENTRANCE.mac_address, sensor_id="x"
    )


def push(replica: Replica, *events: dict[str, Any]) -> None:
    for one in events:
        response = replica.http.post("/webhooks/butlr", data=orjson.dumps(one), headers={"X-Api-Key": KEY})
        assert response.status_code == 204


def read(*replicas: Replica) -> None:
    for replica in replicas:
        replica.application.receiver.read()


def known(replica: Replica, start_s: int, end_s: int, room: str = KITCHEN) -> list[float | None]:
    found = replica.application.receiver.live.minutes(room, Period(start_s, end_s))
    return [minute.people for minute in found]


def begun(office: Office, count: int = 2) -> list[Replica]:  # noqa: F811
    """Replicas that know the floors; the clock stands at a full minute and two seconds."""
    office.now_s = office.now_s // 60 * 60 + 2
    replicas = [office.replica(webhook_keys=(KEY,)) for _ in range(count)]
    for replica in replicas:
        assert replica.http.get("/api/v1/spaces").status_code == 200
    return replicas


def minute(office: Office, n: int) -> int:  # noqa: F811
    return int(office.now_s // 60 + n) * 60


def test_what_one_receives_all_know_and_the_last_to_arrive_is_the_same_for_all(office: Office) -> None:  # noqa: F811
    one, two = begun(office)
    last = minute(office, -1)
    push(one, people(last, 1))
    push(two, people(last, 2))
    push(one, people(last, 3))
    push(two, people(last, 4))
    read(one, two)
    assert known(one, last, last + 60) == known(two, last, last + 60) == [4]
    push(one, people(last, 5))
    read(two)
    assert known(two, last, last + 60) == [5]


def test_a_movement_counts_once_whoever_received_it_and_however_often(office: Office) -> None:  # noqa: F811
    one, two = begun(office)
    for n in range(3):
        office.now_s += 60
        push(one, people(minute(office, -1), n), moved(minute(office, -1) + 7, 2, 1))
        push(two, moved(minute(office, -1) + 7, 2, 1))
        read(one, two)
        read(one, two)
    [floor] = [f for f in one.application.receiver.refill._floors() if f.id == PARIS]
    period = Period(minute(office, -2), minute(office, 0))
    for replica in (one, two):
        assert replica.application.receiver.live.movements(floor, "floor", period) == {PARIS: (4, 2)}


def test_what_a_replica_reads_of_its_own_much_later_counts_once_too(office: Office) -> None:  # noqa: F811
    """By then it does not know any more that it has counted it."""
    [one] = begun(office, 1)
    at_s = minute(office, -1)
    push(one, moved(at_s, 2, 1))
    office.now_s += 600
    push(one, people(minute(office, -1), 1))
    read(one)
    known_of = one.application.receiver.live._movements.of(ENTRANCE.id, at_s // 60)
    assert known_of is not None
    assert known_of[0] == (2, 1)


def test_one_that_is_killed_leaves_nothing_missing(office: Office) -> None:  # noqa: F811
    one, two = begun(office)
    first = minute(office, 0)
    for n in range(6):
        office.now_s += 60
        push((one, two)[n % 2], people(minute(office, -1), n))
        if n == 3:
            one.close()
            office.replicas.remove(one)
            one = two
    read(two)
    assert known(two, first, first + 360) == [0, 1, 2, 3, 4, 5]
    # And one that starts anew knows it too.
    three = office.replica(webhook_keys=(KEY,))
    three.http.get("/api/v1/spaces")
    read(three)
    live = three.application.receiver.live
    assert known(three, first, first + 360) == [0, 1, 2, 3, 4, 5]
    heard = [gap for gap in live.gaps("room") if gap.end_s > first + 60]
    assert heard == [], "it was received, elsewhere"


def test_what_arrived_in_time_is_not_late_for_who_reads_it_later(office: Office) -> None:  # noqa: F811
    one, two = begun(office)
    last = minute(office, -1)
    push(one, people(last, 1))
    office.now_s += 1200
    push(one, people(last, 9))
    read(two)
    assert known(two, last, last + 60) == [1]
    assert known(one, last, last + 60) == [1]


def gaps_after_a_silence(office: Office) -> tuple[list[Replica], Gap]:  # noqa: F811
    """Two that heard of people and movements each minute, but for ten; all of it has settled."""
    office.now_s = office.now_s // 60 * 60 + 2 - 7200
    replicas = begun(office)
    silent_from = 0
    for n in range(110):
        office.now_s += 60
        if 80 <= n < 90:
            silent_from = silent_from or minute(office, 0)
            continue
        push(replicas[n % 2], people(minute(office, -1), 1))
        if n % 50 == 0:
            push(replicas[0], moved(minute(office, -1), 1, 0))
    read(*replicas)
    return replicas, Gap(silent_from, silent_from + 600)


def steps(replica: Replica) -> None:
    refill = replica.application.receiver.refill
    until(lambda: refill.step() >= 10)
    replica.comes_to_rest()


def test_a_gap_is_requested_by_one_and_known_by_all(office: Office) -> None:  # noqa: F811
    (one, two), gap = gaps_after_a_silence(office)
    for replica in (one, two):
        assert gap in replica.application.receiver.live.gaps("room")
    before = office.simulator.count(REPORTING)
    steps(one)
    requested = office.simulator.count(REPORTING) - before
    assert requested > 0
    steps(two)
    assert office.simulator.count(REPORTING) - before == requested, "once"
    truth = {
        room: PEOPLE.occupancy(PARIS, index, gap.start_s, gap.end_s).tolist()
        for index, room in enumerate(ROOMS)
        if not PEOPLE.offline(room, gap.start_s, gap.end_s)
    }
    assert sum(map(sum, truth.values())) > 0
    for replica in (one, two):
        read(replica)
        live = replica.application.receiver.live
        assert {room: known(replica, gap.start_s, gap.end_s, room) for room in truth} == truth
        assert covers(live, ROOMS, Period(gap.start_s, gap.end_s)), (
            "where nothing is known, that is known too"
        )
        assert not [g for g in live.gaps("room") if g.start_s >= gap.start_s]
    # Movements too, and what was pushed before and after stays.
    [floor] = [f for f in one.application.receiver.refill._floors() if f.id == PARIS]
    _, door, direction = PEOPLE.crossings(PARIS, gap.start_s, gap.end_s)
    at_entrance = [int(d) for d, r in zip(direction, door, strict=True) if r == -1]
    for replica in (one, two):
        found = replica.application.receiver.live.movements(floor, "floor", Period(gap.start_s, gap.end_s))
        assert found == {PARIS: (at_entrance.count(1), at_entrance.count(-1))}


def test_without_redis_each_goes_on_with_what_it_received(
    office: Office,  # noqa: F811
    redis: RedisServer,
) -> None:
    one, two = begun(office)
    last = minute(office, -1)
    push(one, moved(last, 1, 0))
    read(one, two)
    redis.stop()
    push(one, people(last, 3))
    read(one, two)
    assert known(one, last, last + 60) == [3]
    assert known(two, last, last + 60) == []
    # Movements that the other may have received are not told as if there had been none.
    office.now_s += 120
    push(one, people(minute(office, -1), 3))
    assert any(gap.start_s <= last + 60 < gap.end_s for gap in one.application.receiver.live.gaps("traffic"))
    redis.start()
    until(lambda: one.is_linked() and two.is_linked())
    push(two, people(minute(office, -1), 8))
    read(one, two)
    assert known(one, minute(office, -1), minute(office, 0)) == [8]


def test_the_stream_is_bounded_and_ends_by_itself(office: Office, redis: RedisServer) -> None:  # noqa: F811
    [one] = begun(office, 1)
    push(one, people(minute(office, -1), 1))
    [name] = redis.names("pushes")
    assert 0 < redis.client.pttl(name) <= 2 * 3_600_000
    pipe = redis.client.pipeline(transaction=False)
    for _ in range(MOST_ENTRIES + 2_000):
        pipe.xadd(name, {"from": "x", "at": 1, "news": "[]"})
    pipe.execute()
    push(one, people(minute(office, -1), 2))
    # Redis cuts whole nodes of a hundred entries.
    assert redis.client.xlen(name) <= MOST_ENTRIES + 200
    read(one)
    assert known(one, minute(office, -1), minute(office, 0)) == [2]


@pytest.mark.parametrize(
    "entry",
    [
        {"x": "y"},
        {"from": "x", "at": "now", "news": "[]"},
        {"from": "x", "at": "nan", "news": '[["people"]]'},
        {"from": "x", "at": "1", "news": "no JSON"},
        {"from": "x", "at": "1", "news": '{"a": 1}'},
        {
            "from": "x",
            "at": "1",
            "news": '[null, 7, [], ["people"], ["people", 1], ["new", 1], ["filled", "x", 1, 2]]',
        },
        {
            "from": "x",
            "at": "1",
            "news": '[["reported", "room_a", [[1]]], ["doors", "s", 3], ["filled", "room", 0, 9e99]]',
        },
    ],
    ids=str,
)
def test_what_another_version_tells_is_passed_over(
    office: Office,  # noqa: F811
    redis: RedisServer,
    entry: dict[str, str],
) -> None:
    [one] = begun(office, 1)
    push(one, people(minute(office, -1), 1))
    [name] = redis.names("pushes")
    redis.client.xadd(name, entry)
    push(one, people(minute(office, -1), 2))
    read(one)
    assert known(one, minute(office, -1), minute(office, 0)) == [2]


def test_a_redis_that_begins_anew_is_read_from_its_beginning(office: Office, redis: RedisServer) -> None:  # noqa: F811
    one, two = begun(office)
    push(one, people(minute(office, -1), 1))
    read(one, two)
    [name] = redis.names("pushes")
    entry = redis.client.xrange(name)[0][1]
    redis.client.delete(name)
    # As of a machine whose clock is behind.
    redis.client.xadd(
        name,
        {**entry, b"from": b"x", b"news": orjson.dumps([["people", *_text(minute(office, -1), 6)]])},
        id="5-1",
    )
    read(one, two)
    read(one, two)
    assert known(two, minute(office, -1), minute(office, 0)) == [6]


def _text(minute_s: int, count: int) -> list[Any]:
    return ["ROOM_OCCUPANCY_1MIN", "room", KITCHEN, PARIS, True, minute_s * 1000, count]


def test_other_accounts_are_told_nothing(office: Office, redis: RedisServer) -> None:  # noqa: F811
    one, other = (
        begun(office, 1)[0],
        office.replica(webhook_keys=(KEY,), butlr_client_id="other", butlr_client_secret="other"),
    )
    push(one, people(minute(office, -1), 1))
    read(other)
    assert known(other, minute(office, -1), minute(office, 0)) == []
    assert isinstance(other.application.receiver.pushes, SharedPushes)
    assert NEW_YORK in PEOPLE.office.by_id
