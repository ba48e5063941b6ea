"""Addresses read strictly, and the hosts that plans' pictures may come from."""

from __future__ import annotations

import pytest

from butlr_grafana.base.access import SettingError
from butlr_grafana.base.urls import address_of, host_and_port, is_loopback, origin_of, plan_origins
from butlr_grafana.settings import read

pytestmark = pytest.mark.fast

BUTLR = "https://api.butlr.io"
HERE = "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("https://plans.example.com/a/b.png", "https://plans.example.com:443", "/a/b.png"),
        ("HTTPS://Plans.Example.COM:443", "https://plans.example.com:443", "/"),
        (
            "https://plans.example.com:8443/a?sig=1%2F2&x=y#top",
            "https://plans.example.com:8443",
            "/a?sig=1%2F2&x=y",
        ),
        ("http://127.0.0.1:5000/plans/x.png", "http://127.0.0.1:5000", "/plans/x.png"),
        ("https://[::1]:9/x", "https://[::1]:9", "/x"),
        ("https://[0:0:0:0:0:0:0:1]:9/x", "https://[::1]:9", "/x"),
        ("https://xn--bcher-kva.example/x", "https://xn--bcher-kva.example:443", "/x"),
        ("https://plans.example.com//evil.example/x", "https://plans.example.com:443", "//evil.example/x"),
    ],
)
def test_an_address_is_an_origin_and_a_target(url: str, origin: str, target: str) -> None:
    address = address_of(url)
    assert (address.origin, address.target) == (origin, target)
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "plans.example.com/x.png",
        "//plans.example.com/x.png",
        "/x.png",
        "ftp://plans.example.com/x",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "https:///x.png",
        "https://user@plans.example.com/",
        "https://user:secret@plans.example.com/",
        "https://plans.example.com@evil.example/",
        "https://@plans.example.com/",
        "https://plans.example.com./x",
        "https://.plans.example.com/x",
        "https://plans..example.com/x",
        "https://-plans.example.com/x",
        "https://plans.example.com\\@evil.example/",
        "https://plans.example.com\\.evil.example/",
        "https://plans.example.com\t.evil.example/",
        "https://plans.example.com/a b",
        "https://plans.example.com/\nHost: evil.example",
        "https://bücher.example/x",
        "https://plans。example.com/x",
        "https://ⓟlans.example.com/x",
        "https://plans%2eexample.com/x",
        "https://plans.example.com:0/x",
        "https://plans.example.com:65536/x",
        "https://plans.example.com:port/x",
        "https://[::1%25eth0]/x",
        "https://[plans.example.com]/x",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(?!.*evil)(?!.*secret)"):
        address_of(url)
    assert origin_of(url) == ""


@pytest.mark.parametrize(
    ("butlr", "hosts", "origins"),
    [
        (BUTLR, (), {"https://api.butlr.io:443"}),
        ("https://Butlr.Example:8443/api", (), {"https://butlr.example:8443"}),
        ("http://butlr.example:80", (), set()),
        ("http://simulator:8081", (), set()),
        (HERE, (), {"http://127.0.0.1:5000"}),
        ("http://localhost:5000", (), {"http://localhost:5000"}),
        ("http://[::1]:5000", (), {"http://[::1]:5000"}),
        ("not an address", (), set()),
        # Those that are named, and no others.
        (BUTLR, ("Plans.example.com",), {"https://plans.example.com:443"}),
        (BUTLR, ("a.example", "b.example:8443"), {"https://a.example:443", "https://b.example:8443"}),
        (BUTLR, ("127.0.0.1:9000",), {"https://127.0.0.1:9000"}),
        (HERE, ("localhost:9000",), {"https://localhost:9000", "http://localhost:9000"}),
        (HERE, ("plans.example.com",), {"https://plans.example.com:443"}),
    ],
)
def test_pictures_come_from_hosts_that_are_named_or_from_butlrs_own(
    butlr: str, hosts: tuple[str, ...], origins: set[str]
) -> None:
    assert plan_origins(butlr, hosts) == origins


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plans.example.com", ("plans.example.com", None)),
        ("Plans.Example.com:443", ("plans.example.com", 443)),
        ("localhost:9000", ("localhost", 9000)),
        ("[::1]:9000", ("::1", 9000)),
        ("[::1]", ("::1", None)),
    ],
)
def test_a_host_is_named_with_its_port_or_without(text: str, expected: tuple[str, int | None]) -> None:
    assert host_and_port(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "https://plans.example.com",
        "plans.example.com/x",
        "u@plans.example.com",
        "*.example.com",
        "a b",
        "bücher.de",
    ],
)
def test_a_host_that_is_none_is_a_setting_error_that_names_it(text: str) -> None:
    with pytest.raises(SettingError, match="BUTLR_PLAN_HOSTS"):
        read({"BUTLR_PLAN_HOSTS": f"plans.example.com,{text}"})


def test_hosts_are_a_comma_list() -> None:
    assert read({"BUTLR_PLAN_HOSTS": "a.example, b.example:8443 ,"}).butlr_plan_hosts == (
        "a.example",
        "b.example:8443",
    )
    assert read({}).butlr_plan_hosts == ()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("localhost.evil.example", False),
    ],
)
def test_loopback_is_this_machine(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
