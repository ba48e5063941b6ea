"""`butlr-grafana alert`: creates an alert rule for one room or floor, and says who is told."""

from __future__ import annotations

import argparse
import re
import sys

from butlr_grafana.base.access import SettingError
from butlr_grafana.base.assets import assets_root
from butlr_grafana.cli.install import add_common, open_grafana, print_line
from butlr_grafana.cli.upstream import settings_from_environment
from butlr_grafana.install import account, requirements
from butlr_grafana.install.documents import INFINITY, UIDS, Json, Names
from butlr_grafana.install.own_alert import MOST_TITLE, Limit, example_in
from butlr_grafana.install.own_alert_steps import OwnAlert, WantedAlert
from butlr_grafana.install.places import Place, find_place, people_now
from butlr_grafana.kiosk.grafana_api import Grafana
from butlr_grafana.settings import Settings

MOST_PEOPLE = 100_000


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Creates an alert rule in Grafana. It fires if more than N people are in a room for some time. "
        "If you run it again for the same room, it changes the rule: each room and each floor has one such "
        "rule. It needs GRAFANA_TOKEN (of a service account), or GRAFANA_USER and GRAFANA_PASSWORD, with the "
        "role Editor."
    )
    add_common(parser)
    parser.add_argument("--room", default="", metavar="ROOM", help="the room's id or name")
    parser.add_argument(
        "--space",
        default="",
        metavar="FLOOR",
        help="the floor's id or name; without --room, the rule counts the people on the whole floor",
    )
    parser.add_argument(
        "--people",
        required=True,
        type=_people,
        metavar="N",
        help="fires if there are more than N people; ends a tenth below N",
    )
    parser.add_argument(
        "--for",
        dest="lasts",
        default="10m",
        type=_lasts,
        metavar="10m",
        help="for how long there must be so many: 10m, 1h (default: 10m)",
    )
    told = parser.add_mutually_exclusive_group()
    told.add_argument(
        "--email",
        type=_email,
        metavar="ADDRESS",
        help="sends e-mail to this address; creates a contact point for it",
    )
    told.add_argument(
        "--contact-point",
        default="",
        metavar="NAME",
        help="sends to this contact point of Grafana (default: Grafana's notification policies decide)",
    )
    parser.add_argument(
        "--test",
        action="store_true",
        help="lets Grafana send a test message at the end; exit code 1 if it cannot",
    )
    parser.add_argument("--title", type=_title, metavar="TEXT", help="the rule's title")
    parser.add_argument(
        "--datasource",
        default="",
        metavar="UID",
        help="uid of Grafana's data source (default: the one of `install`)",
    )
    parser.add_argument("--dry-run", action="store_true", help="writes nothing; prints what it would write")
    parser.set_defaults(command=lambda options: alert(options, settings_from_environment()))


def alert(options: argparse.Namespace, settings: Settings) -> int:
    """Returns 1 if the rule was written, but the test message could not be sent; otherwise 0."""
    if not options.room and not options.space:
        raise SettingError(
            "give --room ROOM (an id or a name), or --space FLOOR for all people on a floor, or both"
        )
    sends = bool(options.email or options.contact_point)
    if options.test and not sends:
        raise SettingError("--test needs --email ADDRESS or --contact-point NAME")
    names = Names(options.tenant or "")
    source = options.datasource or names.uid(UIDS[INFINITY])
    with open_grafana(options, settings, role="Editor") as grafana:
        organisation = account.enter(grafana, options.org, may_create=False)
        account.check_role(grafana, _permissions(options), organisation=organisation, role="Editor")
        found = requirements.read_grafana(grafana)
        requirements.check_source(found, source)
        place = find_place(grafana, source, space=options.space, room=options.room)
        limit = Limit(options.people, options.lasts)
        print_line(f"Grafana {found.version} at {grafana.url}, organisation {organisation.name}")
        _describe(grafana, source, place, limit)
        wanted = WantedAlert(
            place,
            limit,
            names,
            source,
            title=options.title or "",
            email=options.email or "",
            contact_point=options.contact_point,
        )
        own = OwnAlert(grafana, example_in(assets_root()), wanted, print_line, dry_run=options.dry_run)
        rule = own.write()
        _say_who_is_told(rule)
        if options.dry_run:
            return 0
        fault = ""
        if options.test:
            fault = own.test(rule["notification_settings"]["receiver"], rule["title"])
        if options.test and not fault:
            print_line("sent       a test message; if it does not arrive, look into Grafana's log")
        print_line(f"open       {grafana.url}/alerting/grafana/{rule['uid']}/view?orgId={organisation.id}")
        print_line(
            "note       to remove the rule, open it and choose More, Delete. `uninstall` lists it as in use, "
            "and keeps it"
        )
    if fault:
        print(
            f"butlr-grafana: the rule is there, but Grafana could not send the test message: {fault}",
            file=sys.stderr,
        )
    return int(bool(fault))


def _permissions(options: argparse.Namespace) -> tuple[str, ...]:
    points = account.OUR_CONTACT_POINTS if options.email or options.test else account.CONTACT_POINTS
    return (*account.ALERTS, *(points if options.email or options.contact_point else ()))


def _describe(grafana: Grafana, source: str, place: Place, limit: Limit) -> None:
    people, reason = people_now(grafana, source, place)
    kind = "room" if place.room else "floor"
    count = f"{people:g} people now" if people is not None else f"no count now ({reason})"
    print_line(f"{kind:<10} {place.name}, {place.id}: {count}")
    print_line(
        f"rule       fires above {limit.people} people for {limit.lasts}, ends below {limit.ends_below}"
    )
    if place.capacity is not None and limit.people > place.capacity:
        print_line(
            f"note       --people {limit.people} is more than the capacity of the {kind}: {place.capacity}"
        )
    if people is None:
        print_line(f"note       while there is no count of the {kind}, the rule keeps its state")


def _say_who_is_told(rule: Json) -> None:
    told = rule.get("notification_settings")
    if told:
        print_line(f"tells      the contact point {told['receiver']}")
    else:
        labels = ", ".join(f"{name}={value}" for name, value in sorted(rule["labels"].items()))
        print_line(
            "tells      whom Grafana's notification policies name for the labels "
            f"{labels} (to choose: --email ADDRESS or --contact-point NAME)"
        )
    if rule.get("isPaused"):
        print_line("note       the rule is paused: it tells nobody until you resume it on its page")


def _people(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= MOST_PEOPLE:
        raise argparse.ArgumentTypeError(f"give a number of people from 1 to {MOST_PEOPLE}, for example 20")
    return int(text)


def _lasts(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,3}[mh]", text):
        raise argparse.ArgumentTypeError("give a time such as 10m or 1h")
    return text


def _email(text: str) -> str:
    if not re.fullmatch(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+", text):
        raise argparse.ArgumentTypeError("give one e-mail address, for example anna@example.com")
    return text


def _title(text: str) -> str:
    if not text.strip() or len(text) > MOST_TITLE:
        raise argparse.ArgumentTypeError(f"give a title of 1 to {MOST_TITLE} characters")
    return text.strip()
