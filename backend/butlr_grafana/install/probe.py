"""Whether the backend responds through Grafana. This tests its address, its token and Grafana's proxy
together.
"""

from __future__ import annotations

from butlr_grafana.kiosk.grafana_api import OK, UNKNOWN_TOKEN, Grafana

NO_ANSWER = (502, 504)
REFUSED = (*UNKNOWN_TOKEN, 403)


def fault_through(grafana: Grafana, uid: str) -> str:
    """Empty if the backend responds through the data source `uid`; otherwise the problem and what to do."""
    status, text = grafana.backend_status(uid)
    if status == OK:
        return ""
    if status in NO_ANSWER:
        return (
            f"Grafana's server does not reach the backend ({status}{text}): check that `butlr-grafana "
            "serve` runs, and that "
            "the data source's URL is its address as that server reaches it"
        )
    if status in REFUSED:
        return (
            f"the backend does not accept the data source's token ({status}{text}): the data source's header "
            "Authorization and the backend's BACKEND_TOKEN must hold the same token"
        )
    return f"what answers at the data source's URL is not the backend ({status}{text})"
