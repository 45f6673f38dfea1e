"""Peers as rows and in detail; the contribution report with its bars and rules. Core."""

from __future__ import annotations

from datetime import date
from typing import Any

from slskdn_tui.model.peers import ContributionView, FairRule, KnownPeer, PeersView
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import Cell, Column, Flat, Glyphs, Line, Span, crop, fit, line_width, spread, wrap

_STATES = {"connected": "states.active", "away": "colors.dim", "avoided": "quality.warn", "blocked": "states.failed"}
_RULES = {"ok": "states.done", "grace": "colors.warning", "broken": "states.failed", "off": "colors.dim"}
_STATUS = {"healthy": "states.done", "quiet": "colors.dim", "newcomer": "colors.warning", "broken": "states.failed"}
_KINDS = {"slsk": "Soulseek", "mesh": "mesh"}
_LONGEST_BAR = 32
_WORST = 1 << 30


class PeersPresenter(Flat):
    """Who gave and took how much, how fast they answer, how far they are trusted."""

    columns: tuple[Column, ...] = (
        Column("peer", "PEER", 12),
        Column("state", "STATE", 9, drop=5),
        Column("up", "UP", 7, "right"),
        Column("down", "DOWN", 7, "right"),
        Column("rate", "RATE", 9, "right", drop=2),
        Column("rtt", "RTT", 7, "right", drop=1),
        Column("errors", "ERR", 4, "right"),
        Column("timeouts", "TMO", 4, "right", drop=4),
        Column("reputation", "REP", 4, "right"),
        Column("note", "NOTE", 0, least=18),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: KnownPeer) -> dict[str, Cell]:
        glyphs = self.glyphs
        rate = row.rate_up + row.rate_down
        style = _STATES[row.state]
        return {
            "peer": Cell(
                f"{glyphs.on if row.connected else glyphs.off} {row.name}", fmt.PLANES[row.plane] if row.connected else "colors.dim"
            ),
            "state": Cell(row.state, style),
            "up": Cell(fmt.size(row.up) if row.up else glyphs.dash, "" if row.up else "colors.dim"),
            "down": Cell(fmt.size(row.down) if row.down else glyphs.dash, "" if row.down else "colors.dim"),
            "rate": Cell(fmt.speed(rate, glyphs.dash), "" if rate >= 1 else "colors.dim"),
            "rtt": Cell(fmt.milliseconds(_ms(row.rtt), glyphs.dash), "" if row.rtt is not None else "colors.dim"),
            "errors": Cell(fmt.percent(row.errors), _share_style(row.errors)),
            "timeouts": Cell(fmt.percent(row.timeouts), _share_style(row.timeouts)),
            "reputation": Cell(f"{row.reputation:.2f}", reputation_style(row)),
            "note": Cell(peer_note(row), style if row.state in ("avoided", "blocked") else "colors.dim"),
        }

    def sort_key(self, row: KnownPeer, column: str) -> Any:
        return {
            "peer": row.name,
            "state": row.state,
            "up": row.up,
            "down": row.down,
            "rate": row.rate_up + row.rate_down,
            "rtt": _WORST if row.rtt is None else row.rtt,
            "errors": row.errors,
            "timeouts": row.timeouts,
            "reputation": row.reputation,
            "note": peer_note(row),
        }[column]

    def words(self, row: KnownPeer) -> str:
        return f"{row.name} {_KINDS[row.plane]} {row.state} {row.note} {row.soulseek} {row.address} {row.peer}"


def peer_note(row: KnownPeer) -> str:
    """Why it is avoided or blocked; else who it says it is on Soulseek, or when it was seen."""
    if row.note:
        return str(row.note)
    if row.soulseek:
        return f"{row.soulseek} on Soulseek"
    return "" if row.connected or not row.last_seen else f"seen {fmt.day(row.last_seen)[:10]}"


def reputation_style(row: KnownPeer) -> str:
    return "quality.bad" if row.state == "avoided" or row.reputation < 0.3 else "quality.warn" if row.reputation < 0.7 else ""


def _share_style(share: float) -> str:
    return "quality.bad" if share >= 0.3 else "quality.warn" if share >= 0.05 else "" if share else "colors.dim"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def peers_line(view: PeersView | None, width: int, glyphs: Glyphs) -> Line:
    """How many peers there are."""
    if view is None:
        return ((" Peers", "colors.title"), (f" {glyphs.crumb} waiting for the engine", "colors.dim"))
    words = f"{view.connected} connected, {view.total} known"
    for state in ("avoided", "blocked"):
        if count := sum(row.state == state for row in view.rows):
            words += f", {count} {state}"
    return crop(((" Peers", "colors.title"), (f" {glyphs.crumb} ", "colors.dim"), (words, "")), width, glyphs.ellipsis)


def mesh_lines(view: PeersView | None, width: int, glyphs: Glyphs) -> list[Line]:
    """How this node stands in the mesh, wrapped."""
    if view is None or not view.mesh:
        words = "waiting for the engine" if view is None else "no engine runs: slskdn, or slskdn serve, takes part in the mesh"
        return [crop(((" Mesh", "colors.title"), (f" {glyphs.crumb} {words}", "colors.dim")), width, glyphs.ellipsis)]
    first, *rest = [line for words in view.mesh for line in wrap(words, max(10, width - 9))]
    head = ((" Mesh", "colors.title"), (f" {glyphs.crumb} ", "colors.dim"), (first, ""))
    return [head, *(((" " * 8 + line, "colors.dim"),) for line in rest)]


def peer_lines(row: KnownPeer | None, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """One peer in detail: who it is, what was moved, how its requests ended, and what follows from that."""
    if row is None:
        return [(), ((" Put the cursor on a peer to see what is", "colors.dim"),), ((" known of it here.", "colors.dim"),)]
    inner = max(10, width - 2)
    out: list[Line] = [spread(((f" {row.name}", "colors.title"),), ((f"{row.state} ", _STATES[row.state]),), width)]
    groups = row.long_name.split("-")
    out += [((f" {'-'.join(groups[at : at + 4])}", "colors.dim"),) for at in range(0, len(groups), 4) if row.long_name]
    out.append(())

    def fact(name: str, text: str, style: str = "") -> None:
        if text:
            first, *rest = wrap(text, max(8, inner - 11)) or [""]
            out.append(((f" {name:<11}", "colors.dim"), (first, style)))
            out.extend([((" " * 12 + more, style),) for more in rest[:2]])

    fact("Soulseek", f"{row.soulseek} (as it says)" if row.soulseek else "")
    fact("program", str(row.client))
    fact("address", str(row.address))
    fact("seen", "" if row.connected else fmt.day(row.last_seen))
    fact("7 days", f"up {fmt.size(row.up)}, down {fmt.size(row.down)}")
    if row.connected:
        fact("now", f"{glyphs.up} {fmt.speed(row.rate_up, '0 B/s')}  {glyphs.down} {fmt.speed(row.rate_down, '0 B/s')}")
    fact("round trip", fmt.milliseconds(_ms(row.rtt), ""))
    out.append(())
    filled, rest = fmt.bar(row.reputation, 10, glyphs, reputation_style(row) or "states.active")
    out.append(((" reputation ", "colors.dim"), (f"{row.reputation:.2f}  ", reputation_style(row)), filled, rest))
    fact("last 200", f"{fmt.percent(row.errors)} errors, {fmt.percent(row.timeouts)} time-outs")
    fact(
        "chunks",
        f"{row.good_chunks:,} good, {row.corrupt_chunks:,} wrong, {row.timed_out_chunks:,} timed out, {row.failed_chunks:,} failed",
    )
    if row.note:
        out.append(())
        out += [((f" {text}", _STATES[row.state]),) for text in wrap(str(row.note), inner)[:4]]
    return [crop(line, width, glyphs.ellipsis) for line in out[:height]]


# The report ----------------------------------------------------------------------------------------------------------


def days_words(days: int) -> str:
    return "today" if days == 1 else f"last {days} days"


def report_crumb(view: ContributionView | None, width: int, glyphs: Glyphs) -> Line:
    """What this is, and at once how it stands."""
    left: Line = ((" Contribution", "colors.title"),)
    if view is None:
        return (*left, (f" {glyphs.crumb} waiting for the engine", "colors.dim"))
    words = fit(str(view.words), max(8, width - 34), "left", glyphs.ellipsis).rstrip()
    return spread(
        (*left, (f" {glyphs.crumb} ", "colors.dim"), (words, _STATUS[view.status])),
        ((f"{days_words(view.days)} [w] ", "colors.dim"),),
        width,
    )


def report_short(view: ContributionView | None, width: int, glyphs: Glyphs) -> list[Line]:
    """The report in two lines, for small terminals."""
    if view is None:
        return [report_crumb(None, width, glyphs)]
    sums = f" {glyphs.up} {fmt.size(view.up)}  {glyphs.down} {fmt.size(view.down)}  ratio {fmt.ratio(view.ratio)}"
    more = f"  {view.enforced[0]}" if view.enforced else ""
    return [report_crumb(view, width, glyphs), crop(((sums, ""), (more, "states.failed")), width, glyphs.ellipsis)]


def report_lines(view: ContributionView | None, width: int, glyphs: Glyphs, room: int = 99) -> list[Line]:
    """Bytes by plane with bars, the rules with what follows from their breach, the days. Above `room` lines the blank ones go, then the planes share
    a line and a bar, then the days go."""
    if view is None:
        return [report_crumb(None, width, glyphs)]
    blank: Line = ()
    planes, packed = _plane_lines(view, width, glyphs), _packed_lines(view, width, glyphs)
    rules = [line for rule in view.rules for line in _rule_lines(rule, width)]
    rules += [((f"   {text}", "states.failed"),) for said in view.enforced for text in wrap(said, max(16, width - 4))[:2]]
    days = [_days_line(view, glyphs)] if len(view.history) > 1 else []
    crumb = report_crumb(view, width, glyphs)
    roomy = [crumb, blank, *planes, blank, *rules, *([blank, *days] if days else [])]
    forms = (roomy, [crumb, *planes, *rules, *days], [crumb, *packed, *rules, *days], [crumb, *packed, *rules])
    out = next((form for form in forms if len(form) <= room), forms[-1])
    return [crop(line, width, glyphs.ellipsis) for line in out]


def _plane_lines(view: ContributionView, width: int, glyphs: Glyphs) -> list[Line]:
    top = max(view.slsk_up, view.mesh_up, view.slsk_down, view.mesh_down, 1)
    longest = max(4, min(_LONGEST_BAR, width - 48))

    def moved(name: str, total: int, plane: str, count: int, style: str) -> Line:
        head = f" {name:<12} {fmt.size(total) if name else '':>8}    {plane:<8} {fmt.size(count):>8}  "
        return ((head, ""), (fmt.measure(count / top, longest, glyphs), style))

    return [
        moved("Uploaded", view.up, "Soulseek", view.slsk_up, "sources.slsk"),
        moved("", 0, "Mesh", view.mesh_up, "sources.mesh"),
        moved("Downloaded", view.down, "Soulseek", view.slsk_down, "sources.slsk"),
        moved("", 0, "Mesh", view.mesh_down, "sources.mesh"),
    ]


def _packed_lines(view: ContributionView, width: int, glyphs: Glyphs) -> list[Line]:
    """As `_plane_lines`, a line a direction: the bar of one plane goes on with that of the other."""
    top = max(view.up, view.down, 1)

    def moved(name: str, total: int, slsk: int, mesh: int) -> Line:
        head = f" {name:<10} {fmt.size(total):>8}  Soulseek {fmt.size(slsk):>8}  Mesh {fmt.size(mesh):>8}  "
        longest = max(4, min(_LONGEST_BAR, width - len(head) - 1))
        bars = ((fmt.measure(count / top, longest, glyphs), style) for count, style in ((slsk, "sources.slsk"), (mesh, "sources.mesh")))
        return ((head, ""), *bars)

    return [moved("Uploaded", view.up, view.slsk_up, view.mesh_up), moved("Downloaded", view.down, view.slsk_down, view.mesh_down)]


_RULE_NAMES = {"min_ratio": "Ratio", "overlay_upload_cap": "Mesh uploads", "overlay_daily_cap": "Mesh downloads today"}


def _rule_lines(rule: FairRule, width: int) -> list[Line]:
    """` Ratio   3.6:1   ok   rule: at least 1.0`; what ends a breach behind it, or below where there is no room."""
    value, wanted = fmt.ratio(rule.value), ""
    if rule.name != "min_ratio":
        value = fmt.size(rule.value or 0)
    if rule.limit is not None:
        wanted = f"at least {rule.limit:.1f}" if rule.name == "min_ratio" else f"at most {fmt.size(rule.limit)}"
        wanted += f" ({rule.basis})" if rule.basis else ""
    state = "no rule" if rule.state == "off" else rule.state
    head: Line = ((f" {_RULE_NAMES[rule.name]:<21} {value:>8}   ", ""), (f"{state:<8} ", _RULES[rule.state]))
    style = "states.failed" if rule.state == "broken" else "colors.warning"
    if not rule.until:
        return [(*head, (f"rule: {wanted}" if wanted else "", "colors.dim"))]
    if line_width(head) + len(wanted) + len(rule.until) + 2 <= width:
        return [(*head, (f"{wanted}; ", "colors.dim"), (str(rule.until), style))]
    return [
        (*head, (f"rule: {wanted}", "colors.dim")),
        *(((f"   {text}", style),) for text in wrap(str(rule.until), max(16, width - 4))[:2]),
    ]


def _days_line(view: ContributionView, glyphs: Glyphs) -> Line:
    """Each day's bytes as one row of blocks, up and down on one scale."""
    up = [day.slsk_up + day.mesh_up for day in view.history]
    down = [day.slsk_down + day.mesh_down for day in view.history]
    top = max(*up, *down)
    names = " ".join(date.fromisoformat(day.day).strftime("%a") for day in view.history)
    parts: list[Span] = [(" per day   up  ", "colors.dim"), (fmt.heights(up, top, glyphs), "colors.accent")]
    parts += [("   down  ", "colors.dim"), (fmt.heights(down, top, glyphs), "colors.accent")]
    gap = max(2, 48 - line_width(tuple(parts)))
    return (*parts, (" " * gap + names, "colors.dim"))
