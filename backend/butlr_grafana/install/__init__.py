"""`butlr-grafana install` and `uninstall`: data source, folder, dashboards, rules through Grafana's API.

`documents` says what belongs there (pure: documents in, documents out), `account` who asks and in which
organisation, `requirements` what has to be there before, `steps` the order, `command` the options.
"""
