"""The credentials for Grafana's API, from the settings."""

from __future__ import annotations

from butlr_grafana.kiosk.grafana_api import GrafanaAccess, access_of
from butlr_grafana.settings import Settings


def access_to(settings: Settings, url: str) -> GrafanaAccess:
    """The access to this Grafana. Raises `SettingError` if the credentials are missing, incomplete, or given
    twice.
    """
    return access_of(
        url,
        token=settings.grafana_token,
        user=settings.grafana_user,
        password=settings.grafana_password,
    )
