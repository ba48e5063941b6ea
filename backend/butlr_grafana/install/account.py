"""The user, the organisation, and Grafana's permissions. They are checked before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote

from butlr_grafana.kiosk.grafana_api import Grafana, GrafanaError

NO_SUCH = 404

DASHBOARDS = ("folders:create", "dashboards:create", "dashboards:write")
RULES = ("alert.rules:create", "alert.rules:write", "alert.provisioning.provenance:write")
SOURCES = ("datasources:read", "datasources:create", "datasources:write")
ALERTS = ("folders:create", "alert.rules:read", *RULES)
CONTACT_POINTS = ("alert.notifications:read",)
OUR_CONTACT_POINTS = ("alert.notifications:read", "alert.notifications:write")
REMOVAL = ("dashboards:delete", "folders:delete")
RULES_REMOVAL = ("alert.rules:delete", "alert.provisioning.provenance:write")
SOURCES_REMOVAL = ("datasources:read", "datasources:delete")
"""Grafana's permissions, by what is to be done. Those of data sources are an Admin's, others an Editor's."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """`is_new`: whether `enter` has created it."""

    id: int
    name: str
    is_new: bool = False


def enter(grafana: Grafana, wanted: str, *, may_create: bool) -> Organisation:
    """Selects the organisation with this name, or the account's own if no name is given. Returns it.

    `may_create`: creates the organisation if it is missing; a server administrator may do this.
    """
    grafana.check_login()
    own = _current(grafana)
    if not wanted or wanted == own.name:
        return own
    if not grafana.is_user:
        raise GrafanaError(
            f"--org {wanted}: a service account's token works only in its own organisation, {own.name}; "
            "use a token of that organisation, or GRAFANA_USER and GRAFANA_PASSWORD"
        )
    known = _id_of(grafana, wanted)
    if known is None and not may_create:
        raise GrafanaError(f"--org {wanted}: there is no such organisation")
    grafana.enter(_created(grafana, wanted) if known is None else known)
    there = _current(grafana)
    if there.name != wanted:
        raise GrafanaError(
            f"--org {wanted}: this user is not a member of it; add the user there, with the role Admin"
        )
    return replace(there, is_new=known is None)


def _current(grafana: Grafana) -> Organisation:
    found = grafana.request("GET", "/api/org", "read its organisation")
    return Organisation(int(found["id"]), str(found["name"]))


def _id_of(grafana: Grafana, wanted: str) -> int | None:
    for org in grafana.request("GET", "/api/user/orgs", "list this user's organisations"):
        if org["name"] == wanted:
            return int(org["orgId"])
    path = f"/api/orgs/name/{quote(wanted, safe='')}"
    found = grafana.request("GET", path, f"look for the organisation {wanted}", without=(NO_SUCH,))
    return None if found is None else int(found["id"])


def _created(grafana: Grafana, wanted: str) -> int:
    made = grafana.request("POST", "/api/orgs", "create organisations", {"name": wanted})
    return int(made["orgId"])


def check_role(grafana: Grafana, needed: Iterable[str], *, organisation: Organisation, role: str) -> None:
    """Raises `GrafanaError` if the account lacks one of these permissions in the organisation."""
    has = grafana.request("GET", "/api/access-control/user/actions?reloadcache=true", "list its permissions")
    missing = [action for action in needed if not has.get(action)]
    if missing:
        raise GrafanaError(
            f"this account may not do that in the organisation {organisation.name}: it needs the role {role} "
            f"there (missing permissions: {', '.join(missing)}). Set the role of a service account "
            "under Administration, Users and access, "
            "Service accounts; nothing has been changed"
        )
