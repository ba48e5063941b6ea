"""docker-compose.yml, Dockerfile and .dockerignore, read as text: no container engine is needed.

compose's own schema is not on hand here; what is checked is what would hurt: rights, secrets, pins, paths.
"""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from butlr_grafana.kiosk.documents import ORGANISATION
from butlr_grafana.settings import Settings, read

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
TOKEN_FILE = "/run/butlr/token"

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def instructions(name: str) -> list[str]:
    """The arguments of a Dockerfile's instruction, one a line."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in joined.splitlines() if line.startswith(f"{name} ")]


def mounts(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Source, target and mode of a service's volumes."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return [(p[0], p[1], p[2] if len(p) > 2 else "rw") for p in parts]


def test_three_services_are_there_and_others_only_on_request() -> None:
    by_profile = {name: service.get("profiles", []) for name, service in SERVICES.items()}
    assert by_profile == {
        **{"token": [], "backend": [], "grafana": []},
        **{"prometheus": ["operations"], "rules": ["scale"], "valkey": ["scale"], "proxy": ["scale"]},
    }


@each_service
def test_a_service_has_few_rights(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0
    assert not {"privileged", "cap_add", "pid", "ipc", "devices"} & set(service)


@each_service
def test_images_are_pinned_or_built_here(service: dict[str, Any]) -> None:
    if service["image"] != SERVICES["backend"]["image"]:
        image = re.sub(r"\$\{\w+:-(.*)\}", r"\1", service["image"])
        assert re.search(r":v?\d+\.\d+\.\d+$", image)


def test_grafanas_version_can_be_chosen_and_is_one_that_documents_are_held_against() -> None:
    [default] = re.findall(r"^grafana/grafana:\$\{GRAFANA_VERSION:-(.*)\}$", SERVICES["grafana"]["image"])
    locked = json.loads((ROOT / "tests/contract/grafana/package-lock.json").read_text("utf-8"))["packages"]
    found = {
        entry["version"]
        for path, entry in locked.items()
        if path.endswith(("node_modules/@grafana/data", "node_modules/@grafana/schema"))
    }
    assert default in found


@each_service
def test_secrets_are_files(service: dict[str, Any]) -> None:
    for name, value in service.get("environment", {}).items():
        if re.search(r"SECRET|TOKEN|PASSWORD", name):
            assert name.endswith("_FILE")
        assert not re.search(r"Bearer (?!\$\$__file)", str(value))


@each_service
def test_what_is_mounted_exists_and_what_is_ours_is_read_only(service: dict[str, Any]) -> None:
    for source, _, mode in mounts(service):
        if source.startswith("."):
            assert (ROOT / source).exists()
            assert mode == "ro"
        else:
            assert source in COMPOSE["volumes"]


@each_service
def test_a_service_waits_for_the_state_of_services_that_exist(service: dict[str, Any]) -> None:
    for name, state in service.get("depends_on", {}).items():
        other = SERVICES[name]
        if state["condition"] == "service_healthy":
            assert "healthcheck" in other or instructions("HEALTHCHECK")
        else:
            assert state["condition"] == "service_completed_successfully"
            assert other["restart"] == "no"


@each_service
def test_secrets_named_are_declared(service: dict[str, Any]) -> None:
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])


def test_only_grafana_is_reached_from_outside_and_from_this_machine_alone() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["grafana"]
    assert SERVICES["grafana"]["ports"] == ["${GRAFANA_ADDRESS:-127.0.0.1:3000}:3000"]


def test_the_backends_settings_are_known() -> None:
    known = {f.metadata["env"] for f in fields(Settings)}
    secret = {f"{f.metadata['env']}_FILE" for f in fields(Settings) if f.metadata["secret"]}
    assert set(SERVICES["backend"]["environment"]) <= known | secret
    assert set(re.findall(r"\b(BACKEND_\w+)=", " ".join(instructions("ENV")))) <= known


def test_every_setting_of_the_backend_can_be_written_into_the_file_of_settings() -> None:
    """Compose reads `.env` for its own file only: what that does not pass on would have no effect."""
    environment = SERVICES["backend"]["environment"]
    of_commands = {"GRAFANA_TOKEN", "GRAFANA_USER", "GRAFANA_PASSWORD"}
    known = {f.metadata["env"] for f in fields(Settings)} - of_commands
    from_file = {name for name in known if str(environment.get(name)).startswith(f"${{{name}:-")}
    fixed = {"BACKEND_HOST", "BACKEND_PORT", "BACKEND_CACHE_DIR"}
    files = {"BACKEND_TOKEN", "BACKEND_WALL_TOKEN", "BUTLR_CLIENT_SECRET"}
    # Compose always has a token.
    assert known - from_file == fixed | files | {"BACKEND_ALLOW_ANONYMOUS"}
    assert fixed | {f"{name}_FILE" for name in files} <= set(environment)


def test_grafana_is_given_what_its_provisioning_reads() -> None:
    environment = SERVICES["grafana"]["environment"]
    # Alert rules hold variables that are filled in at each evaluation, not from the environment.
    files = [f for f in (ROOT / "provisioning").rglob("*.yaml") if f.parent.name != "alerting"]
    read = {name for file in files for name in re.findall(r"\$\{(\w+)\}", file.read_text("utf-8"))}
    assert read <= set(environment)
    targets = {target: source for source, target, _ in mounts(SERVICES["grafana"])}
    assert targets[environment["BUTLR_DASHBOARDS_DIR"]] == "./grafana-dashboards"
    assert targets["/etc/grafana/provisioning"] == "./provisioning"
    port = SERVICES["backend"]["environment"]["BACKEND_PORT"]
    assert environment["BUTLR_BACKEND_URL"] == f"${{BUTLR_BACKEND_URL:-http://backend:{port}}}"


def test_plugins_are_pinned_and_are_those_of_the_data_sources() -> None:
    plugins = SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"].split(",")
    assert all(re.fullmatch(r"[a-z-]+@\d+\.\d+\.\d+", plugin) for plugin in plugins)
    sources = yaml.safe_load((ROOT / "provisioning/datasources/butlr.yaml").read_text("utf-8"))["datasources"]
    assert {source["type"] for source in sources} <= {plugin.split("@")[0] for plugin in plugins}


def test_both_sides_read_the_token_that_the_first_service_makes() -> None:
    assert SERVICES["backend"]["environment"]["BACKEND_TOKEN_FILE"] == TOKEN_FILE
    header = SERVICES["grafana"]["environment"]["BUTLR_BACKEND_AUTHORIZATION"]
    assert header == f"Bearer $$__file{{{TOKEN_FILE}}}"
    modes = {
        name: mode for name in SERVICES for source, _, mode in mounts(SERVICES[name]) if source == "token"
    }
    assert modes == {"token": "rw", "backend": "ro", "rules": "ro", "grafana": "ro", "prometheus": "ro"}


def test_prometheus_reads_our_files_and_asks_the_backend_with_its_token() -> None:
    service = SERVICES["prometheus"]
    options = dict(option.removeprefix("--").split("=", 1) for option in service["command"])
    targets = {target: source for source, target, _ in mounts(service)}
    config_file = Path(options["config.file"])
    folder = ROOT / targets[str(config_file.parent)]
    assert targets[options["storage.tsdb.path"]] == "prometheus"
    config = yaml.safe_load((folder / config_file.name).read_text("utf-8"))
    [job] = config["scrape_configs"]
    assert job["authorization"] == {"credentials_file": TOKEN_FILE}
    port = SERVICES["backend"]["environment"]["BACKEND_PORT"]
    [found] = job["dns_sd_configs"]
    assert (found["names"], found["type"], found["port"]) == (["replicas"], "A", port)
    named = [name for name, s in SERVICES.items() if "replicas" in str(s.get("networks"))]
    assert named == ["backend", "rules"]
    assert SERVICES["backend"]["networks"]["default"] == {"aliases": ["replicas"]}
    assert all((folder / name).exists() for name in config["rule_files"])


def test_grafana_finds_prometheus_where_compose_puts_it() -> None:
    assert SERVICES["grafana"]["environment"]["BUTLR_PROMETHEUS_URL"] == (
        "${BUTLR_PROMETHEUS_URL:-http://prometheus:9090}"
    )
    assert "9090" in " ".join(SERVICES["prometheus"]["healthcheck"]["test"])


def settings_of_scale() -> dict[str, str]:
    """The lines for .env that the file's head gives."""
    head = (ROOT / "docker-compose.yml").read_text("utf-8").partition("services:")[0]
    return dict(
        re.findall(
            r"^#   ((?:COMPOSE|BACKEND|BUTLR)_(?:PROFILES|REPLICAS|CACHE_URL|BACKEND_URL))=(\S+)$", head, re.M
        )
    )


def test_the_lines_that_the_file_tells_bring_replicas_a_cache_and_a_proxy() -> None:
    reported = settings_of_scale()
    backend, valkey = SERVICES["backend"], SERVICES["valkey"]
    assert reported["COMPOSE_PROFILES"] == "scale"
    assert backend["deploy"]["replicas"] == "${BACKEND_REPLICAS:-1}"
    assert int(reported["BACKEND_REPLICAS"]) > 1
    assert backend["environment"]["BACKEND_CACHE_URL"] == "${BACKEND_CACHE_URL:-}"
    assert read({"BACKEND_CACHE_URL": reported["BACKEND_CACHE_URL"]}).cache_url == "redis://valkey:6379"
    assert reported["BUTLR_BACKEND_URL"] == "http://proxy:8080"
    assert set(valkey["networks"]) & set(backend["networks"])


def test_the_cache_is_bounded_kept_nowhere_and_reached_by_backends_only() -> None:
    valkey = SERVICES["valkey"]
    program, *options = valkey["command"]
    assert program == "valkey-server"
    requested = dict(zip(options[::2], options[1::2], strict=True))
    assert requested.pop("--maxmemory").endswith(":-512mb}")
    assert requested.pop("--protected-mode") == "no"  # else it answers its own container only
    assert requested == {"--save": "", "--appendonly": "no", "--maxmemory-policy": "allkeys-lru"}
    assert "volumes" not in valkey
    user, group = valkey["user"].split(":")
    assert f"/data:uid={user},gid={group},mode=0700" in valkey["tmpfs"]
    [network] = valkey["networks"]
    assert COMPOSE["networks"][network] == {"internal": True}
    inside = [name for name, s in SERVICES.items() if network in s.get("networks", [])]
    assert inside == ["backend", "rules", "valkey"]


def test_the_first_container_makes_the_tokens_and_reads_the_settings_of_the_backend() -> None:
    """tests/cli/test_prepare.py: what the command does."""
    token, backend = SERVICES["token"], SERVICES["backend"]
    assert token["command"] == ["butlr-grafana", "prepare"]
    assert token["environment"] == backend["environment"]
    assert token["secrets"] == backend["secrets"]
    assert backend["depends_on"] == {"token": {"condition": "service_completed_successfully"}}


def test_the_image_is_built_once_and_at_every_up() -> None:
    """Built for two services it is two images, and the second `up` replaces everything."""
    assert [name for name, service in SERVICES.items() if "build" in service] == ["backend"]
    assert SERVICES["backend"]["pull_policy"] == "build"
    of_ours = [name for name, s in SERVICES.items() if s["image"] == SERVICES["backend"]["image"]]
    assert of_ours == ["token", "backend", "rules"]
    assert SERVICES["token"]["pull_policy"] == SERVICES["rules"]["pull_policy"] == "never"


def test_the_backend_of_rules_is_as_the_others() -> None:
    of_backend_only = {"build", "pull_policy", "deploy"}
    backend = {name: value for name, value in SERVICES["backend"].items() if name not in of_backend_only}
    assert SERVICES["rules"] == {**backend, "pull_policy": "never", "profiles": ["scale"]}


def test_probes_are_frequent_and_services_have_time_to_stop() -> None:
    for service in SERVICES.values():
        probe = service.get("healthcheck", {})
        assert probe.get("disable") or probe.get("interval", "3s") == "3s"
        if service["restart"] != "no":
            assert re.fullmatch(r"\d+s", service["stop_grace_period"])
    assert "--interval=3s" in instructions("HEALTHCHECK")[0]
    assert "healthcheck" not in SERVICES["backend"]
    config = (ROOT / "provisioning/haproxy/haproxy.cfg").read_text("utf-8")
    [hard_stop_s] = re.findall(r"hard-stop-after (\d+)s", config)
    assert int(SERVICES["proxy"]["stop_grace_period"][:-1]) > int(hard_stop_s)


def test_what_holds_secrets_is_in_no_commit() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {".env", "secrets/"} <= set(ignored)


def test_grafana_is_told_its_address_and_probed_there() -> None:
    """tests/containers: what the probe does."""
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_SERVER_ROOT_URL"] == "${GF_SERVER_ROOT_URL:-}"
    assert environment["GF_SERVER_SERVE_FROM_SUB_PATH"] == "${GF_SERVER_SERVE_FROM_SUB_PATH:-false}"


def test_anonymous_viewers_are_where_the_walls_are_and_nothing_else_is() -> None:
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "${GF_AUTH_ANONYMOUS_ENABLED:-false}"
    assert environment["GF_AUTH_ANONYMOUS_ORG_NAME"] == ORGANISATION
    assert "GF_AUTH_ANONYMOUS_ORG_ROLE" not in environment  # a viewer
    # What is provisioned goes to the first organisation.
    for file in (ROOT / "provisioning").rglob("*.yaml"):
        assert set(re.findall(r"orgId: *(\d+)", file.read_text("utf-8"))) <= {"1"}
    wall_token = SERVICES["backend"]["environment"]["BACKEND_WALL_TOKEN_FILE"]
    assert Path(wall_token).parent == Path(TOKEN_FILE).parent
    assert wall_token != TOKEN_FILE


def test_the_image_is_pinned_and_its_packages_are_checked() -> None:
    assert all(re.match(r"python:3\.13\.\d+-slim", image) for image in instructions("FROM"))
    installs = [line for line in instructions("RUN") if "pip install" in line]
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)


def test_the_image_runs_as_no_root_and_tells_its_health() -> None:
    assert instructions("USER")[-1] == SERVICES["backend"]["user"] == SERVICES["token"]["user"]
    assert "/healthz" in instructions("HEALTHCHECK")[0]
    assert instructions("CMD")[-1] == '["butlr-grafana", "serve"]'


def test_folders_that_volumes_cover_belong_to_the_images_user() -> None:
    """A new named volume takes its owner from the folder in the image that it covers."""
    [made] = [line for line in instructions("RUN") if "install --directory" in line]
    for name in ("token", "backend"):
        for source, target, mode in mounts(SERVICES[name]):
            if source in COMPOSE["volumes"] and mode == "rw":
                assert target in made


def test_what_is_copied_exists_and_reaches_the_build() -> None:
    allowed = [
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"
    ]
    copies = [line.split()[:-1] for line in instructions("COPY") if "--from" not in line]
    for source in (name for names in copies for name in names):
        assert (ROOT / source).exists()
        assert any(fnmatch.fnmatch(source, pattern) for pattern in allowed)
