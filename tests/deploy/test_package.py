"""The package as others get it: built from its source, installed where no repository is."""

from __future__ import annotations

import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.deploy.packages import ROOT, Environment, built, run

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOWEST = ROOT / "tests" / "deploy" / "lowest.lock"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return built(tmp_path_factory.mktemp("built"))


def ours() -> dict[str, bytes]:
    """What Grafana, Prometheus and people read, by its path in the repository."""
    dashboards = (ROOT / "grafana-dashboards").glob("*.json")
    others = (path for path in (ROOT / "provisioning").rglob("*") if path.is_file())
    runbooks = (ROOT / "docs/runbooks").glob("*.md")
    return {str(path.relative_to(ROOT)): path.read_bytes() for path in (*dashboards, *others, *runbooks)}


def test_the_package_works_where_no_repository_is(packed: tuple[Path, Path], tmp_path: Path) -> None:
    wheel, _ = packed
    environment = Environment(tmp_path / "venv")
    environment.install(ROOT / "requirements.lock", wheel)
    output = run(*environment.command, "assets", "files", cwd=tmp_path)
    written = {
        str(path.relative_to(tmp_path / "files")): path.read_bytes()
        for path in (tmp_path / "files").rglob("*")
        if path.is_file()
    }
    assert written == ours()
    assert output == f"files: {len(written)} files in grafana-dashboards/, provisioning/ and docs/runbooks/\n"
    assert (tmp_path / "files/provisioning/run-grafana").stat().st_mode & 0o111
    environment.responds(BACKEND_HOLIDAYS="FR")


def test_a_wheel_holds_what_is_needed_and_nothing_else(packed: tuple[Path, Path]) -> None:
    wheel, source = packed
    names = zipfile.ZipFile(wheel).namelist()
    with tarfile.open(source) as archive:
        sources = archive.getnames()
    assert {name.split("/")[0] for name in names} == {
        "butlr_grafana",
        f"butlr_grafana-{PROJECT['version']}.dist-info",
    }
    assert not [name for name in (*names, *sources) if "__pycache__" in name or "/tests/" in name]
    assert not [name for name in names if "grafana-dashboards/dashboards" in name]


def test_a_package_without_its_files_is_not_built(tmp_path: Path) -> None:
    """An image whose build forgets a folder, for example."""
    from butlr_grafana.base.assets import names

    assert set(names(ROOT)) == set(ours())
    (tmp_path / "grafana-dashboards").mkdir()
    with pytest.raises(FileNotFoundError, match=r"has no file grafana-dashboards/\*\.json"):
        names(tmp_path)


def lowest_allowed() -> dict[str, str]:
    """The lower bound of each dependency, by its name."""
    return dict(re.fullmatch(r"([a-z-]+)>=([\d.]+)", each).groups() for each in PROJECT["dependencies"])  # type: ignore[union-attr]


def test_the_lock_of_the_lowest_is_of_the_lowest() -> None:
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", LOWEST.read_text("utf-8"), re.M))
    assert {name: locked[name] for name in lowest_allowed()} == lowest_allowed()


def test_the_lowest_versions_that_are_allowed_work(packed: tuple[Path, Path], tmp_path: Path) -> None:
    wheel, _ = packed
    environment = Environment(tmp_path / "venv")
    environment.install(LOWEST, wheel)
    environment.responds(BACKEND_HOLIDAYS="FR")
