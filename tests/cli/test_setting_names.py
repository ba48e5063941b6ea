"""Names that are almost names of settings are reported; names that others use are not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from butlr_grafana.base.access import SettingError
from butlr_grafana.cli.grafana import access_to
from butlr_grafana.cli.setting_names import OF_COMPOSE, known_names, misspelt, unknown
from butlr_grafana.cli.upstream import settings_from_environment
from butlr_grafana.settings import read

pytestmark = pytest.mark.fast

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BACKEND_PROT", "BACKEND_PORT"),
        ("BACKEND_TOKN", "BACKEND_TOKEN"),
        ("BUTLR_CLIENT_SECRT", "BUTLR_CLIENT_SECRET"),
        ("BUTLR_CLIENT_SECRET_FIEL", "BUTLR_CLIENT_SECRET_FILE"),
        ("GRAFANA_TOKN_FILE", "GRAFANA_TOKEN_FILE"),
        ("GRAFANA_PASWORD", "GRAFANA_PASSWORD"),
        ("GRAFANA_USR", "GRAFANA_USER"),
    ],
)
def test_a_misspelt_name_is_reported_with_the_right_one(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"{name} is not a setting and has no effect; did you mean {meant}?"
    assert list(misspelt([name, "PATH", "BACKEND_PORT"])) == [text]
    monkeypatch.setenv(name, "x")
    settings_from_environment()
    assert text in capsys.readouterr().err


def test_no_name_in_our_files_is_taken_for_a_misspelt_one() -> None:
    files = [ROOT / "docker-compose.yml", ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    files += [path for path in (ROOT / "provisioning").rglob("*") if path.is_file()]
    text = "".join(path.read_text("utf-8", errors="replace") for path in files)
    names = set(re.findall(r"\b(?:BACKEND|BUTLR|GRAFANA)_[A-Z_]+\b", text))
    assert names >= set(OF_COMPOSE)
    assert names > set(known_names()) & names != set()
    assert list(misspelt(names)) == []


def test_grafanas_own_names_are_not_reported() -> None:
    own = ["GRAFANA_HOME", "GRAFANA_VERSION", "GRAFANA_URL", "GRAFANA_PORT", "GRAFANA_ADMIN_PASSWORD"]
    assert list(misspelt(own)) == list(unknown(own)) == []
    assert list(unknown(["GRAFANA_TOKN"])) == list(misspelt(["GRAFANA_TOKN"])) != []


def test_an_error_about_missing_credentials_names_the_misspelt_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFANA_TOKN_FILE", "/path/to/token")
    with pytest.raises(
        SettingError, match=r"^set GRAFANA_TOKEN .*; GRAFANA_TOKN_FILE is .*GRAFANA_TOKEN_FILE\?$"
    ):
        access_to(read({}), "https://grafana.example.com")


def test_check_is_told_every_name_that_is_no_setting() -> None:
    """Also one that is not similar enough for the log, where a name may be of another program."""
    wrong = ["BACKEND_PROT", "BACKEND_HOSTNAME", "BUTLR_ID", "BACKEND_ZZZZZZZZZZZZZZZZ"]
    names = [*wrong, "PATH", "BACKEND_PORT", *OF_COMPOSE]
    assert list(misspelt(names)) == list(unknown(["BACKEND_PROT"]))
    assert list(unknown(names)) == [
        "BACKEND_HOSTNAME is not a setting and has no effect; did you mean BACKEND_HOST?",
        "BACKEND_PROT is not a setting and has no effect; did you mean BACKEND_PORT?",
        "BACKEND_ZZZZZZZZZZZZZZZZ is not a setting and has no effect",
        "BUTLR_ID is not a setting and has no effect; did you mean BUTLR_CLIENT_ID?",
    ]
