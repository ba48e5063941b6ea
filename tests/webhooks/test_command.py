"""`butlr-grafana webhooks`: says what it will do, writes nothing else, and touches nobody else's."""

from __future__ import annotations

import argparse
import builtins
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from butlr_grafana.base.access import SettingError
from butlr_grafana.base.errors import UpstreamError
from butlr_grafana.cli.webhooks import NAME, IdFile, for_demo, lines_of, perform
from butlr_grafana.settings import Settings
from butlr_grafana.simulator import Forms, Simulator
from butlr_grafana.simulator.webhooks import Subscription
from tests.support import PEOPLE, at

KEY = "a-key-that-nobody-may-see"
TYPES = ("FLOOR_OCCUPANCY_1MIN", "ROOM_OCCUPANCY_1MIN", "ZONE_OCCUPANCY_1MIN", "TRAFFIC")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(PEOPLE, clock=lambda: float(at("2026-06-17T12:34:56"))) as running:
        yield running


@pytest.fixture
def settings(simulator: Simulator, tmp_path: Path) -> Settings:
    return Settings(
        butlr_api_url=simulator.url,
        butlr_client_id="demo",
        butlr_client_secret="demo",
        webhook_keys=(KEY, "an-older-key-that-is-good-too"),
        public_url="https://butlr.example.com",
        cache_dir=str(tmp_path / "cache"),
        port=1,  # nobody listens there
    )


def run(settings: Settings, action: str, **options: Any) -> int:
    return perform(argparse.Namespace(action=action, **{"yes": True, **options}), settings, demo=False)


def other(simulator: Simulator, *types: str, name: str = "theirs") -> Subscription:
    made = Subscription(
        "webhook_theirs", name, types, "https://them.example.com/", (("X-Api-Key", "theirs"),)
    )
    return simulator.subscriptions.add(made)


def test_create_update_delete(
    simulator: Simulator, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(settings, "create") == 0
    [made] = simulator.subscriptions.all()
    assert (made.name, made.event_types) == (NAME, TYPES)
    assert (made.url, made.headers) == ("https://butlr.example.com/webhooks/butlr", (("X-Api-Key", KEY),))
    assert IdFile.of(settings, demo=False).read() == made.id
    output = capsys.readouterr().out
    assert output.index("creates the subscription") < output.index(f"created {made.id}")

    moved = Settings(
        **{
            **vars(settings),
            "webhook_keys": ("another-key-than-before",),
            "public_url": "https://b.example.com",
        }
    )
    assert run(moved, "update") == 0
    [changed] = simulator.subscriptions.all()
    assert (changed.id, changed.event_types) == (made.id, TYPES)
    assert changed.url == "https://b.example.com/webhooks/butlr"
    assert changed.headers == (("X-Api-Key", "another-key-than-before"),)

    assert run(moved, "delete") == 0
    assert simulator.subscriptions.all() == []
    assert IdFile.of(settings, demo=False).read() is None
    assert KEY not in output + capsys.readouterr().out


def test_created_twice_is_created_once(simulator: Simulator, settings: Settings) -> None:
    assert run(settings, "create") == run(settings, "create") == 0
    assert len(simulator.subscriptions.all()) == 1


def test_what_another_has_is_left_and_said(
    simulator: Simulator, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = other(simulator, "TRAFFIC", "ROOM_OCCUPANCY")
    assert run(settings, "create") == 0
    [left, made] = simulator.subscriptions.all()
    assert left == theirs
    assert made.event_types == TYPES[:3]
    assert (
        "TRAFFIC: webhook_theirs (theirs) has subscribed to it; the backend requests"
        in capsys.readouterr().out
    )
    assert run(settings, "delete") == 0
    assert simulator.subscriptions.all() == [theirs]


def test_where_nothing_is_free_nothing_is_created(
    simulator: Simulator, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    other(simulator, *TYPES)
    assert run(settings, "create") == 1
    assert len(simulator.subscriptions.all()) == 1
    assert "nothing was created" in capsys.readouterr().out


def test_event_types_by_the_schemas_own_names(simulator: Simulator, settings: Settings) -> None:
    simulator.forms = Forms(event_names="1m", webhook_inputs="camel")
    assert run(settings, "create") == 0
    [made] = simulator.subscriptions.all()
    assert made.event_types == ("FLOOR_OCCUPANCY_1M", "ROOM_OCCUPANCY_1M", "ZONE_OCCUPANCY_1M", "TRAFFIC")


@pytest.mark.parametrize("action", ["create", "update", "delete"])
@pytest.mark.parametrize("response", ["n", "", "what?", None])
def test_nothing_is_written_unless_somebody_agrees(
    simulator: Simulator,
    settings: Settings,
    action: str,
    response: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor where nobody can be asked."""
    if action != "create":
        run(settings, "create")
    before = simulator.subscriptions.all()
    monkeypatch.setattr(sys.stdin, "isatty", lambda: response is not None)
    monkeypatch.setattr(builtins, "input", lambda _: response)
    moved = Settings(**{**vars(settings), "public_url": "https://b.example.com"})
    assert run(moved, action, yes=False) == 1
    assert simulator.subscriptions.all() == before
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(builtins, "input", lambda _: "y")
    assert run(moved, action, yes=False) == 0
    assert simulator.subscriptions.all() != before


@pytest.mark.parametrize("action", ["update", "delete"])
def test_one_of_our_name_may_be_another_installations(
    simulator: Simulator, settings: Settings, action: str
) -> None:
    theirs = other(simulator, "TRAFFIC", name=NAME)
    with pytest.raises(SettingError, match="webhook_theirs has our name, but may belong to another"):
        run(settings, action)
    assert simulator.subscriptions.all() == [theirs]
    assert run(settings, action, id="webhook_theirs") == 0
    assert simulator.subscriptions.all() != [theirs]


@pytest.mark.parametrize("action", ["update", "delete"])
def test_one_of_another_name_is_never_ours(simulator: Simulator, settings: Settings, action: str) -> None:
    theirs = other(simulator, "TRAFFIC")
    with pytest.raises(SettingError, match="its name is theirs, not butlr-grafana, so it is not ours"):
        run(settings, action, id="webhook_theirs")
    with pytest.raises(SettingError, match="no such subscription"):
        run(settings, action, id="webhook_x")
    with pytest.raises(SettingError, match="there is no subscription of ours"):
        run(settings, action)
    assert simulator.subscriptions.all() == [theirs]


@pytest.mark.parametrize(
    ("lacking", "named"),
    [
        ({"webhook_keys": ()}, "BUTLR_WEBHOOK_KEY"),
        ({"public_url": ""}, "BACKEND_PUBLIC_URL"),
        ({"cache_dir": ""}, "BACKEND_CACHE_DIR"),
    ],
)
def test_what_is_needed_is_named_before_anything_is_requested(
    simulator: Simulator, settings: Settings, lacking: dict[str, Any], named: str
) -> None:
    with pytest.raises(SettingError, match=named):
        run(Settings(**{**vars(settings), **lacking}), "create")
    assert simulator.calls == []


@pytest.mark.parametrize("action", ["create", "update"])
@pytest.mark.parametrize("public", ["http://butlr.example.com", "http://127.0.0.1:8081"])
def test_an_address_without_tls_is_refused_with_the_reason(
    simulator: Simulator, settings: Settings, action: str, public: str
) -> None:
    for butlr in ("", "https://api.butlr.io"):
        real = Settings(**{**vars(settings), "public_url": public, "butlr_api_url": butlr})
        with pytest.raises(SettingError, match=f"BACKEND_PUBLIC_URL={public}: .*https://"):
            run(real, action)
    assert simulator.calls == []


@pytest.mark.parametrize("public", ["http://127.0.0.1:8081", "http://localhost:8081", "http://backend:8081"])
def test_a_simulated_butlr_sends_over_http_too(simulator: Simulator, settings: Settings, public: str) -> None:
    assert run(Settings(**{**vars(settings), "public_url": public}), "create") == 0
    [made] = simulator.subscriptions.all()
    assert made.url == f"{public}/webhooks/butlr"


def test_status_lists_and_writes_nothing(
    simulator: Simulator, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    other(simulator, "PIR_MOTION")
    run(settings, "create")
    ours = simulator.subscriptions.all()[1].id
    before = simulator.subscriptions.all()
    capsys.readouterr()
    assert run(settings, "status") == 0
    assert simulator.subscriptions.all() == before
    lines = capsys.readouterr().out.splitlines()
    assert "webhook_theirs  named theirs: PIR_MOTION" in lines
    assert f"{ours}  ours: {', '.join(TYPES)}" in lines
    assert lines[-1] == (
        "the backend on http://127.0.0.1:1/webhooks/status does not say what it received (connection refused)"
    )
    simulator.subscriptions.remove([ours])
    run(settings, "status")
    assert f"our subscription {ours} no longer exists" in capsys.readouterr().out


def test_a_refusal_is_an_error_in_butlrs_words_without_the_key(
    simulator: Simulator, settings: Settings
) -> None:
    simulator.faults.set(status=403, paths=("/api/v3/graphql",))
    with pytest.raises(UpstreamError) as caught:
        run(settings, "create")
    assert KEY not in str(caught.value)


def test_what_the_backend_tells_in_words() -> None:
    reported = {
        "receives": True,
        "minutes": 5,
        "newest_event_age_s": 3.4,
        "events": [{"type": "TRAFFIC", "outcome": "stored", "count": 12}],
        "gaps": {
            "room": [
                {"from_s": 1000, "to_s": 1600, "goes_on": False},
                {"from_s": 4000, "to_s": 4600, "goes_on": True},
            ]
        },
    }
    assert lines_of(reported, now_s=4600) == [
        "the newest event arrived 3 s ago",
        "last 5 min: 12 TRAFFIC stored",
        "room: nothing arrived from 60 min ago to 50 min ago",
        "room: nothing arrived from 10 min ago to now",
    ]
    assert lines_of({**reported, "newest_event_age_s": None, "events": [], "gaps": {}}, now_s=0) == [
        "no event of this account has arrived since the backend started"
    ]
    assert lines_of({"receives": False}, now_s=0) == [
        "the running backend receives nothing: BUTLR_WEBHOOK_KEY is not set there"
    ]


def test_the_demo_has_a_key_of_its_own_unless_one_is_set() -> None:
    one, two = (for_demo(Settings(host=host), 8080) for host in ("127.0.0.1", "0.0.0.0"))
    assert one.webhook_keys != two.webhook_keys
    assert one.webhook_url == two.webhook_url == "http://127.0.0.1:8080/webhooks/butlr"
    assert (
        for_demo(Settings(host="::1", webhook_port=81, webhook_keys=(KEY,)), 8080).webhook_url
        == "http://[::1]:81/webhooks/butlr"
    )
    assert for_demo(Settings(webhook_keys=(KEY,)), 8080).webhook_keys == (KEY,)
