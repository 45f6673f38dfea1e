"""Peers and the contribution report as plain text. Core."""

from __future__ import annotations

from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import Column, cut, table
from slskdn_tui.cli.present.render import Look, facts
from slskdn_tui.model.peers import ContributionView, FairRule, KnownPeer, PeersView

_MARKS = {"healthy": ("✓ ", "+ "), "broken": ("! ", "! "), "newcomer": ("", ""), "quiet": ("", "")}


def _rtt(row: KnownPeer) -> str:
    return f"{row.rtt * 1000:.0f} ms" if row.rtt is not None else "-"


def _chunks(row: KnownPeer) -> str:
    return f"{row.good_chunks} good, {row.corrupt_chunks} wrong, {row.timed_out_chunks} timed out, {row.failed_chunks} failed"


def listed(view: PeersView, look: Look) -> list[str]:
    """`slskdn peers list`."""
    if not view.rows:
        return ["No peer is known yet. They come with the first rescue, or from overlay.peers."]
    columns = (
        Column("PEER"),
        Column("BY"),
        Column("STATE"),
        Column("UP", "right"),
        Column("DOWN", "right"),
        Column("RATE", "right"),
        Column("RTT", "right"),
        Column("ERRORS", "right"),
        Column("TIMEOUTS", "right"),
        Column("REPUTATION", "right"),
        Column("NOTE", flex=True, least=12),
    )
    cells = [
        (
            row.name,
            row.plane,
            "-" if row.plane == "slsk" and row.state == "away" else row.state,  # a user is asked when needed; `away` would be his own state
            units.size(row.up),
            units.size(row.down),
            units.speed(row.rate_up + row.rate_down),
            _rtt(row),
            units.percent(row.errors),
            units.percent(row.timeouts),
            f"{row.reputation:.2f}",
            str(row.note or (f"{row.soulseek} on Soulseek" if row.soulseek else "")),
        )
        for row in view.rows
    ]
    return table(columns, cells, look.width, look.mark)


def shown(row: KnownPeer, look: Look) -> list[str]:
    """`slskdn peers show`."""
    mesh = row.plane == "mesh"
    rows = [
        ("Peer", f"{row.name}, {'a mesh peer' if mesh else 'a Soulseek user'}"),
        ("Node", row.peer if mesh else ""),
        ("In groups", row.long_name),
        ("State", row.state),
        ("Why", str(row.note)),
        ("Soulseek", f"{row.soulseek} (as it says)" if row.soulseek else ""),
        ("Program", str(row.client)),
        ("Address", str(row.address)),
        ("Seen", units.moment(row.last_seen)),
        ("7 days", f"up {units.size(row.up)}, down {units.size(row.down)}"),
        ("Now", f"up {units.speed(row.rate_up)}, down {units.speed(row.rate_down)}" if row.connected else ""),
        ("Round trip", _rtt(row)),
        ("Reputation", f"{row.reputation:.2f} of 1"),
        ("Last 200", f"{units.percent(row.errors)} errors, {units.percent(row.timeouts)} time-outs"),
        ("Chunks", _chunks(row)),
    ]
    return facts(rows, look)


def report(view: ContributionView, look: Look) -> list[str]:
    """`slskdn contribution`: the roadmap's report; below it what is broken, what is held back for it, and until when."""
    child, last, _ = look.branch
    mark = _MARKS[view.status][look.ascii]
    lines = [f"Contribution Report ({'Today' if view.days == 1 else f'Last {view.days} Days'})"]
    for name, slsk, mesh in (("Uploaded", view.slsk_up, view.mesh_up), ("Downloaded", view.slsk_down, view.mesh_down)):
        lines += ["", f"{name}:", f"{child}Soulseek: {units.size(slsk)}", f"{last}Overlay Mesh: {units.size(mesh)}"]
        lines.append(f"Total: {units.size(slsk + mesh)}")
    lines += ["", f"Ratio: {ratio_words(view, 'x' if look.ascii else '×')}", f"Status: {mark}{view.words}"]
    if notable := [rule for rule in view.rules if rule.state in ("broken", "grace")]:
        lines += ["", "Rules:", *_tree([_rule(rule) for rule in notable], look)]
    if view.enforced:
        lines += ["", "Held back now:", *_tree([str(held) for held in view.enforced], look)]
    return [cut(line, look.width, look.mark) for line in lines] if look.width else lines


def ratio_words(view: ContributionView, times: str) -> str:
    """`3.6:1 (you've contributed 3.6x more than you downloaded)`."""
    if view.ratio is None:
        return "none yet (nothing downloaded)"
    figure = f"{view.ratio:.1f}:1"
    if not view.up:
        return f"{figure} (you've contributed nothing yet)"
    if round(view.ratio, 1) == 1.0:
        return f"{figure} (you've contributed as much as you downloaded)"
    if view.ratio > 1:
        return f"{figure} (you've contributed {view.ratio:.1f}{times} more than you downloaded)"
    return f"{figure} (you've downloaded {1 / view.ratio:.1f}{times} more than you contributed)"


def _rule(rule: FairRule) -> str:
    return f"{rule.words}{f' ({rule.until})' if rule.until else ''}"


def _tree(lines: list[str], look: Look) -> list[str]:
    child, last, _ = look.branch
    return [(last if at == len(lines) - 1 else child) + line for at, line in enumerate(lines)]
