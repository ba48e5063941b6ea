"""`butlr-grafana install` and `uninstall`: their options, and what they print."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator

from butlr_grafana.base.access import SettingError
from butlr_grafana.base.assets import assets_root
from butlr_grafana.base.urls import address_of
from butlr_grafana.cli.grafana import access_to
from butlr_grafana.cli.upstream import settings_from_environment
from butlr_grafana.install import account, requirements
from butlr_grafana.install.documents import INFINITY, SIMPOD, TENANT, UIDS, Names, files_in
from butlr_grafana.install.probe import fault_through
from butlr_grafana.install.steps import Installation, Wanted
from butlr_grafana.kiosk.grafana_api import Grafana, url_of
from butlr_grafana.settings import Settings

NOT_REMOVED = (
    "note       not removed: folders, rules and contact points of `alert`; folders and playlists of `wall`; "
    "service accounts, users, organisations, plugins. docs/grafana.md, 'Remove everything', says how to "
    "remove them"
)


def add_install_options(parser: argparse.ArgumentParser) -> None:
    add_common(parser)
    parser.add_argument(
        "--backend",
        type=_backend,
        metavar="URL",
        help="the backend's address, as Grafana's server reaches it",
    )
    parser.add_argument(
        "--datasource",
        default="",
        metavar="UID",
        help="uid of an existing Infinity data source, which is not changed (default: creates one)",
    )
    parser.add_argument("--no-rules", action="store_true", help="installs no alert rules")
    parser.set_defaults(command=lambda options: install(options, settings_from_environment()))


def add_uninstall_options(parser: argparse.ArgumentParser) -> None:
    add_common(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="only lists what would be removed, and what of yours uses it"
    )
    parser.set_defaults(command=lambda options: uninstall(options, settings_from_environment()))


def install(options: argparse.Namespace, settings: Settings) -> int:
    """Runs `install`. Returns 1 if everything was written but the backend does not respond through Grafana;
    otherwise 0.
    """
    if bool(options.backend) == bool(options.datasource):
        raise SettingError("give either --backend URL (as Grafana's server reaches it) or --datasource UID")
    token = _token(settings)
    with open_grafana(options, settings) as grafana:
        organisation = account.enter(grafana, options.org, may_create=True)
        if organisation.is_new:
            print(f"created    the organisation {organisation.name}")
        rules = () if options.no_rules else account.RULES
        sources = () if options.datasource else account.SOURCES
        account.check_role(
            grafana,
            (*account.DASHBOARDS, *rules, *sources),
            organisation=organisation,
            role="Admin" if sources else "Editor",
        )
        found = requirements.read_grafana(grafana)
        requirements.check(found)
        if options.datasource:
            requirements.check_source(found, options.datasource)
        wanted = Wanted(
            Names(options.tenant or ""),
            url=options.backend or "",
            token=token,
            source_uid=options.datasource,
            with_rules=not options.no_rules,
            with_simpod=found.has(SIMPOD),
        )
        print(f"Grafana {found.version} at {grafana.url}, organisation {organisation.name}")
        for remark in (*requirements.remarks(found), requirements.prometheus(found)):
            print(f"note       {remark}")
        Installation(grafana, files_in(assets_root()), wanted, print_line).install()
        fault = fault_through(grafana, wanted.uids[INFINITY])
    if fault:
        print(f"butlr-grafana: everything is installed, but {fault}", file=sys.stderr)
        return 1
    print("checked    the backend answers through Grafana")
    print(f"open       {grafana.url}/d/{wanted.names.uid('butlr-portfolio')}?orgId={organisation.id}")
    return 0


def uninstall(options: argparse.Namespace, settings: Settings) -> int:
    with open_grafana(options, settings) as grafana:
        organisation = account.enter(grafana, options.org, may_create=False)
        names = Names(options.tenant or "")
        own = {names.uid(uid) for uid in UIDS.values()} & requirements.read_grafana(grafana).sources.keys()
        account.check_role(
            grafana,
            (*account.REMOVAL, *account.RULES_REMOVAL, *(account.SOURCES_REMOVAL if own else ())),
            organisation=organisation,
            role="Admin" if own else "Editor",
        )
        print(f"Grafana at {grafana.url}, organisation {organisation.name}")
        installation = Installation(grafana, files_in(assets_root()), Wanted(names), print_line)
        installation.uninstall(own, dry_run=options.dry_run)
        print(NOT_REMOVED)
    return 0


def _token(settings: Settings) -> str:
    """What the data source sends: the first of BACKEND_TOKEN, without the floors that it is limited to."""
    token = settings.tokens[0].text if settings.tokens else ""
    if "\n" in token or not token.isascii():
        raise SettingError(
            "BACKEND_TOKEN: it must not contain line breaks or non-ASCII letters, because it is sent in "
            "a header"
        )
    return token


@contextlib.contextmanager
def open_grafana(
    options: argparse.Namespace, settings: Settings, *, role: str = "Admin"
) -> Iterator[Grafana]:
    with contextlib.closing(Grafana(access_to(settings, options.grafana), role=role)) as grafana:
        yield grafana


def add_grafana(parser: argparse.ArgumentParser) -> None:
    """Adds the options of Grafana to a command for which Grafana is optional."""
    parser.add_argument("--grafana", type=_url, metavar="URL", help="checks this Grafana too")
    parser.add_argument(
        "--org", default="", metavar="NAME", help="Grafana's organisation (default: the account's own)"
    )
    parser.add_argument(
        "--datasource", default="", metavar="UID", help="uid of Grafana's data source (default: butlr)"
    )


def add_common(parser: argparse.ArgumentParser) -> None:
    """Adds the options of each command that writes into Grafana."""
    parser.add_argument(
        "--grafana",
        required=True,
        type=_url,
        metavar="URL",
        help="Grafana's address, as a browser reaches it",
    )
    parser.add_argument(
        "--org", default="", metavar="NAME", help="Grafana's organisation (default: the account's own)"
    )
    parser.add_argument(
        "--tenant",
        type=_tenant,
        metavar="NAME",
        help="adds NAME to all names and uids, for several tenants in one organisation",
    )


def _url(text: str) -> str:
    try:
        return url_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _backend(text: str) -> str:
    try:
        address_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if "?" in text or "#" in text:
        raise argparse.ArgumentTypeError("the backend's address must not contain ? or #")
    return text.rstrip("/")


def _tenant(text: str) -> str:
    if not TENANT.fullmatch(text):
        raise argparse.ArgumentTypeError(
            "a tenant's name may have 1 to 12 characters: a-z, 0-9, and - between them"
        )
    return text


def print_line(line: str) -> None:
    print(line, flush=True)
