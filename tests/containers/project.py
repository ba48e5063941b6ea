"""A checkout that compose runs: its folder, its .env, its containers, and the load on them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120
PROXIED = "/api/datasources/proxy/uid/butlr"
OWN = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_BUILDKIT", "LANG")


def run(*command: str | Path, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(
            f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
    return done


def docker(*arguments: str | Path, **options: Any) -> str:
    return run("docker", *arguments, **options).stdout.strip()


def inspect(name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(docker("inspect", name))
    return found[0]


def until(true: Callable[[], bool], what: Callable[[], str] | str) -> None:
    """Half a second between two looks; what never comes is an error, not a measurement."""
    for _ in range(2 * PATIENCE_S):
        if true():
            return
        time.sleep(0.5)
    raise AssertionError(f"never came: {what if isinstance(what, str) else what()}")


@dataclass(frozen=True)
class Container:
    id: str
    name: str
    service: str
    state: str
    started: str


class Project:
    """Files of this repository as a user has them after `git clone`, in a folder of their own.

    `settings` are what a user would write into .env; the environment says nothing else.
    """

    def __init__(self, folder: Path, name: str, **settings: str) -> None:
        # As a user may call it: compose makes names of its own of this.
        self.folder = folder / "Butlr heat maps"
        self.name = name
        copy_checkout(self.folder)
        self.days_requested = 0
        # A free port, so that nothing else on this machine is in the way.
        self.always = {"GRAFANA_ADDRESS": "127.0.0.1:", "COMPOSE_PROJECT_NAME": name}
        self.configure(**settings)

    def configure(self, **settings: str) -> None:
        lines = "".join(f"{key}={value}\n" for key, value in settings.items())
        (self.folder / ".env").write_text(lines, "utf-8")

    @property
    def environment(self) -> dict[str, str]:
        return {name: os.environ[name] for name in OWN if name in os.environ} | self.always

    def shell(self, lines: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Lines of a document, as a user would type them here."""
        return run("bash", "-euo", "pipefail", "-c", lines, cwd=self.folder, env=self.environment, **options)

    def compose(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return run("docker", "compose", *arguments, cwd=self.folder, env=self.environment, **options)

    def up(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        done = self.compose("up", "--detach", *arguments, **options)
        if done.returncode == 0:
            self.wait_healthy()
        return done

    def end(self) -> None:
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")

    def containers(self, *services: str) -> list[Container]:
        ids = self.compose("ps", "--all", "--quiet", *services).stdout.split()
        found = []
        for known in (inspect(each) for each in ids):
            service = known["Config"]["Labels"]["com.docker.compose.service"]
            state = known["State"]
            seen = state.get("Health", {}).get("Status") or state["Status"]
            found.append(Container(known["Id"], known["Name"][1:], service, seen, state["StartedAt"]))
        return sorted(found, key=lambda each: each.name)

    def running(self) -> set[str]:
        return {each.service for each in self.containers() if each.state not in ("exited", "created")}

    def is_healthy(self) -> bool:
        return all(
            each.state == ("exited" if each.service == "token" else "healthy") for each in self.containers()
        )

    def wait_healthy(self) -> None:
        until(self.is_healthy, lambda: f"health: {[(each.name, each.state) for each in self.containers()]}")

    def inside(self, service: str, *command: str, **options: Any) -> str:
        return self.compose("exec", "-T", service, *command, **options).stdout.strip()

    def python(self, service: str, code: str) -> str:
        return self.inside(service, "python", "-c", code)

    def logs(self, *services: str) -> list[str]:
        output = self.compose("logs", "--no-log-prefix", "--no-color", *services).stdout
        return [line for line in output.replace("\x1b[2K", "").splitlines() if line.strip()]

    def get(self, path: str, sub_path: str = "") -> Any:
        """What the backend answers through Grafana."""
        url = f"http://{self.compose('port', 'grafana', '3000').stdout.strip()}{sub_path}{PROXIED}{path}"
        login = base64.b64encode(b"admin:admin").decode()
        request = urllib.request.Request(url, headers={"Authorization": f"Basic {login}"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read()[:500]!r}") from None

    @contextmanager
    def butlr(self, latency_s: float) -> Iterator[None]:
        """One Butlr for all backends, whose heat maps take so long; not one of compose's containers."""
        name = f"{self.name}-butlr"
        docker(
            *("run", "--detach", "--rm", "--init", "--no-healthcheck", "--name", name),
            *("--network", f"{self.name}_default", "--network-alias", "butlr", "butlr-grafana"),
            *("butlr-grafana", "simulate", "--host", "0.0.0.0", "--port", "8090"),
        )
        try:
            faults = json.dumps({"paths": ["/v3/detections"], "latency_s": latency_s})
            put = (
                "import urllib.request as u; "
                f"u.urlopen(u.Request('http://127.0.0.1:8090/_simulator/faults', b'{faults}', method='PUT'))"
            )
            until(
                lambda: run("docker", "exec", name, "python", "-c", put, check=False).returncode == 0,
                "the simulator",
            )
            yield
        finally:
            docker("rm", "--force", name)

    @contextmanager
    def load(self, url: str, *, rate: float) -> Iterator[dict[str, Any]]:
        """A client inside compose's network, until the block ends; then the dictionary holds its report.

        The days that it asks for begin where those of the load before it ended, however long that took.
        """
        report: dict[str, Any] = {}
        client = subprocess.Popen(
            [
                *("docker", "run", "--rm", "--interactive", "--network", f"{self.name}_default"),
                *("--volume", f"{self.name}_token:/run/butlr:ro", "butlr-grafana"),
                *("python", "-c", (Path(__file__).parent / "client.py").read_text("utf-8")),
                *(url, str(rate), str(self.days_requested)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert client.stdin is not None
        assert client.stdout is not None
        try:
            assert client.stdout.readline() == "asking\n"
            yield report
            client.stdin.close()
            report.update(json.loads(client.stdout.read()))
            self.days_requested += report["sent"] // 10 + 1
        finally:
            client.stdin.close()
            client.stdout.close()
            client.kill()
            client.wait()


def copy_checkout(folder: Path) -> None:
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
