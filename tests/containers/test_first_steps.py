"""The Docker commands of the README and docs/walls.md, run literally in an empty folder, and their effect."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.containers.conftest import Record
from tests.containers.project import ROOT, Project, docker, inspect, run, until

MONTH = "space=space_paris_1&from=2026-01-05&to=2026-02-02"
NEXT_MONTH = "space=space_paris_1&from=2026-02-02&to=2026-03-02"


def blocks(page: str) -> list[str]:
    """A page's blocks of commands for Docker, in order."""
    found = re.findall(r"^```\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [block for block in found if "docker compose" in block or "make upgrade" in block]


START, CREDENTIALS, UPGRADE = blocks("README.md")
[WALLS] = blocks("docs/walls.md")
[E_MAIL] = [block for block in blocks("docs/alerting.md") if "SMTP" in block]
[NEW_TOKENS] = blocks("docs/tokens.md")


@pytest.fixture(scope="module")
def project(make_project: Callable[..., Project], record: Record) -> Project:
    """Started by the README's first block."""
    made = make_project("first")
    made.shell(START)
    made.wait_healthy()
    size = int(docker("image", "inspect", "--format", "{{.Size}}", "butlr-grafana"))
    record("size of our image", f"{size / 1e6:.0f} MB")
    return made


def test_all_start_healthy_in_order(project: Project) -> None:
    by_service = {each.service: inspect(each.id)["State"] for each in project.containers()}
    assert set(by_service) == {"token", "backend", "grafana"}
    assert by_service["token"]["ExitCode"] == 0
    assert by_service["token"]["FinishedAt"] < by_service["backend"]["StartedAt"]
    assert min(p["End"] for p in by_service["backend"]["Health"]["Log"]) < by_service["grafana"]["StartedAt"]


def test_a_floor_is_seen_through_grafana(project: Project) -> None:
    [row] = project.get(f"/api/v1/heatmap-summary?{MONTH}&format=rows&require=complete")
    assert row["total_detections"] > 0


def test_a_second_up_does_nothing(project: Project) -> None:
    """But for the first container, which ends each time."""

    def images() -> set[str]:
        """In no order: those of one second have none."""
        return set(docker("images", "--all", "--quiet").split())

    before, images_before = [each for each in project.containers() if each.service != "token"], images()
    project.shell(START)
    assert [each for each in project.containers() if each.service != "token"] == before
    assert images() == images_before


def test_down_and_up_keep_the_token_and_the_cache(project: Project) -> None:
    """The cache keeps what was measured about Butlr, and without that nothing else for good."""
    token = project.inside("backend", "cat", "/run/butlr/token")
    until(lambda: "measured U17" in "".join(project.logs("backend")), "what changes numbers is measured")
    assert_segments(project, fetched=4)
    project.compose("down")
    assert project.containers() == []
    project.up()
    assert project.inside("backend", "cat", "/run/butlr/token") == token
    assert_segments(project, cached=4)


def assert_segments(project: Project, **reported: int) -> None:
    """A month that no other test asks for comes from where it is told, and nothing is assumed."""
    [frame] = project.get(f"/api/v1/heatmap?{NEXT_MONTH}&resolution=1.0&require=complete")
    meta = frame["meta"]
    assert not [each for each in meta["notices"] if "assumed as documented" in each["text"]]
    expected = {"planned": 4, "fetched": 0, "cached": 0, "missing": 0, "stale": 0, **reported}
    assert meta["custom"]["segments"] == expected


def test_every_line_of_ours_is_json_to_the_last(project: Project) -> None:
    with pytest.raises(AssertionError, match="404"):
        project.get("/api/v1/no-such-target")
    project.compose("restart", "backend")
    project.wait_healthy()
    lines = [json.loads(line) for line in project.logs("token", "backend")]
    assert len([line for line in lines if line["message"] == "listening"]) == 2
    assert "browser" not in "".join(project.logs("token", "backend"))


def test_pip_and_setuptools_are_not_in_the_image() -> None:
    """Debian keeps wheels of its own for `venv`, in the stand-in, elsewhere."""
    command = r"find / -xdev \( -name pip -o -name setuptools -o -name 'pip-*' -o -name ensurepip \)"
    found = run(
        *("docker", "run", "--rm", "butlr-grafana", "sh", "-c"),
        f"{command} -not -path '/usr/share/*' -not -path '/usr/lib/*' -not -path '/proc/*' 2>/dev/null",
        check=False,
    ).stdout
    assert found == ""


def test_grafana_starts_only_where_it_can_read_and_then_by_itself(project: Project) -> None:
    """tests/deploy/test_grafana_start.py: each file and folder that it reads."""
    before = project.containers("backend", "grafana")
    for name in (
        "provisioning",
        "provisioning/datasources/butlr.yaml",
        "grafana-dashboards/butlr-floor.json",
    ):
        path = project.folder / name
        mode = path.stat().st_mode
        path.chmod(mode & ~0o077)
        # What runs goes on, and an upgrade, which would start it again, is refused.
        assert project.is_healthy()
        upgrade = project.shell("make upgrade", check=False)
        assert upgrade.returncode != 0
        assert "Grafana could not start (above); nothing was changed" in upgrade.stderr
        assert project.containers("backend", "grafana") == before
        refused = len(refusals(project))
        project.compose("restart", "grafana")
        until(lambda seen=refused: len(refusals(project)) >= seen + 2, "it is tried again")  # type: ignore[misc]
        assert not project.is_healthy()
        path.chmod(mode)
        project.wait_healthy()
        assert project.get(f"/api/v1/heatmap-summary?{MONTH}&format=rows")
        before = project.containers("backend", "grafana")
    # Which other files there are it need not know.
    (project.folder / "provisioning").chmod(0o711)
    project.compose("restart", "grafana")
    project.wait_healthy()
    (project.folder / "provisioning").chmod(0o755)


def refusals(project: Project) -> list[str]:
    return [line for line in project.logs("grafana") if "user 472, as which it runs, cannot read" in line]


def test_grafana_answers_under_a_sub_path_and_is_healthy_there(project: Project) -> None:
    project.configure(GF_SERVER_ROOT_URL="https://example.com/grafana/", GF_SERVER_SERVE_FROM_SUB_PATH="true")
    project.up()
    assert project.get(f"/api/v1/heatmap-summary?{MONTH}&format=rows", sub_path="/grafana")
    project.configure()
    project.up()


def test_the_lines_for_e_mail_give_grafana_the_password(project: Project) -> None:
    project.shell(f"umask 077\n{E_MAIL}", input="the password\n")
    project.wait_healthy()
    assert project.inside("grafana", "cat", "/run/secrets/smtp_password") == "the password"
    assert "GF_SMTP_ENABLED=true" in inspect(project.containers("grafana")[0].id)["Config"]["Env"]
    project.configure()
    project.up()


def test_the_lines_for_new_tokens_bring_some(project: Project) -> None:
    before = project.inside("backend", "cat", "/run/butlr/token")
    project.shell(NEW_TOKENS)
    project.wait_healthy()
    assert project.inside("backend", "cat", "/run/butlr/token") != before
    assert project.get(f"/api/v1/heatmap-summary?{MONTH}&format=rows")


def test_the_lines_for_credentials_start_with_them(project: Project, record: Record) -> None:
    """No Butlr is reached: where it would be, the environment says."""
    project.always["BUTLR_API_URL"] = "http://butlr:8090"
    project.shell(f"umask 077\n{CREDENTIALS}", input="the secret\n")
    project.wait_healthy()
    assert project.inside("backend", "cat", "/run/secrets/butlr_client_secret") == "the secret"
    assert project.inside("backend", "sh", "-c", "echo $BUTLR_CLIENT_ID") == "…"
    assert (project.folder / "secrets").stat().st_mode & 0o077 == 0
    [line] = [json.loads(line) for line in project.logs("backend") if "listening" in line]
    assert line["mode"] == "http://butlr:8090"


def test_the_lines_for_an_upgrade_bring_what_was_pulled(project: Project, tmp_path: Path) -> None:
    """With one backend; the folder becomes a clone whose origin has one commit more."""
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com")
    run(*git, "init", "--quiet", cwd=project.folder)
    run(*git, "add", "--all", cwd=project.folder)
    run(*git, "commit", "--quiet", "--message", "this", cwd=project.folder)
    run(*git, "clone", "--quiet", project.folder, tmp_path / "origin")
    version = tmp_path / "origin/backend/butlr_grafana/__init__.py"
    version.write_text(re.sub(r'__version__ = "[^"]+"', '__version__ = "9.8.7"', version.read_text("utf-8")))
    run(*git, "commit", "--quiet", "--all", "--message", "newer", cwd=tmp_path / "origin")
    branch = run("git", "branch", "--show-current", cwd=project.folder).stdout.strip()
    run(*git, "remote", "add", "origin", tmp_path / "origin", cwd=project.folder)
    run(*git, "fetch", "--quiet", "origin", cwd=project.folder)
    run(*git, "branch", "--quiet", "--set-upstream-to", f"origin/{branch}", cwd=project.folder)
    grafana = project.containers("grafana")
    project.shell(UPGRADE)
    project.wait_healthy()
    assert project.containers("grafana") == grafana
    assert project.inside("backend", "butlr-grafana", "--version") == "9.8.7"
    [backend] = project.containers("backend")
    assert backend.name.endswith("-backend-2")


def test_the_line_for_walls_reaches_grafana(project: Project) -> None:
    """The rest of that block talks to a real Grafana."""
    project.shell("\n".join(WALLS.splitlines()[:2]))
    [grafana] = project.containers("grafana")
    assert "GF_AUTH_ANONYMOUS_ENABLED=true" in inspect(grafana.id)["Config"]["Env"]
