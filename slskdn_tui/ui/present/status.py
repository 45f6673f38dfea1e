"""The two rows at the top and the last one: status, screens, keys. Core."""

from __future__ import annotations

from collections.abc import Sequence

from slskdn_tui.model.stats import StatsView, figures
from slskdn_tui.model.views import StatusView
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import Glyphs, Line, Span, crop, line_width, spread, wrap

_LINK = {
    "online": "states.active",
    "connecting": "colors.warning",
    "kicked": "colors.error",
    "offline": "colors.error",
    "off": "colors.dim",
}


def away(view: StatusView | None) -> bool:
    """Soulseek is wanted and not there."""
    return view is not None and view.soulseek not in ("online", "off")


def status_line(view: StatusView | None, history: Sequence[float], width: int, glyphs: Glyphs, frozen: bool = False) -> Line:
    """Account, link, mesh, rates, ratio, disk. What does not fit goes from the right; a failing part comes before everything."""
    if view is None:
        return ((" slskdn", "colors.title"), ("  waiting for the engine", "colors.dim"))
    name = view.account or "no account"
    link = view.soulseek if view.soulseek in _LINK else "offline"
    up_mark = glyphs.on if link == "online" else glyphs.off
    left: list[Span] = [(" slskdn", "colors.title"), (f"  {name} ", ""), (f"{up_mark} slsk", _LINK[link])]
    if link != "online":
        left.append((f" {link}", _LINK[link]))
    if view.unread:
        left.append((f"  {glyphs.mail.format(view.unread)}", "states.done"))
    if view.mesh_peers or not away(view):  # what is wrong needs the room
        left.append((f"  mesh {view.mesh_peers}", "sources.mesh" if view.mesh_peers else "colors.dim"))
    bad = [part for part in view.parts if part.state == "failing"]
    if bad and bad[0].name == "soulseek" and link != "online":  # the link's own word stands there already
        left.append((f"  ! {bad[0].words}", "colors.error"))
    elif bad:
        left.append((f"  ! {bad[0].name}: {bad[0].words}", "colors.error"))
    if frozen:
        left.append(("  FROZEN", "colors.warning"))
    if link not in ("online", "off") and not bad and view.soulseek_words:
        left.append((f"  {view.soulseek_words}", _LINK[link]))
    groups: list[tuple[Span, ...]] = [
        ((f"   {glyphs.down} {fmt.speed(view.down, '0 B/s')}", ""),),
        ((f"  {glyphs.up} {fmt.speed(view.up, '0 B/s')}", ""),),
    ]
    if width >= 100 and history and (graph := fmt.spark(history, 12, glyphs)):
        groups.insert(1, ((f" {graph}", "colors.accent"),))
    if view.wishes_new:
        groups.append(((f"  wishes {view.wishes_new} new", "states.done"),))
    if view.ratio is not None:
        groups.append(((f"  ratio {fmt.ratio(view.ratio)}", ""),))
    if view.disk_used is not None:
        full = view.disk_used >= 0.95
        groups.append(((f"  disk {fmt.percent(view.disk_used)}", "colors.error" if full else ""),))
    for group in groups:
        if line_width((*left, *group)) > width - 1:
            break
        left.extend(group)
    return crop(tuple(left), width, glyphs.ellipsis)


_PARTS = {"ok": "states.done", "waiting": "colors.warning", "failing": "colors.error", "off": "colors.dim"}


def part_lines(view: StatusView | None, engine: str, width: int) -> list[Line]:
    """Which engine this is, then each of its parts: name, state, what it means."""
    out: list[Line] = [crop((("engine    ", "colors.dim"), (engine, "")), width)]
    if view is None:
        return [*out, (("it has not answered yet", "colors.warning"),)]
    room = max(12, width - 20)
    for part in view.parts:
        first, *rest = wrap(part.words, room) or [""]
        out.append(((f"{part.name:<10.10}", "colors.title"), (f"{part.state:<9}", _PARTS[part.state]), (first, "")))
        out += [((" " * 19 + more, ""),) for more in rest[:2]]
    begun, completed, refused = view.rescues
    if begun or refused:
        words = f"{begun} begun, {completed} of them completed the file, {refused} refused"
        out.append((("rescues   ", "colors.title"), (" " * 9, ""), (words, "")))
    if view.searches_waiting:
        words = f"{view.searches_waiting} wait; the next may go in {view.search_wait:.0f} s"
        out.append((("searches  ", "colors.title"), (" " * 9, ""), (words, "")))
    return [crop(line, width) for line in out]


def stats_lines(view: StatsView, width: int) -> list[Line]:
    """A figure a line; where it does not fit beside them, what it is counted from is cut."""
    return [
        crop(((f"{each.name:<23}", "colors.title"), (f"{each.value:>9}  ", ""), (each.words, "colors.dim")), width)
        for each in figures(view)
    ]


def tab_line(tabs: Sequence[tuple[str, str, str]], current: str, right: str, width: int) -> Line:
    """Screens that exist, as (name, key, title); `right` is a short fact at the right edge. They stand closer where there is little room, and never move."""
    left: list[Span] = []
    gap = "  " if width >= 100 else ""
    for name, key, title in tabs:
        here = name == current
        left.append((" ", ""))
        left.append((f"{key} {title}", "tab" if here else "colors.dim"))
        left.append((gap, ""))
    return spread(tuple(left), ((f"{right} ", "colors.dim"),) if right else (), width)


def footer_line(keys: Sequence[tuple[str, str]], width: int) -> Line:
    """Keys with their words; as many as fit, the last two (command line, help) always."""
    if not keys:
        return ()
    tail = [part for key, word in keys[-2:] for part in ((f"{key} ", "colors.primary"), (f"{word}  ", "colors.dim"))]
    out: list[Span] = [(" ", "")]
    for key, word in keys[:-2]:
        item: list[Span] = [(f"{key} ", "colors.primary"), (f"{word}  ", "colors.dim")]
        if line_width((*out, *item, *tail)) > width + 2:
            continue
        out += item
    return crop((*out, *tail), width, "")


def offers_line(offers: Sequence[str], taken: str, what: str, width: int, glyphs: Glyphs) -> Line:
    """What may be typed next on the `:` line, the last word of each, and what the verb does; `taken` is the one tab chose, which stays in sight."""
    words = [offer.rpartition(" ")[2] for offer in offers]
    at = offers.index(taken) if taken in offers else -1
    start, room = 0, width - 2
    if at >= 0:
        while start < at and sum(len(word) + 2 for word in words[start : at + 1]) > room - 2:
            start += 1
    out: list[Span] = [(f" {glyphs.ellipsis} " if start else " ", "colors.dim")]
    for number, word in enumerate(words[start:], start):
        out.append((f"{word}  ", "colors.primary" if number == at else ""))
    if what:
        out.append((what, "colors.dim"))
    return crop(tuple(out), width, glyphs.ellipsis)


def too_small(width: int, height: int, least: tuple[int, int]) -> Line:
    """The one line shown when there is no room for a screen."""
    return crop(((f"slskdn needs {least[0]}x{least[1]}, this is {width}x{height}", "colors.warning"),), width)
