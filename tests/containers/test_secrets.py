"""A setting that is wrong, or a secret that cannot be read: `up` ends at once, and the log says why."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable

import pytest

from tests.containers.project import Project, run

FILE = "secrets/butlr_client_secret"
CREDENTIALS = {
    "BUTLR_API_URL": "http://butlr:8090",
    "BUTLR_CLIENT_ID": "demo",
    "BUTLR_CLIENT_SECRET_FILE": FILE,
}


@pytest.fixture(scope="module")
def project(make_project: Callable[..., Project]) -> Project:
    made = make_project("secrets", **CREDENTIALS)
    (made.folder / "secrets").mkdir(mode=0o700)
    return made


def refused(project: Project) -> str:
    """What the first container says, in one line; no backend has been started."""
    done = project.up(check=False)
    assert done.returncode != 0
    assert "token" in done.stderr
    assert "backend" not in project.running()
    return str(json.loads(project.logs("token")[-1])["message"])


def test_a_secret_that_is_missing_is_named(project: Project) -> None:
    done = project.up(check=False)
    assert done.returncode != 0
    assert FILE in done.stderr
    assert project.running() == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="the file is given to another user")
def test_a_secret_that_only_its_owner_may_read_is_refused_with_the_remedy(project: Project) -> None:
    secret = project.folder / FILE
    secret.write_text("demo\n", "utf-8")
    secret.chmod(0o600)
    os.chown(secret, 0, 0)
    output = refused(project)
    assert "user 10001 cannot read this file" in output
    found = re.search(
        r"run: sudo (chown 10001 )\S+ \(if the file is mounted, run this on the host, with its name", output
    )
    assert found
    run(*found[1].split(), FILE, cwd=project.folder)
    assert (secret.stat().st_uid, secret.stat().st_mode & 0o777) == (10001, 0o600)
    project.up()
    assert {"backend", "grafana"} <= project.running()
    assert "demo\\n" not in "".join(project.logs())
    project.compose("down")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"BUTLR_CLIENT_ID": "demo"}, "BUTLR_CLIENT_ID and BUTLR_CLIENT_SECRET: set both"),
        ({"BACKEND_LOG_LEVEL": "loud"}, "BACKEND_LOG_LEVEL='loud'"),
    ],
)
def test_a_wrong_setting_is_named(project: Project, settings: dict[str, str], message: str) -> None:
    project.configure(**settings)
    assert message in refused(project)
    project.compose("down")
