"""The TV wall: documents from documents, then the command against a Grafana on a real socket."""

from __future__ import annotations

import contextlib
import copy
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from butlr_grafana.cli.main import main
from butlr_grafana.kiosk.documents import dashboard_of, uid_of
from butlr_grafana.kiosk.grafana_api import Grafana, GrafanaAccess, GrafanaError
from butlr_grafana.simulator import Simulator
from butlr_grafana.simulator.messages import Request, Result
from tests.fake_grafana import EDITOR, PASSWORD, VIEWER, FakeGrafana, Organisation
from tests.processes import run
from tests.support import GRAPHQL, NEW_YORK, PARIS, PARIS_2, PEOPLE, World

ROOT = Path(__file__).resolve().parents[2]
PROVISIONED: dict[str, Any] = json.loads(
    (ROOT / "grafana-dashboards/butlr-wall.json").read_text(encoding="utf-8")
)
"""The dashboard that is provisioned, as it is."""

WALL_TOKEN = "walls-and-nothing-else"
BACKEND_URL = "http://backend:8080"

ALL = [PARIS, PARIS_2, NEW_YORK]
"""In the order in which Butlr tells them."""


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    fake = FakeGrafana()
    fake.provision(PROVISIONED)
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def butlr() -> Iterator[Simulator]:
    with Simulator(PEOPLE) as simulator:
        yield simulator


class Operator:
    """Who calls the command: with Butlr's credentials and Grafana's."""

    def __init__(
        self, butlr: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        for name in (
            "GRAFANA_TOKEN",
            "GRAFANA_TOKEN_FILE",
            "GRAFANA_USER",
            "GRAFANA_PASSWORD",
            "BUTLR_SPACES",
            "BACKEND_WALL_TOKEN",
        ):
            monkeypatch.delenv(name, raising=False)
        self.has(BUTLR_API_URL=butlr.url, BUTLR_CLIENT_ID="demo", BUTLR_CLIENT_SECRET="demo")

    def has(self, **settings: str) -> None:
        for name, value in settings.items():
            self._monkeypatch.setenv(name, value)

    def wall(self, url: str, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        code = main(["wall", "--grafana", url, *arguments])
        out, err = self._capsys.readouterr()
        return code, out, err

    def refused(self, url: str, *arguments: str) -> str:
        """What the last line says of a call that fails."""
        code, out, err = self.wall(url, *arguments)
        assert (code, out) == (1, "")
        assert "Traceback" not in err
        for secret in (EDITOR, VIEWER, PASSWORD, WALL_TOKEN):
            assert secret not in err
        return err.strip().splitlines()[-1].removeprefix("butlr-grafana: ")


@pytest.fixture
def operator(
    butlr: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Operator:
    one = Operator(butlr, monkeypatch, capsys)
    one.has(GRAFANA_TOKEN=EDITOR)
    return one


def walls_in(grafana: Organisation) -> dict[str, dict[str, Any]]:
    """The copies, by the floor that is in each as a constant."""
    copies = {}
    for uid, content_of in grafana.dashboards.items():
        if uid == "butlr-wall" or "butlr-wall" not in content_of["dashboard"]["tags"]:
            continue
        [space] = [v for v in content_of["dashboard"]["templating"]["list"] if v["name"] == "space"]
        assert (space["type"], space["hide"], space["current"]["value"]) == ("constant", 2, space["query"])
        assert content_of["meta"]["folderUid"] == "butlr-walls"
        copies[space["query"]] = content_of["dashboard"]
    return copies


def shown(grafana: Organisation, name: str = "Butlr wall") -> list[str]:
    """The floors that the one playlist of this name goes through."""
    [playlist] = [p for p in grafana.playlists.values() if p["name"] == name]
    assert {item["type"] for item in playlist["items"]} == {"dashboard_by_uid"}
    floor_of = {wall["uid"]: space for space, wall in walls_in(grafana).items()}
    return [floor_of[item["value"]] for item in playlist["items"]]


def test_a_copy_differs_from_the_provisioned_dashboard_in_its_floor_alone(world: World) -> None:
    floor = world.application.service.topology(None, deadline=world.application.service.deadline()).floors[
        PARIS
    ]
    other = {"type": "custom", "name": "theme", "query": "dark, light"}
    source = {**copy.deepcopy(PROVISIONED), "id": 8, "version": 3}
    source["templating"]["list"].append(other)
    before = copy.deepcopy(source)
    made = dashboard_of(source, floor)
    assert source == before
    assert (made["title"], made["tags"]) == (f"Wall: {floor.building.name} / {floor.name}", ["butlr-wall"])
    assert [v["name"] for v in made["templating"]["list"]] == ["ds", "space", "zone", "theme"]
    assert made["templating"]["list"][3] == other
    assert {name for name in source if made.get(name) != source[name]} == {
        "id", "version", "uid", "title", "description", "tags", "templating", "timezone", "links",
    }  # fmt: skip
    # Nobody clicks on a wall, and Grafana shows links in kiosk mode too.
    assert (made["links"], bool(source["links"])) == ([], True)
    # Midnight, clock and times are the floor's.
    assert made["timezone"] == "Europe/Paris"
    # Of the clock, while the backend cannot be reached.
    [zone] = [v for v in made["templating"]["list"] if v["name"] == "zone"]
    assert (zone["type"], zone["query"], zone["current"]["value"]) == ("constant", *["Europe/Paris"] * 2)
    assert not {"id", "version"} & set(made)


def test_uids_are_grafanas_and_always_the_same() -> None:
    spaces = [PARIS, PARIS_2, "space with / and ü", "x" * 500]
    assert len({uid_of(space) for space in spaces}) == 4
    for space in spaces:
        assert len(uid_of(space)) <= 40
        assert uid_of(space).removeprefix("butlr-wall-").isalnum()
    # Screens and links outlive versions of this program.
    assert uid_of("space_paris_1") == "butlr-wall-b6a3ad5697b01509"


def test_each_floor_gets_a_dashboard_and_the_playlist_goes_through_them(
    grafana: FakeGrafana, operator: Operator
) -> None:
    code, out, _ = operator.wall(grafana.url + "/")
    assert code == 0
    assert list(walls_in(grafana)) == ALL
    assert shown(grafana) == ALL
    [(uid, playlist)] = grafana.playlists.items()
    assert playlist["interval"] == "1m"
    assert out == f"{grafana.url}/playlists/play/{uid}?kiosk&autofitpanels\n"
    assert grafana.folders == {"butlr-walls": {"uid": "butlr-walls", "title": "Butlr walls"}}


def test_a_second_time_nothing_doubles_and_nothing_is_written_again(
    grafana: FakeGrafana, operator: Operator
) -> None:
    first = operator.wall(grafana.url)[1]
    dashboards, written = copy.deepcopy(grafana.dashboards), len(grafana.changes)
    assert operator.wall(grafana.url)[1] == first
    assert grafana.dashboards == dashboards
    [playlist] = grafana.playlists
    assert grafana.changes[written:] == [("PUT", f"/api/playlists/{playlist}")]


def test_a_new_version_of_the_dashboard_reaches_the_walls(grafana: FakeGrafana, operator: Operator) -> None:
    operator.wall(grafana.url)
    grafana.provision({**PROVISIONED, "refresh": "30s"})
    assert operator.wall(grafana.url)[0] == 0
    for wall in walls_in(grafana).values():
        assert (wall["refresh"], wall["version"]) == ("30s", 2)


def test_floors_may_be_limited_in_an_order_of_ones_own_and_the_others_walls_stay(
    grafana: FakeGrafana, operator: Operator
) -> None:
    operator.wall(grafana.url)
    arguments = ["--floor", NEW_YORK, "--floor", PARIS, "--floor", NEW_YORK, "--every", "30s"]
    assert operator.wall(grafana.url, *arguments, "--name", "Lobby")[0] == 0
    assert shown(grafana, "Lobby") == [NEW_YORK, PARIS]
    assert shown(grafana) == ALL
    assert {p["name"]: p["interval"] for p in grafana.playlists.values()} == {
        "Butlr wall": "1m",
        "Lobby": "30s",
    }


def test_walls_of_floors_that_are_served_no_more_are_taken_down_and_nothing_else(
    grafana: FakeGrafana, operator: Operator
) -> None:
    ours_by_uid_only = {"uid": "butlr-wall-json", "title": "Somebody's", "tags": ["tv"]}
    ours_by_tag_only = {"uid": "lobby", "title": "Somebody's too", "tags": ["butlr-wall"]}
    for foreign in (ours_by_uid_only, ours_by_tag_only):
        grafana.provision(foreign)
    operator.wall(grafana.url)
    operator.has(BUTLR_SPACES=PARIS_2)
    code, _, err = operator.wall(grafana.url)
    assert code == 0
    assert sorted(grafana.dashboards) == sorted(["butlr-wall", "butlr-wall-json", "lobby", uid_of(PARIS_2)])
    assert shown_uids(grafana) == [uid_of(PARIS_2)]
    assert err.count("removed") == 2
    deleted = [path for method, path in grafana.calls if method == "DELETE"]
    last_put = max(i for i, (method, _) in enumerate(grafana.calls) if method == "PUT")
    assert all(grafana.calls.index(("DELETE", path)) > last_put for path in deleted)


def shown_uids(grafana: FakeGrafana) -> list[str]:
    [playlist] = grafana.playlists.values()
    return [item["value"] for item in playlist["items"]]


def test_a_user_and_password_do_as_well(
    grafana: FakeGrafana, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAFANA_TOKEN")
    operator.has(GRAFANA_USER="anna", GRAFANA_PASSWORD=PASSWORD)
    assert operator.wall(grafana.url)[0] == 0
    assert shown(grafana) == ALL


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"GRAFANA_TOKEN": ""},
            "set GRAFANA_TOKEN (of a service account), or GRAFANA_USER and GRAFANA_PASSWORD",
        ),
        ({"GRAFANA_TOKEN": "", "GRAFANA_USER": "anna"}, "or GRAFANA_USER and GRAFANA_PASSWORD"),
        ({"GRAFANA_USER": "anna"}, "GRAFANA_TOKEN and GRAFANA_USER are both set; set one of them"),
        ({"GRAFANA_TOKEN_FILE": "/dev/null"}, "GRAFANA_TOKEN and GRAFANA_TOKEN_FILE are both set"),
        ({"GRAFANA_TOKEN": "a b"}, "GRAFANA_TOKEN must not contain spaces, line breaks or non-ASCII letters"),
    ],
)
def test_credentials_are_one_pair_or_one_token(
    settings: dict[str, str], message: str, grafana: FakeGrafana, operator: Operator
) -> None:
    operator.has(**settings)
    assert message in operator.refused(grafana.url)
    assert grafana.calls == []


@pytest.mark.parametrize("anonymous", [False, True])
def test_wrong_credentials_are_tried_once_even_where_anybody_may_look(
    anonymous: bool, grafana: FakeGrafana, operator: Operator
) -> None:
    grafana.anonymous = anonymous
    operator.has(GRAFANA_TOKEN="glsa_wrong")
    assert operator.refused(grafana.url) == "Grafana does not accept GRAFANA_TOKEN (401: Unauthorized)"
    assert grafana.calls == [("GET", "/api/user")]


def test_a_viewer_hears_which_permission_is_lacking(grafana: FakeGrafana, operator: Operator) -> None:
    operator.has(GRAFANA_TOKEN=VIEWER)
    output = operator.refused(grafana.url)
    assert output.startswith("Grafana does not allow this account to create the folder Butlr walls (403")
    assert "Permissions needed: folders:create" in output
    assert "role Editor" in output
    grafana.folders["butlr-walls"] = {"uid": "butlr-walls", "title": "Butlr walls"}
    assert "dashboards:create, dashboards:write" in operator.refused(grafana.url)
    assert walls_in(grafana) == {}


def test_without_the_provisioned_dashboard_it_says_how_to_provision(
    grafana: FakeGrafana, operator: Operator
) -> None:
    grafana.dashboards.clear()
    output = operator.refused(grafana.url)
    assert "butlr-wall is not in this Grafana" in output
    [section] = [
        line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("## Install")
    ]
    assert section.removeprefix("## ") in output
    assert grafana.changes == []


def test_a_dashboard_without_floors_makes_no_wall(grafana: FakeGrafana, operator: Operator) -> None:
    grafana.provision({**PROVISIONED, "templating": {"list": []}})
    assert "butlr-wall has no variable space" in operator.refused(grafana.url)
    assert grafana.changes == []


def test_walls_of_floors_of_one_name_have_titles_of_their_own(
    grafana: FakeGrafana, operator: Operator, butlr: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grafana takes no two dashboards of one title in a folder, and nobody could tell them apart."""
    tell = butlr._endpoints[GRAPHQL]["POST"]

    def alike(request: Request) -> Result:
        found = tell(request)
        return replace(found, body=re.sub(rb'"name":"Paris, \w+ floor"', b'"name":"Paris"', found.body))

    monkeypatch.setitem(butlr._endpoints, GRAPHQL, {"POST": alike})
    code, _, _ = operator.wall(grafana.url)
    assert code == 0
    titles = {space: wall["title"] for space, wall in walls_in(grafana).items()}
    assert titles[PARIS] == "Wall: Paris / Paris (1)"
    assert titles[PARIS_2] == "Wall: Paris / Paris (2)"
    assert len(set(titles.values())) == len(titles) == 3


def test_a_floor_that_is_not_served_is_named(grafana: FakeGrafana, operator: Operator) -> None:
    output = operator.refused(grafana.url, "--floor", "space_paris_3")
    assert output.startswith("--floor: 'space_paris_3' is unknown")
    assert PARIS in output
    assert grafana.calls == []


def test_two_playlists_of_one_name_are_not_chosen_between(grafana: FakeGrafana, operator: Operator) -> None:
    for uid in ("one", "two"):
        grafana.playlists[uid] = {"uid": uid, "name": "Butlr wall", "interval": "1m", "items": []}
    assert operator.refused(grafana.url).startswith("2 playlists are named 'Butlr wall'")
    assert grafana.changes == []


def test_credentials_go_to_no_other_host(grafana: FakeGrafana, operator: Operator) -> None:
    elsewhere = FakeGrafana(redirect_to=grafana.url)
    try:
        output = operator.refused(elsewhere.url)
    finally:
        elsewhere.close()
    assert "answers with a redirect (301)" in output
    assert output.rstrip().endswith("set --grafana to the address that the redirect leads to")
    assert grafana.calls == []


def test_a_grafana_that_is_down_is_said_in_words(operator: Operator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    output = operator.refused(url)
    assert output.startswith(f"Grafana at {url} cannot be reached (connection refused)")


def test_a_grafana_that_is_silent_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        grafana = Grafana(GrafanaAccess(url, "GRAFANA_TOKEN", f"Bearer {EDITOR}"), timeout_s=0.2)
        with pytest.raises(GrafanaError, match=r"sent no response within 0\.2 s"):
            grafana.check_login()
        grafana.close()


def test_tls_where_there_is_none_is_said_in_words(grafana: FakeGrafana, operator: Operator) -> None:
    assert "check whether the address must begin with http://" in operator.refused(
        grafana.url.replace("http:", "https:")
    )


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_that_is_not_trusted_is_said_in_words(tmp_path: Path, operator: Operator) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run(
        ["openssl", "req", *made, "-keyout", key, "-out", certificate], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def shake_hands(listener: socket.socket) -> None:
        with (
            contextlib.suppress(TimeoutError),
            listener.accept()[0] as connection,
            pytest.raises(ssl.SSLError),
        ):
            context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        server = threading.Thread(target=shake_hands, args=(listener,), daemon=True)
        server.start()
        output = operator.refused(f"https://localhost:{listener.getsockname()[1]}")
        server.join()
    assert "is not trusted (self-signed certificate)" in output
    assert "REQUESTS_CA_BUNDLE" in output


def test_what_is_no_grafana_is_said_in_words(butlr: Simulator, operator: Operator) -> None:
    assert "there is no Grafana at this address" in operator.refused(butlr.url)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grafana", f"http://anna:{PASSWORD}@grafana.example.com"], "must not contain a user"),
        (["--grafana", "grafana.example.com"], "must begin with https:// or http://"),
        (["--grafana", "https://grafana.example.com/?orgId=1"], "must not contain ? or #"),
        (
            ["--grafana", "https://grafana.example.com", "--every", "0s"],
            "give a time such as 30s, 1m or 1h",
        ),
        (["--grafana", "https://grafana.example.com", "--name", " "], "give a name that is not empty"),
        ([], "--grafana"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_requested(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["wall", *arguments])
    assert stopped.value.code == 2
    err = capsys.readouterr().err
    assert message in err
    assert PASSWORD not in err


def test_in_demo_mode_the_simulators_floors_are_shown(grafana: FakeGrafana) -> None:
    done = run("wall", "--grafana", grafana.url, GRAFANA_TOKEN=EDITOR)
    assert done.returncode == 0, done.stderr
    assert "demo mode" in done.stderr
    assert set(ALL) <= set(shown(grafana))
    assert EDITOR not in done.stdout + done.stderr


@pytest.fixture
def owner(grafana: FakeGrafana, operator: Operator) -> Operator:
    """Who may do everything in this Grafana, which has the provisioned data source."""
    grafana.data_sources["butlr"] = {
        "uid": "butlr",
        "name": "Butlr",
        "type": "yesoreyeram-infinity-datasource",
        "access": "proxy",
        "url": BACKEND_URL,
    }
    grafana.backend = lambda _path, _authorization: (403, {"message": "this token is for walls"})
    operator.has(
        GRAFANA_TOKEN="", GRAFANA_USER="admin", GRAFANA_PASSWORD=PASSWORD, BACKEND_WALL_TOKEN=WALL_TOKEN
    )
    return operator


def test_walls_for_anonymous_viewers_are_in_an_organisation_of_their_own(
    grafana: FakeGrafana, owner: Operator
) -> None:
    code, out, _ = owner.wall(grafana.url, "--anonymous")
    assert code == 0
    [(name, own)] = grafana.others.items()
    assert name == "Butlr walls"
    assert shown(own) == ALL
    assert out.strip() == f"{grafana.url}/playlists/play/list1?orgId=2&kiosk&autofitpanels"
    # Nothing else is there, and where everything is there is no wall.
    assert set(own.dashboards) == {uid_of(space) for space in ALL}
    assert set(own.folders) == {"butlr-walls"}
    assert walls_in(grafana) == {}
    assert grafana.playlists == {}


def test_their_one_data_source_asks_with_a_walls_token(grafana: FakeGrafana, owner: Operator) -> None:
    owner.wall(grafana.url, "--anonymous")
    [own] = grafana.others.values()
    [source] = own.data_sources.values()
    assert (source["uid"], source["url"]) == ("butlr", BACKEND_URL)
    assert source["secureJsonData"] == {"httpHeaderValue1": f"Bearer {WALL_TOKEN}"}
    assert source["jsonData"] == {"httpHeaderName1": "Authorization", "allowedHosts": [BACKEND_URL]}


def test_a_backend_that_answers_everybody_gets_no_walls_for_anonymous_viewers(
    grafana: FakeGrafana, owner: Operator
) -> None:
    """Without a token of its own it takes any, so a wall's would open all floors to everybody."""
    requested = []

    def respond(path: str, authorization: str) -> tuple[int, object]:
        requested.append((path, authorization))
        return 200, {"status": "ok"}

    grafana.backend = respond
    assert "BACKEND_TOKEN" in owner.refused(grafana.url, "--anonymous")
    assert ("/api/v1/status", f"Bearer {WALL_TOKEN}") in requested
    [own] = grafana.others.values()
    assert (own.data_sources, own.dashboards, own.playlists) == ({}, {}, {})


def test_a_token_that_the_backend_does_not_know_gets_no_walls(grafana: FakeGrafana, owner: Operator) -> None:
    """Grafana's proxy hands the backend's 401 on as 400."""
    grafana.backend = lambda _path, _authorization: (401, {"message": "the token is unknown"})
    assert "BACKEND_WALL_TOKEN" in owner.refused(grafana.url, "--anonymous")
    [own] = grafana.others.values()
    assert (own.dashboards, own.playlists) == ({}, {})


def test_floors_that_the_backend_does_not_serve_get_no_walls(
    grafana: FakeGrafana, operator: Operator
) -> None:
    """The command reads settings of its own, and without them it would create walls of the demo's floors."""
    grafana.data_sources["butlr"] = {"uid": "butlr", "name": "Butlr", "url": BACKEND_URL}
    served = [{"space": PARIS, "floor": "Paris, 1st floor"}]
    grafana.backend = lambda path, _authorization: (
        (200, served) if path.startswith("/api/v1/spaces?") else (200, {"status": "ok"})
    )
    said = operator.refused(grafana.url)
    assert "does not serve the floor" in said
    assert "BUTLR_" in said
    assert walls_in(grafana) == {}
    code, _, _ = operator.wall(grafana.url, "--floor", PARIS)
    assert code == 0


def test_a_second_time_renews_the_data_source_and_doubles_nothing(
    grafana: FakeGrafana, owner: Operator
) -> None:
    first = owner.wall(grafana.url, "--anonymous")[1]
    owner.has(BACKEND_WALL_TOKEN="another-walls-token")
    assert owner.wall(grafana.url, "--anonymous")[1] == first
    [own] = grafana.others.values()
    [source] = own.data_sources.values()
    assert source["secureJsonData"] == {"httpHeaderValue1": "Bearer another-walls-token"}
    assert len(own.playlists) == 1


def test_a_token_for_some_floors_makes_walls_of_these(grafana: FakeGrafana, owner: Operator) -> None:
    owner.has(BACKEND_WALL_TOKEN=f"{WALL_TOKEN}={PARIS_2}")
    owner.wall(grafana.url, "--anonymous")
    [own] = grafana.others.values()
    assert shown(own) == [PARIS_2]
    assert "--floor" in owner.refused(grafana.url, "--anonymous", "--floor", PARIS)


def test_walls_for_anonymous_viewers_need_an_administrator_and_a_token(
    grafana: FakeGrafana, operator: Operator
) -> None:
    assert "BACKEND_WALL_TOKEN" in operator.refused(grafana.url, "--anonymous")
    operator.has(BACKEND_WALL_TOKEN=WALL_TOKEN)
    assert "server administrator" in operator.refused(grafana.url, "--anonymous")
    operator.has(GRAFANA_TOKEN="", GRAFANA_USER="anna", GRAFANA_PASSWORD=PASSWORD)
    assert "datasources:read" in operator.refused(grafana.url, "--anonymous")
    assert grafana.changes == []
