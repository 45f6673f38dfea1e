"""What the parts of an engine tell, as events of its bus: who is concerned, how grave it is, in which words. Thin shell over the bus."""

from __future__ import annotations

from slskdn_tui.engine.runtime.events import EventBus, Level
from slskdn_tui.engine.runtime.supervise import Part
from slskdn_tui.model.ids import short_node_id


class Telling:
    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    def part_failed(self, part: Part, error: BaseException) -> None:
        self._bus.publish("part.failed", "engine", f"{part.name} failed: {part.error}", level="error", part_name=part.name)

    def overlay_trouble(self, name: str, text: str) -> None:
        self._bus.publish(name, "overlay", text, level="warning")

    def soulseek(self, name: str, text: str, data: dict[str, object]) -> None:
        warns = name == "soulseek.offline" or data.get("warning")
        level: Level = "error" if name in ("soulseek.refused", "soulseek.kicked") else "warning" if warns else "info"
        facts = {key: value for key, value in data.items() if isinstance(value, str | int | float)}
        self._bus.publish(name, "soulseek", text, level=level, facts=facts)

    def mesh(self, name: str, data: dict[str, object]) -> None:
        node = str(data.get("node_id", ""))
        who = short_node_id(node) if node else "somebody"
        where = f" at {data['address']}" if data.get("address") else ""
        why = f": {data['reason']}" if data.get("reason") else ""
        level: Level = "warning" if name == "peer.refused" else "info"
        self._bus.publish(
            f"overlay.{name}", "overlay", f"{who}{where} {name.removeprefix('peer.')}{why}", level=level, facts={"node_id": node}
        )
