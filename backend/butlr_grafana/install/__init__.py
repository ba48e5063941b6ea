"""`butlr-grafana install` and `uninstall`: data source, folder, dashboards, rules through Grafana's API.

`documents`: what is written (pure). `account`: the user and the organisation. `requirements`: what must exist
before. `steps`: the order. `cli.install`: the options. `places`, `own_alert`, `own_alert_steps`: `alert`.
"""
