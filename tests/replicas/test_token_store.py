"""One login for all replicas; the token lies in Redis sealed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from butlr_grafana.butlr.client import LOGIN_BACKOFF_S
from butlr_grafana.replicas.token_store import Credentials
from tests.faults.trial import MAY, PanelResponse, assert_upstreams_fault
from tests.held import held
from tests.redis_server import RedisServer
from tests.replicas.conftest import MakeOffice
from tests.replicas.replicas import Office, Replica
from tests.support import DETECTIONS, LOGIN

REFUSED = "Butlr refused BUTLR_CLIENT_ID and BUTLR_CLIENT_SECRET"


def test_replicas_log_in_once(office: Office) -> None:
    replicas = [office.replica() for _ in range(4)]
    begun: list[int] = []

    def response(replica: Replica) -> PanelResponse:
        begun.append(1)
        return replica.query_panel()

    with held(office.simulator, LOGIN, lambda: len(begun) == 4), ThreadPoolExecutor(4) as pool:
        responses = list(pool.map(response, replicas))
    assert all(response.is_whole() for response in responses)
    assert office.logins == 1


def test_a_token_that_is_revoked_in_a_burst_is_replaced_by_one_login(office: Office) -> None:
    replicas = office.two()
    for replica in replicas:
        replica.query_panel()
    before = office.simulator.count(DETECTIONS)
    office.simulator.revoke_tokens()
    days = {"hours": "08:00-18:00", "days": "mon-fri"}
    periods = [("2026-05-04T00:00:00Z", "2026-05-18T00:00:00Z"), ("2026-05-18T00:00:00Z", MAY[1])]

    def both_are_refused() -> bool:
        return office.simulator.count(DETECTIONS) >= before + 2

    with held(office.simulator, LOGIN, both_are_refused), ThreadPoolExecutor(2) as pool:
        responses = list(pool.map(lambda i: replicas[i].query_panel(*periods[i], **days), range(2)))
    assert [response.complete for response in responses] == [True, True]
    assert office.logins == 2


def test_a_token_that_expires_is_replaced_by_one_login(make_office: MakeOffice) -> None:
    office = make_office(hurried=True)
    office.simulator.token_lifetime_s = 600
    first, second = office.two()
    for passed_s in (0, 580, 601, 601):
        office.passes(passed_s)
        for replica in (first, second):
            assert replica.query_panel().is_whole()
    assert office.logins == 4  # at the beginning, before its end, and twice when it had died


def test_a_dead_token_that_a_new_replica_finds_costs_one_login(office: Office) -> None:
    office.replica().query_panel()
    office.simulator.revoke_tokens()
    assert office.replica().query_panel(*MAY).is_whole()
    assert office.logins == 2


def test_a_wrong_secret_is_tried_once_by_all(make_office: MakeOffice) -> None:
    office = make_office(hurried=True)
    replicas = office.two(butlr_client_secret="wrong")
    for _ in range(5):
        for replica in replicas:
            response = replica.query_panel()
            assert_upstreams_fault(response, 502)
            assert REFUSED in response.body["message"]
    assert office.logins == 1
    office.passes(LOGIN_BACKOFF_S + 1)
    for replica in replicas:
        assert_upstreams_fault(replica.query_panel(), 502)
    assert office.logins == 2
    assert office.calls == 0


def test_a_path_that_is_forbidden_costs_a_login_a_replica_at_most(office: Office) -> None:
    replicas = office.two()
    with replicas[0].fails(status=403):
        for replica in (*replicas, *replicas, *replicas):
            assert_upstreams_fault(replica.query_panel(), 502)
            assert_upstreams_fault(replica.query_panel(*MAY), 502)
            office.redis.forget("failed:*")
    assert office.logins <= 1 + len(replicas)


def test_a_login_that_is_down_is_tried_by_one(make_office: MakeOffice) -> None:
    office = make_office(hurried=True)
    office.simulator.faults.set(status=503, paths=(LOGIN,))
    replicas = office.two()
    for replica in replicas:
        assert_upstreams_fault(replica.query_panel(), 502)
    assert office.logins == 4  # the attempts of one
    office.simulator.faults.clear()
    office.passes(60)
    for replica in replicas:
        assert replica.query_panel().is_whole()
    assert office.logins == 5


def everything_in(redis: RedisServer) -> bytes:
    """Keys and values, as whoever can read Redis sees them."""
    client = redis.client
    dump = b""
    for key in client.scan_iter():
        kind = client.type(key)
        value = client.zrange(key, 0, -1) if kind == b"zset" else [client.get(key)]
        dump += b"\n".join([key, *value])
    return dump


def test_neither_token_nor_secret_nor_floor_can_be_read_in_redis(office: Office, redis: RedisServer) -> None:
    secret = "s3cret-that-nobody-may-see"
    office.simulator._tokens._client = ("demo", secret)
    replica = office.replica(butlr_client_secret=secret, butlr_rate_limit=100)
    assert replica.query_panel().is_whole()
    token = replica.application.butlr.client._token
    assert token is not None
    seen = everything_in(redis)
    assert len(seen) > 1000
    for hidden in (secret, token.text, "demo", "space_newyork"):
        assert hidden.encode() not in seen


def test_a_token_sealed_with_another_secret_is_none(office: Office, redis: RedisServer) -> None:
    office.replica().query_panel()
    [name] = redis.names("token:*")
    redis.client.set(name, Credentials.of("another", where="x").seal, px=10**6)
    assert office.replica().query_panel(*MAY).is_whole()
    assert office.logins == 2


def test_what_is_made_of_the_secret_depends_on_it_and_on_the_account() -> None:
    one = Credentials.of("secret", where="here")
    assert one == Credentials.of("secret", where="here")
    others = [Credentials.of("secret2", where="here"), Credentials.of("secret", where="there")]
    assert len({one.scope, *(other.scope for other in others)}) == 3
    assert len({one.seal, *(other.seal for other in others)}) == 3
    assert "secret" not in repr(one)
    assert one.seal.decode() not in repr(one)


def test_without_the_setting_nothing_is_shared(office: Office) -> None:
    for _ in range(2):
        alone = office.replica(cache_url="")
        assert alone.query_panel().is_whole()
    assert office.logins == 2
    assert office.redis.names() == []
