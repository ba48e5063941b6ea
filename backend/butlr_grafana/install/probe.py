"""Whether the backend responds through Grafana. This tests its address, its token and Grafana's proxy
together.
"""

from __future__ import annotations

from urllib.parse import quote

from butlr_grafana.base.urls import address_of
from butlr_grafana.kiosk.grafana_api import OK, UNKNOWN_TOKEN, Grafana

NO_ANSWER = (502, 504)
REFUSED = (*UNKNOWN_TOKEN, 403)
NO_SUCH, HIDDEN = 404, 403


def fault_through(grafana: Grafana, uid: str) -> str:
    """Empty if the backend responds through the data source `uid`; otherwise the problem and what to do."""
    status, text = grafana.backend_status(uid)
    if status == OK:
        return ""
    address = address_of_source(grafana, uid)
    where = f" at {address}" if address else ""
    place = f"{address}, the data source's URL" if address else "the data source's URL"
    if status in NO_ANSWER:
        return (
            f"Grafana's server does not reach the backend{where} ({status}{text}): check that `butlr-grafana "
            "serve` runs, and that the data source's URL is its address as that server reaches it"
        )
    if grafana.is_grafana_behind(uid):
        return (
            f"a Grafana answers at {place}, not the backend: give `install --backend` the address of "
            "`butlr-grafana serve`, as Grafana's server reaches it"
        )
    if status in REFUSED:
        return (
            f"the backend does not accept the data source's token ({status}{text}): the data source's header "
            "Authorization and the backend's BACKEND_TOKEN must hold the same token"
        )
    return f"what answers at {place} is not the backend ({status}{text})"


def address_of_source(grafana: Grafana, uid: str) -> str:
    """The address that the data source `uid` uses; empty if the account may not see it, or if it is wrong:
    it could then contain a password.
    """
    path = f"/api/datasources/uid/{quote(uid, safe='')}"
    found = grafana.request("GET", path, "read data sources", without=(NO_SUCH, HIDDEN))
    address = str(found.get("url", "")) if found else ""
    try:
        address_of(address)
    except ValueError:
        return ""
    return address
