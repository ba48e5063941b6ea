"""The command `webhooks`: lists Butlr's subscriptions; creates, updates and deletes ours.

Only `create`, `update` and `delete` write to Butlr. They first say what they will do, and change only the
subscription of this installation: its id is stored in `BACKEND_CACHE_DIR`. Another subscription with the same
name may belong to another installation.
"""

from __future__ import annotations

import argparse
import logging
import secrets
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import requests

from butlr_grafana.app import Application, access, source_of
from butlr_grafana.base import request_id
from butlr_grafana.base.access import SettingError
from butlr_grafana.base.connection_faults import reason_of
from butlr_grafana.base.errors import BackendError, UpstreamError
from butlr_grafana.base.urls import is_loopback
from butlr_grafana.butlr.api import Butlr
from butlr_grafana.butlr.webhooks import Endpoint, InputNames, Webhook, Webhooks, in_schema
from butlr_grafana.cli.upstream import settings_from_environment, upstream
from butlr_grafana.settings import Settings

log = logging.getLogger(__name__)

NAME = "butlr-grafana"
WANTED = ("FLOOR_OCCUPANCY_1MIN", "ROOM_OCCUPANCY_1MIN", "ZONE_OCCUPANCY_1MIN", "TRAFFIC")
"""People by the minute, and movements: what `live/` uses."""

BACKEND_PATIENCE_S = 5.0
SHOWN_GAPS = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="action", dest="action")
    for action, (_, help_) in ACTIONS.items():
        own = actions.add_parser(action, help=help_)
        if action in ("update", "delete"):
            own.add_argument(
                "--id",
                help=f"id of our subscription (named {NAME}), if it is not stored in BACKEND_CACHE_DIR",
            )
        if action != "status":
            own.add_argument("--yes", action="store_true", help="does not ask for confirmation")

    def run(options: argparse.Namespace) -> int:
        with upstream(settings_from_environment()) as (reached, is_demo):
            return perform(options, reached, demo=is_demo)

    parser.set_defaults(command=run)


def perform(options: argparse.Namespace, settings: Settings, *, demo: bool) -> int:
    """Runs the action. Returns 0 if it is done or not necessary, and 1 if it was not done; the reason is
    printed.
    """
    with closing(Butlr(access(settings))) as butlr:
        command = Command(
            Webhooks(_post(butlr, settings)),
            settings,
            IdFile.of(settings, demo=demo),
            is_sure=getattr(options, "yes", False),
            given_id=getattr(options, "id", None),
            is_demo=demo,
        )
        action, _ = ACTIONS[options.action]
        return action(command)


def _post(butlr: Butlr, settings: Settings) -> Callable[[Any], bytes]:
    return lambda body: butlr.client.post(settings.butlr_graphql_path, body, graphql=True)


@dataclass(frozen=True, slots=True)
class IdFile:
    """The file with the id of this installation's subscription, in the cache folder. Without a folder,
    nothing is stored.
    """

    path: Path | None

    @staticmethod
    def of(settings: Settings, *, demo: bool) -> IdFile:
        folder = Path(settings.cache_dir) if settings.cache_dir else None
        return IdFile(folder / f"webhook-{source_of(settings, demo=demo)}.json" if folder else None)

    def read(self) -> str | None:
        if self.path is None:
            return None
        try:
            document = orjson.loads(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SettingError(f"{self.path}: cannot be read ({error.strerror})") from None
        except orjson.JSONDecodeError:
            raise SettingError(f"{self.path}: cannot be read (it is not JSON)") from None
        found = document.get("id") if isinstance(document, dict) else None
        return found if isinstance(found, str) else None

    def write(self, webhook_id: str) -> None:
        assert self.path is not None
        new = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(orjson.dumps({"id": webhook_id}))
            new.replace(self.path)
        except OSError as error:
            raise SettingError(f"{self.path}: cannot be written ({error.strerror})") from None

    def remove(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Command:
    """One run of the command. `given_id`: the id of the subscription, if it is not in the file. `is_demo`:
    the command has started a simulator of its own.
    """

    webhooks: Webhooks
    settings: Settings
    ids: IdFile
    is_sure: bool = False
    given_id: str | None = None
    is_demo: bool = False

    def status(self) -> int:
        listed, saved_id = self.webhooks.all(), self.ids.read()
        for one in listed:
            whose = "ours" if one.id == saved_id else f"named {one.name}" if one.name else "without a name"
            print(f"{one.id}  {whose}: {_list(one.event_types)}")
        if self.is_demo:
            print("demo: the subscription of the running demo is in its own simulator and cannot be listed")
        elif not listed:
            print("the organisation has no webhook subscription")
        if saved_id is not None and saved_id not in {one.id for one in listed}:
            print(f"our subscription {saved_id} no longer exists: run `butlr-grafana webhooks create`")
        for line in received(self.settings):
            print(line)
        return 0

    def create(self) -> int:
        endpoint = self._endpoint()
        if self.ids.path is None:
            raise SettingError("set BACKEND_CACHE_DIR: the subscription's id is stored there")
        listed, saved_id = self.webhooks.all(), self.ids.read()
        if any(one.id == saved_id for one in listed):
            print(f"{saved_id} exists already; `butlr-grafana webhooks update` changes its key and address")
            return 0
        names = self.webhooks.input_names()
        free, notices = free_types(listed, names)
        for line in notices:
            print(line)
        if not free:
            print("nothing was created: every event type has a subscription already, or does not exist")
            return 1
        print(f"creates the subscription {NAME}: {_list(free)} to {endpoint.url}, with the key as X-Api-Key")
        if not self._agreed():
            return 1
        created = self.webhooks.create(NAME, free, endpoint, names)
        self.ids.write(created.id)
        print(f"created {created.id}; `butlr-grafana webhooks status` shows the events that arrive")
        return 0

    def update(self) -> int:
        endpoint = self._endpoint()
        ours = self._ours()
        print(f"updates {ours.id}: {_list(ours.event_types)} to {endpoint.url}, with the first key")
        if not self._agreed():
            return 1
        self.webhooks.update(ours, endpoint, self.webhooks.input_names())
        if self.ids.path is not None:
            self.ids.write(ours.id)
        print(f"updated {ours.id}")
        return 0

    def delete(self) -> int:
        ours = self._ours()
        print(
            f"deletes {ours.id}: {_list(ours.event_types)}; the backend then requests these data from Butlr"
        )
        if not self._agreed():
            return 1
        self.webhooks.delete(ours.id)
        if ours.id == self.ids.read():
            self.ids.remove()
        print(f"deleted {ours.id}")
        return 0

    def _endpoint(self) -> Endpoint:
        settings = self.settings
        if not settings.webhook_keys:
            raise SettingError("set BUTLR_WEBHOOK_KEY: Butlr must send it with each event")
        settings.check_webhook_url()
        return Endpoint(settings.webhook_url, settings.webhook_keys[0])

    def _ours(self) -> Webhook:
        """Raises `SettingError` where it is not known which is ours, or it is there no more."""
        wanted = self.given_id or self.ids.read()
        listed = self.webhooks.all()
        found = next((one for one in listed if one.id == wanted), None)
        if found is not None and self.given_id and found.name != NAME:
            raise SettingError(
                f"--id {wanted}: its name is {found.name or 'empty'}, not {NAME}, so it is not ours"
            )
        if found is not None:
            return found
        if wanted is not None:
            raise SettingError(f"{wanted}: the organisation has no such subscription")
        named = [one.id for one in listed if one.name == NAME]
        if named:
            raise SettingError(
                f"no id is stored in BACKEND_CACHE_DIR. {_list(named)} has our name, but may belong to "
                "another installation. If it belongs to this one, give its id with --id"
            )
        raise SettingError("there is no subscription of ours: run `butlr-grafana webhooks create`")

    def _agreed(self) -> bool:
        if self.is_sure:
            return True
        if not sys.stdin.isatty():
            print("nothing was changed: this is not a terminal, so the question cannot be asked; use --yes")
            return False
        if input("Continue? [y/N] ").strip().lower() in ("y", "yes"):
            return True
        print("nothing was changed")
        return False


ACTIONS: dict[str, tuple[Callable[[Command], int], str]] = {
    "status": (Command.status, "lists the organisation's subscriptions, and the events of the last minutes"),
    "create": (Command.create, "subscribes to the event types that have no subscription yet"),
    "update": (Command.update, "changes the key and the address of our subscription"),
    "delete": (Command.delete, "deletes our subscription, and no other"),
}


def free_types(listed: Sequence[Webhook], names: InputNames) -> tuple[list[str], list[str]]:
    """The event types that no subscription has yet, as the schema writes them; and lines about the other
    types.
    """
    free, notices = [], []
    for wanted in WANTED:
        written = in_schema(wanted, names)
        owner = next((one for one in listed if written in one.event_types), None)
        if written is None:
            notices.append(f"{wanted}: this account has no such event type; the backend requests these data")
        elif owner is not None:
            whose = f"{owner.id} ({owner.name})" if owner.name else owner.id
            notices.append(f"{written}: {whose} has subscribed to it; the backend requests these data")
        else:
            free.append(written)
    return free, notices


def received(settings: Settings) -> list[str]:
    """A text about what the running backend received in the last minutes."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104  # it is asked here
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/webhooks/status"
    token = next((one.text for one in settings.tokens if one.floors is None), None)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        response = requests.get(url, headers=headers, timeout=BACKEND_PATIENCE_S)
        response.raise_for_status()
        return lines_of(response.json(), now_s=time.time())
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        return [f"the backend on {url} does not say what it received ({_fault(error)})"]


def _fault(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"it answered {error.response.status_code}"
    if isinstance(error, requests.RequestException) and not isinstance(error, ValueError):
        return reason_of(error)
    return "its response cannot be read"


def lines_of(received: dict[str, Any], *, now_s: float) -> list[str]:
    """The response of `GET /webhooks/status` as lines for a person."""
    if not received["receives"]:
        return ["the running backend receives nothing: BUTLR_WEBHOOK_KEY is not set there"]
    age_s = received["newest_event_age_s"]
    never = "no event of this account has arrived since the backend started"
    lines = [never if age_s is None else f"the newest event arrived {age_s:.0f} s ago"]
    lines += [
        f"last {received['minutes']} min: {one['count']} {one['type']} {one['outcome']}"
        for one in received["events"]
    ]
    for stream, gaps in received["gaps"].items():
        for gap in gaps[-SHOWN_GAPS:]:
            until = "now" if gap["goes_on"] else f"{(now_s - gap['to_s']) / 60:.0f} min ago"
            lines.append(
                f"{stream}: nothing arrived from {(now_s - gap['from_s']) / 60:.0f} min ago to {until}"
            )
    return lines


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def for_demo(settings: Settings, port: int) -> Settings:
    """The settings of the demo, with a random webhook key if none is set, so that its simulator can push."""
    keys = settings.webhook_keys or (secrets.token_urlsafe(24),)
    host = settings.host if is_loopback(settings.host) and settings.host != "localhost" else "127.0.0.1"
    own = f"http://{f'[{host}]' if ':' in host else host}:{settings.webhook_port or port}"
    return replace(settings, webhook_keys=keys, public_url=own)


def subscribe_in_background(application: Application, settings: Settings) -> None:
    """Creates the subscription of the demo. Its simulator has no other subscriber."""

    def subscribe() -> None:
        webhooks = Webhooks(_post(application.butlr, settings))
        endpoint = Endpoint(settings.webhook_url, settings.webhook_keys[0])
        try:
            with request_id.use_request_id(request_id.current_or_new()):
                names = webhooks.input_names()
                free, _ = free_types(webhooks.all(), names)
                webhooks.create(NAME, free, endpoint, names)
        except (UpstreamError, BackendError) as error:
            log.warning("the simulator sends no webhook events: %s", error)

    threading.Thread(target=subscribe, name="subscribe", daemon=True).start()
