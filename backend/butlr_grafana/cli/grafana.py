"""The credentials for Grafana's API, from the settings."""

from __future__ import annotations

import os

from butlr_grafana.base.access import SettingError
from butlr_grafana.cli.setting_names import misspelt_of_grafana
from butlr_grafana.kiosk.grafana_api import GrafanaAccess, access_of
from butlr_grafana.settings import Settings


def access_to(settings: Settings, url: str) -> GrafanaAccess:
    """The access to this Grafana. Raises `SettingError` if the credentials are missing, incomplete, or given
    twice; it also says if the name of one is misspelt.
    """
    try:
        return access_of(
            url,
            token=settings.grafana_token,
            user=settings.grafana_user,
            password=settings.grafana_password,
        )
    except SettingError as error:
        raise SettingError("; ".join([str(error), *misspelt_of_grafana(os.environ)])) from None
