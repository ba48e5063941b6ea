"""Settings: from the environment, checked by name, secrets never shown."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from butlr_grafana.settings import BackendToken, SettingError, Settings, read

CREDENTIALS = {"BUTLR_CLIENT_ID": "id", "BUTLR_CLIENT_SECRET": "s3cret-value"}


def test_nothing_set_is_demo_mode_with_the_defaults() -> None:
    settings = read({})
    assert settings == Settings()
    assert settings.demo
    assert (settings.host, settings.port, settings.butlr_max_concurrency) == ("127.0.0.1", 8080, 8)


def test_credentials_end_demo_mode() -> None:
    assert not read(CREDENTIALS).demo


def test_secrets_come_from_files_too(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret-value\n")
    settings = read({"BUTLR_CLIENT_ID": "id", "BUTLR_CLIENT_SECRET_FILE": str(file)})
    assert settings.butlr_client_secret == "s3cret-value"


def test_tokens_may_be_limited_to_floors() -> None:
    settings = read({"BACKEND_TOKEN": "first-token, second-token=f1+f2"})
    assert settings.tokens == (
        BackendToken("first-token"),
        BackendToken("second-token", frozenset({"f1", "f2"})),
    )


def test_no_secret_in_repr() -> None:
    settings = read({**CREDENTIALS, "BACKEND_TOKEN": "first-token"})
    assert "s3cret-value" not in repr(settings)
    assert "first-token" not in repr(settings) + repr(settings.tokens)


@pytest.mark.parametrize(
    "url",
    ["redis://cache", "redis://:s3cret@cache:6379/2", "rediss://me:s3cret@[::1]:6380?ssl_ca_certs=/ca.pem"],
)
def test_the_shared_cache_is_a_redis_whose_password_is_not_shown(url: str) -> None:
    settings = read({"BACKEND_CACHE_URL": url})
    assert settings.cache_url == url
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "cache:6379",
        "http://:s3cret@cache",
        "unix:///run/redis.sock",
        "redis://:s3cret@",
        "redis://:s3cret@cache/queue",
        "redis://:s3cret@cache:99999",
        "redis://:s3cret@cache?socket_timeout=60",
        "redis://:s3cret@cache?password=s3cret",
    ],
)
def test_an_address_that_is_no_redis_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingError) as error:
        read({"BACKEND_CACHE_URL": url})
    assert str(error.value).startswith("BACKEND_CACHE_URL: ")
    assert "s3cret" not in str(error.value)


def test_holidays_are_a_file_of_dates_or_a_country(tmp_path: Path) -> None:
    file = tmp_path / "holidays"
    file.write_text("# ours\n2026-05-01\n\n2026-12-24  # early\n")
    assert read({"BACKEND_HOLIDAYS": str(file)}).holidays == {date(2026, 5, 1), date(2026, 12, 24)}
    french = read({"BACKEND_HOLIDAYS": "FR"}).holidays
    assert {date(2026, 7, 14), date(2025, 7, 14)} <= french
    assert date(2026, 7, 15) not in french


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"BACKEND_PORT": "http"}, "BACKEND_PORT='http': a number from 0 to 65535"),
        ({"BACKEND_PORT": "70000"}, "BACKEND_PORT"),
        ({"BUTLR_MAX_CONCURRENCY": "0"}, "BUTLR_MAX_CONCURRENCY"),
        ({"BACKEND_DEADLINE_S": "nan"}, "BACKEND_DEADLINE_S"),
        ({"BACKEND_ALLOW_ANONYMOUS": "maybe"}, "BACKEND_ALLOW_ANONYMOUS"),
        ({"BACKEND_LOG": "xml"}, "BACKEND_LOG='xml': text or json is wanted"),
        ({"BACKEND_LOG_LEVEL": "loud"}, "debug, info, warning or error is wanted"),
        ({"BUTLR_API_URL": "ftp://x", **CREDENTIALS}, "BUTLR_API_URL"),
        ({"BUTLR_API_URL": "https://user:pass@x", **CREDENTIALS}, "BUTLR_API_URL"),
        ({"BUTLR_API_URL": "https://api.butlr.io"}, "BUTLR_CLIENT_ID"),
        ({"BUTLR_CLIENT_ID": "id"}, "BUTLR_CLIENT_SECRET"),
        ({"BUTLR_DETECTIONS_PATH": "v3"}, "BUTLR_DETECTIONS_PATH"),
        ({"BACKEND_HOLIDAYS": "/nowhere"}, "BACKEND_HOLIDAYS"),
        ({"BACKEND_HOLIDAYS": "XX"}, "BACKEND_HOLIDAYS"),
        ({"BACKEND_TOKEN_FILE": "/nowhere"}, "BACKEND_TOKEN_FILE"),
    ],
)
def test_a_fault_names_the_setting(environment: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError) as error:
        read(environment)
    assert said in str(error.value)


def test_a_bad_token_is_not_shown() -> None:
    with pytest.raises(SettingError) as error:
        read({"BACKEND_TOKEN": "short"})
    assert "BACKEND_TOKEN" in str(error.value)
    assert "short" not in str(error.value)


def test_a_secret_and_its_file_at_once_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first-token")
    with pytest.raises(SettingError, match="BACKEND_TOKEN and BACKEND_TOKEN_FILE"):
        read({"BACKEND_TOKEN": "first-token", "BACKEND_TOKEN_FILE": str(file)})


@pytest.mark.parametrize(
    ("environment", "open_to_others"),
    [
        ({}, False),
        ({"BACKEND_HOST": "localhost"}, False),
        ({"BACKEND_HOST": "::1"}, False),
        ({"BACKEND_HOST": "0.0.0.0"}, True),
        ({"BACKEND_HOST": "::"}, True),
        ({"BACKEND_HOST": "192.168.1.5"}, True),
        ({"BACKEND_HOST": "backend.example"}, True),
        ({"BACKEND_HOST": "0.0.0.0", "BACKEND_TOKEN": "first-token"}, False),
        ({"BACKEND_HOST": "0.0.0.0", "BACKEND_ALLOW_ANONYMOUS": "1"}, False),
    ],
)
def test_listening_beyond_this_machine_without_a_token_is_refused(
    environment: dict[str, str], open_to_others: bool
) -> None:
    settings = read(environment)
    if open_to_others:
        with pytest.raises(SettingError, match="BACKEND_TOKEN"):
            settings.check_exposure()
    else:
        settings.check_exposure()
        assert settings.host == environment.get("BACKEND_HOST", "127.0.0.1")
