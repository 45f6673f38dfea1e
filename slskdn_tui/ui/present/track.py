"""One track in detail: the pane beside the Swarms tree. Core."""

from __future__ import annotations

from slskdn_tui.model.views import TrackView
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import Glyphs, Line, Span, crop, fit, wrap


def track_lines(view: TrackView | None, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Title, what it is, rescue, chunk map with its shares, the scheduler's figures for each peer, history."""
    if view is None:
        return [(), ((" Put the cursor on a track to see its sources,", "colors.dim"),), ((" chunk map and history here.", "colors.dim"),)]
    inner = max(10, width - 2)
    out: list[Line] = [
        ((f" {view.title}", "colors.title"),),
        ((f" {view.album}", ""),),
    ]
    facts = [str(view.codec)] if view.codec else []
    facts += [fmt.duration(view.length_ms / 1000)] if view.length_ms else []
    facts += [fmt.size(view.size)] if view.size else []
    out.append(((" " + "   ".join(facts or ["size not known yet"]), "colors.dim"),))
    if view.canonical:
        out.append(((f" {view.canonical}", "states.done"),))
    if view.recording:
        out.append(((f" rec {view.recording}", "colors.dim"),))
    if view.rescue:
        out.append(())
        out += [((f" {text}", "states.rescue"),) for text in wrap(view.rescue, inner)[:3]]
    out.append(())
    if view.cells:
        out.append(((" ", ""), *fmt.chunk_line(view.cells, inner, glyphs)))
    out.append(((" ", ""), *_legend(view, glyphs)))
    if view.peers:
        out += [(), ((f" {'PEER':<10.10} {'COST':>4} {'RTT':>6} {'RATE':>8} {'ERR':>4} {'REP':>4}", "colors.dim"),)]
        room = max(2, height - len(out) - 4)
        for peer in view.peers[:room]:
            cost = glyphs.dash if peer.cost is None else f"{peer.cost:.1f}"
            rtt = fmt.milliseconds(None if peer.rtt is None else peer.rtt * 1000, glyphs.dash)
            out.append(
                (
                    (f" {fit(peer.name, 10)}", fmt.PLANES[peer.plane]),
                    (
                        f" {cost:>4.4} {rtt:>6.6} {fmt.speed(peer.rate, glyphs.dash):>8.8} {fmt.percent(peer.errors):>4} {peer.reputation:4.2f}",
                        "",
                    ),
                )
            )
            if peer.state.casefold() in ("banned", "stalled"):
                out.append(((f"   {peer.state}", fmt.state_style(peer.state)),))
        if len(view.peers) > room:
            out.append(((f"   and {len(view.peers) - room} more", "colors.dim"),))
    if view.history and (room := height - len(out) - 2) > 0:
        out += [(), ((" HISTORY", "colors.dim"),)]
        out += [((f"  {fmt.clock(row.time)} ", "colors.dim"), (str(row.text), fmt.LEVELS[row.level])) for row in view.history[-room:]]
    return [crop(line, width, glyphs.ellipsis) for line in out]


def _legend(view: TrackView, glyphs: Glyphs) -> tuple[Span, ...]:
    """Shares of the file by where the bytes came from; they add up to one."""
    if not view.size:
        return (("nothing received yet", "colors.dim"),)
    slsk, mesh = view.by_slsk / view.size, view.by_mesh / view.size
    missing = max(0.0, 1 - slsk - mesh)
    return (
        (f"{glyphs.chunk['o']} slsk {fmt.percent(slsk)}  ", "sources.slsk"),
        (f"{glyphs.chunk['m']} mesh {fmt.percent(mesh)}  ", "sources.mesh"),
        (f"{glyphs.chunk['.']} missing {fmt.percent(missing)}", "sources.missing"),
    )
