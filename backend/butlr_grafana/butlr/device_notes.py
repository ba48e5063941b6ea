"""Notes about a floor's sensors and hives, in addition to their values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from butlr_grafana.model.calendar import since
from butlr_grafana.model.doors import doors_by_room, entrances
from butlr_grafana.model.floor import Floor, Note
from butlr_grafana.model.sensors import Hive, Sensor

COPIES = (
    "In and out of these are counted by virtual sensors only: {}. Virtual sensors are copies (clones or "
    "mirrors) of other sensors, made in Butlr Studio; BUTLR_VIRTUAL_SENSORS=drop leaves them out"
)


def notes_on_sensors(floor: Floor) -> Iterator[Note]:
    """What counts at a floor's doors, where it is not simply all of them."""
    if not floor.sensors:
        return
    counted = entrances(floor)
    if not counted:
        text = (
            f"{floor.name}: no traffic sensor is marked as an entrance, so people who enter and leave "
            "are not counted"
        )
        yield Note(floor.id, text, "traffic")
    silent = [sensor for sensor in counted if sensor.works is False]
    if silent:
        text = (
            f"{floor.name}: {len(silent)} of {len(counted)} entrance sensors are offline, so in and "
            "out are too low"
        )
        yield Note(floor.id, text, "traffic")
    names = {room.id: room.name for room in floor.rooms}
    places = {floor.id: counted, **doors_by_room(floor)}
    copies = [key for key, own in places.items() if own and all(s.kind != "physical" for s in own)]
    if copies:
        named = [floor.name if key == floor.id else names.get(key, key) for key in copies[:8]]
        named += [f"{len(copies) - 8} more"] if len(copies) > 8 else []
        of = tuple(key for key in copies if key != floor.id)
        yield Note(floor.id, COPIES.format(", ".join(named)), "traffic", of, is_neutral=True)


def notes_on_dead_hives(floor: Floor) -> Iterator[Note]:
    """That sensors of a floor cannot be heard because a hive is offline: what is shown lacks their people."""
    installed = [sensor for sensor in floor.sensors or () if sensor.is_physical and sensor.installed]
    hives = dict.fromkeys(sensor.behind for sensor in installed if sensor.behind is not None)
    for hive in hives:
        silent = sum(sensor.behind == hive for sensor in installed)
        when = since(hive.last_heartbeat_s, floor.timezone)
        after = f" {when}" if when else ""
        text_ = f"is offline{after}: {silent} of {len(installed)} sensors send no data"
        # A hive is often named after the room in which it hangs, which may be one that must not be named, or
        # one of another floor, which not everybody may see.
        name = hive.name if hive in (floor.hives or ()) else hive.serial
        anonymous = f"{floor.name}: the hive {hive.serial} {text_}"
        of = (hive.room_id,) if hive.room_id else ()
        yield Note(floor.id, f"{floor.name}: the hive {name} {text_}", "all", of, anonymous)


def notes_on_devices(
    sensors: Mapping[str, Sequence[Sensor]],
    hives: Mapping[str, Sequence[Hive]],
    floors: Collection[str],
    *,
    hives_listed: bool,
) -> Iterator[Note]:
    """What Butlr does not say of devices, and those that are on none of the floors."""
    if not hives_listed:
        yield Note(None, "Butlr did not list the hives", "devices")
    for what, by_floor in (("sensors", sensors), ("hives", hives)):
        lost = [one for key, own in by_floor.items() if key not in floors for one in own if one.is_physical]
        if lost:
            yield Note(None, f"{len(lost)} {what} are not on any floor that Butlr lists", "devices")
