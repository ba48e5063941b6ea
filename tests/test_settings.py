"""Settings: from the environment, checked by name, secrets never shown."""

from __future__ import annotations

import base64
import errno
import os
import random
from datetime import date
from pathlib import Path

import pytest

from butlr_grafana.base.access import BackendToken, SettingError
from butlr_grafana.settings import Settings, read

pytestmark = pytest.mark.fast

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
    settings = read({"BACKEND_TOKEN": "first-token, second-token=space_1+space_paris-2"})
    assert settings.tokens == (
        BackendToken("first-token"),
        BackendToken("second-token", frozenset({"space_1", "space_paris-2"})),
    )


def of_openssl(seed: int, size: int) -> str:
    """What `openssl rand -base64 SIZE` prints: base64 ends in no, one or two `=`."""
    return base64.b64encode(random.Random(seed).randbytes(size)).decode()


MADE = [of_openssl(seed, size) for seed in range(20) for size in (16, 24, 32)]


def test_the_tokens_made_here_end_in_each_way_and_hold_each_sign() -> None:
    """Else the test below could not fail."""
    assert {token[-2:].count("=") for token in MADE} == {0, 1, 2}
    assert any("+" in token for token in MADE)
    assert any("/" in token for token in MADE)


@pytest.mark.parametrize("name", ["BACKEND_TOKEN", "BACKEND_WALL_TOKEN"])
@pytest.mark.parametrize(
    ("scope", "floors"),
    [
        ("", None),
        ("=space_1", {"space_1"}),
        (
            "=space_30kkSgRyzXV8sPzw1TlzqJ4Dsn6+space_b-2_c",
            {"space_30kkSgRyzXV8sPzw1TlzqJ4Dsn6", "space_b-2_c"},
        ),
    ],
)
def test_a_token_keeps_each_of_its_signs(name: str, scope: str, floors: set[str] | None) -> None:
    """`openssl rand -base64` makes tokens that end in `=`."""
    settings = read({name: ",".join(token + scope for token in MADE)})
    found = settings.tokens if name == "BACKEND_TOKEN" else settings.wall_tokens
    assert [one.text for one in found] == MADE
    assert {one.floors for one in found} == {None if floors is None else frozenset(floors)}


@pytest.mark.parametrize(
    "token",
    [
        "pass=word1234",
        "secret=room_1+space_",
        "=========",
        "a=b=c=d=e",
        "space_1=space",
        "key=space_1,"[:-1] + "+",
    ],
)
def test_what_no_floor_ids_follow_belongs_to_the_token(token: str) -> None:
    assert read({"BACKEND_TOKEN": token}).tokens == (BackendToken(token),)


@pytest.mark.parametrize(
    ("written", "secret"),
    [
        (b"s3cret-value\n", "s3cret-value"),
        (b"s3cret-value\r\n", "s3cret-value"),
        (b"\xef\xbb\xbfs3cret-value", "s3cret-value"),
        (b"\xef\xbb\xbfs3cret-value\r\n", "s3cret-value"),
        ("s3cret-value\r\n".encode("utf-16"), "s3cret-value"),
        (b"\xfe\xff" + "s3cret-value\n".encode("utf-16-be"), "s3cret-value"),
        (b" s3cret value \n", " s3cret value "),
    ],
)
def test_marks_and_line_ends_of_a_file_are_no_part_of_its_secret(
    tmp_path: Path, written: bytes, secret: str
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(written)
    settings = read({"BUTLR_CLIENT_ID": "id", "BUTLR_CLIENT_SECRET_FILE": str(file)})
    assert settings.butlr_client_secret == secret


@pytest.mark.parametrize("written", [b"", b"\n", b"\xef\xbb\xbf\r\n"])
def test_a_file_without_a_secret_is_refused(tmp_path: Path, written: bytes) -> None:
    """Else a file that was cut short would open the backend to everybody."""
    file = tmp_path / "token"
    file.write_bytes(written)
    with pytest.raises(SettingError, match=r"BACKEND_TOKEN_FILE=.*is empty"):
        read({"BACKEND_TOKEN_FILE": str(file)})


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
    file.write_bytes(b"\xef\xbb\xbf2026-05-01\r\n# ours\r\n\r\n2026-12-24  # early\r\n")
    assert read({"BACKEND_HOLIDAYS": str(file)}).holidays == {date(2026, 5, 1), date(2026, 12, 24)}
    file.write_text("# ours\n2026-05-01\n\n2026-12-24  # early\n")
    assert read({"BACKEND_HOLIDAYS": str(file)}).holidays == {date(2026, 5, 1), date(2026, 12, 24)}
    french = read({"BACKEND_HOLIDAYS": "FR"}).holidays
    assert {date(2026, 7, 14), date(2025, 7, 14)} <= french
    assert date(2026, 7, 15) not in french


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"BACKEND_PORT": "http"}, "BACKEND_PORT='http': use a number from 0 to 65535"),
        ({"BACKEND_PORT": "70000"}, "BACKEND_PORT"),
        ({"BUTLR_MAX_CONCURRENCY": "0"}, "BUTLR_MAX_CONCURRENCY"),
        ({"BACKEND_DEADLINE_S": "nan"}, "BACKEND_DEADLINE_S"),
        ({"BACKEND_ALLOW_ANONYMOUS": "maybe"}, "BACKEND_ALLOW_ANONYMOUS"),
        ({"BACKEND_LOG": "xml"}, "BACKEND_LOG='xml': allowed: text, json"),
        ({"BACKEND_LOG_LEVEL": "loud"}, "allowed: debug, info, warning, error"),
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
def test_a_fault_names_the_setting(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError) as error:
        read(environment)
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["BUTLR_CLIENT_SECRET_FILE", "BACKEND_CACHE_URL_FILE", "BACKEND_HOLIDAYS"])
def test_a_file_that_may_not_be_read_is_named_with_the_user_and_the_remedy(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Root may read everything, and tests may run as root: the system's refusal is played."""

    def refuse(*_: object) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 10001)
    with pytest.raises(SettingError) as error:
        read({"BUTLR_CLIENT_ID": "id", name: "/etc/butlr/file"})
    assert str(error.value).startswith(name)
    assert "user 10001 cannot read this file; run: sudo chown 10001 /etc/butlr/file" in str(error.value)
    with pytest.raises(SettingError, match=r"if the file is mounted, run this on the host"):
        read({"BUTLR_CLIENT_ID": "id", name: "/run/secrets/file"})


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "this is a folder, not a file; Docker creates a"), (b"\xe9t\xe9", "not UTF-8 text")],
)
def test_what_is_no_file_of_text_is_said(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "secret"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(SettingError, match=message):
        read({"BUTLR_CLIENT_ID": "id", "BUTLR_CLIENT_SECRET_FILE": str(path)})


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


WEBHOOK_KEY = "0123456789abcdef"


def test_webhook_keys_come_as_a_list_or_from_a_file_and_are_shown_nowhere(tmp_path: Path) -> None:
    other = "+/-_~!#$%&'()*.:;<=>?@[]^`{|}"
    assert read({"BUTLR_WEBHOOK_KEY": f"{WEBHOOK_KEY}, {other}"}).webhook_keys == (WEBHOOK_KEY, other)
    file = tmp_path / "key"
    file.write_text(f"{WEBHOOK_KEY}\n")
    settings = read({"BUTLR_WEBHOOK_KEY_FILE": str(file)})
    assert settings.webhook_keys == (WEBHOOK_KEY,)
    assert WEBHOOK_KEY not in repr(settings)


@pytest.mark.parametrize(
    "key",
    [
        "short",
        "a" * 15,
        "a" * 201,
        "a key with blanks",
        'with-a-quotation-"mark',
        "with-a-back\\slash",
        "é" * 16,
    ],
)
def test_a_webhook_key_that_cannot_be_a_header_or_is_guessed_is_refused_unshown(key: str) -> None:
    with pytest.raises(SettingError, match="BUTLR_WEBHOOK_KEY: a key must have 16 to 200") as caught:
        read({"BUTLR_WEBHOOK_KEY": key})
    assert key not in str(caught.value)


def test_a_port_of_its_own_needs_a_key_and_another_number() -> None:
    keyed = {"BUTLR_WEBHOOK_KEY": WEBHOOK_KEY}
    read({**keyed, "BACKEND_WEBHOOK_PORT": "8081"}).check_exposure()
    with pytest.raises(SettingError, match="BACKEND_WEBHOOK_PORT=8081 needs BUTLR_WEBHOOK_KEY"):
        read({"BACKEND_WEBHOOK_PORT": "8081"}).check_exposure()
    with pytest.raises(SettingError, match="BACKEND_WEBHOOK_PORT=8080 is the same as BACKEND_PORT"):
        read({**keyed, "BACKEND_WEBHOOK_PORT": "8080"}).check_exposure()


@pytest.mark.parametrize(
    ("public", "reported"),
    [
        ("", ""),
        ("https://b.example.com", "https://b.example.com/webhooks/butlr"),
        ("https://b.example.com/", "https://b.example.com/webhooks/butlr"),
        ("https://b.example.com/sensors", "https://b.example.com/sensors/webhooks/butlr"),
        ("https://b.example.com/webhooks/butlr", "https://b.example.com/webhooks/butlr"),
    ],
)
def test_butlr_is_told_the_path_behind_the_public_address(public: str, reported: str) -> None:
    assert read({"BACKEND_PUBLIC_URL": public}).webhook_url == reported
