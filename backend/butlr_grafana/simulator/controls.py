"""The simulator's own endpoints: health, calls, faults, forms, crowds, outages and plans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from . import crowds, outages, plans
from .forms import Forms
from .messages import Refusal, Request, Result

if TYPE_CHECKING:
    from .server import Simulator

Endpoint = Callable[[Request], Result]


def endpoints(simulator: Simulator) -> dict[str, dict[str, Endpoint]]:
    """The endpoints by path and method."""
    controls = _Controls(simulator)
    return {
        "/healthz": {"GET": lambda _: Result.json({"status": "ok"})},
        "/_simulator/calls": {"GET": controls.calls},
        "/_simulator/faults": {
            "GET": controls.faults,
            "PUT": controls.set_faults,
            "DELETE": controls.clear_faults,
        },
        "/_simulator/forms": {
            "GET": controls.forms,
            "PUT": controls.set_forms,
            "DELETE": controls.clear_forms,
        },
        "/_simulator/crowd": {
            "GET": controls.crowds,
            "PUT": controls.add_crowd,
            "DELETE": controls.clear_crowds,
        },
        "/_simulator/outages": {
            "GET": controls.outages,
            "PUT": controls.add_outage,
            "DELETE": controls.clear_outages,
        },
        **{f"/plans/{floor.id}.png": {"GET": controls.plan} for floor in simulator.people.office.floors},
    }


class _Controls:
    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def calls(self, _: Request) -> Result:
        return Result.json(dict(self._simulator.call_counts()))

    def faults(self, _: Request) -> Result:
        return Result.json(self._simulator.faults.to_json())

    def set_faults(self, request: Request) -> Result:
        self._simulator.faults.set_json(request.json())
        return self.faults(request)

    def clear_faults(self, request: Request) -> Result:
        self._simulator.faults.clear()
        return self.faults(request)

    def forms(self, _: Request) -> Result:
        forms = self._simulator.forms
        return Result.json({item.name: _plain(getattr(forms, item.name)) for item in fields(forms)})

    def set_forms(self, request: Request) -> Result:
        """These forms and no others, each as the text that `--form` takes."""
        try:
            self._simulator.forms = Forms.read([f"{name}={text}" for name, text in request.json().items()])
        except ValueError as error:
            raise Refusal(400, str(error)) from error
        return self.forms(request)

    def clear_forms(self, request: Request) -> Result:
        self._simulator.forms = Forms()
        return self.forms(request)

    def crowds(self, _: Request) -> Result:
        people = self._simulator.people
        return Result.json(crowds.to_json(people.crowds, people.office))

    def add_crowd(self, request: Request) -> Result:
        simulator = self._simulator
        simulator.crowd(*crowds.parse(request.json(), simulator.people.office, simulator.clock()))
        return self.crowds(request)

    def clear_crowds(self, request: Request) -> Result:
        self._simulator.clear_crowds()
        return self.crowds(request)

    def outages(self, _: Request) -> Result:
        return Result.json(outages.to_json(self._simulator.people.outages))

    def add_outage(self, request: Request) -> Result:
        simulator = self._simulator
        outage_ = outages.parse(request.json(), simulator.people.office, simulator.clock())
        simulator.outage(outage_.device_id, outage_.start_s, outage_.stop_s)
        return self.outages(request)

    def clear_outages(self, request: Request) -> Result:
        self._simulator.clear_outages()
        return self.outages(request)

    def plan(self, request: Request) -> Result:
        """A picture lies on its side only where the topology can say so."""
        floor = self._simulator.people.office.by_id[request.path.removeprefix("/plans/").removesuffix(".png")]
        shown = floor if self._simulator.forms.plan_rotation else replace(floor, plan_rotation_deg=0)
        return Result(200, plans.draw(shown), "image/png")


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value
