"""Views as plain text: one pure function a view. Core. The screens' CLI twins print what these give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import Column, cut, pad, table, width
from slskdn_tui.model.views import JobsView, JobView, LogRow, StatusView, SwarmRow, SwarmsView, TrackView

_PLANES = {"slsk": "Soulseek", "mesh": "mesh", "": "-"}
_LEVELS = {"info": "", "warning": "! ", "error": "!! "}


@dataclass(frozen=True, slots=True)
class Look:
    """How to print: `width` cells (None when the output is no terminal: nothing is cut), `ascii` without line drawing."""

    width: int | None = None
    ascii: bool = False

    @property
    def mark(self) -> str:
        return "~" if self.ascii else "…"

    @property
    def branch(self) -> tuple[str, str, str]:
        """Tree pieces: a child, the last child, a line passing by."""
        return ("|- ", "`- ", "|  ") if self.ascii else ("├─ ", "└─ ", "│  ")


def facts(rows: Sequence[tuple[str, str]], look: Look) -> list[str]:
    """`name  value` lines, empty values left out."""
    wide = max((width(name) for name, _ in rows), default=0) + 2
    lines = [pad(name, wide) + value for name, value in rows if value]
    return [cut(line, look.width, look.mark) for line in lines] if look.width else lines


def status(view: StatusView, look: Look) -> list[str]:
    """`slskdn status`."""
    rows = [
        ("Soulseek", f"{view.soulseek}{f' as {view.account}' if view.account else ''}"),
        ("Mesh", units.plural(view.mesh_peers, "peer")),
        ("DHT", units.plural(view.dht_nodes, "node")),
        ("Speed", f"down {units.speed(view.down)}, up {units.speed(view.up)}"),
        ("Ratio", f"{view.ratio:.1f}:1" if view.ratio is not None else ""),
        ("Disk", f"{units.percent(view.disk_used)} used" if view.disk_used is not None else ""),
        ("Jobs", f"{view.jobs_running} running of {view.jobs_total}"),
        ("Uploads", str(view.uploads)),
        ("Node", view.node_id),
        ("Profile", str(view.profile)),
        ("Engine", str(view.engine)),
        ("Since", units.moment(view.started_at)),
    ]
    lines = facts(rows, look)
    if view.parts:
        lines += [
            "",
            *table(
                (Column("PART"), Column("STATE"), Column("WORDS", flex=True, least=20)),
                [(p.name, p.state, p.words) for p in view.parts],
                look.width,
                look.mark,
            ),
        ]
    return lines


_JOB_COLUMNS = (
    Column("JOB"),
    Column("STATE"),
    Column("DONE", "right"),
    Column("TRACKS", "right"),
    Column("SPEED", "right"),
    Column("ARTIST", flex=True),
    Column("TITLE", flex=True, least=10),
    Column("CREATED"),
)


def jobs(view: JobsView, look: Look) -> list[str]:
    """`slskdn jobs list`."""
    if not view.rows:
        return ["No jobs. Create one: slskdn jobs create MUSICBRAINZ-RELEASE-URL"]
    rows = [
        (
            row.job_id[:8],
            row.state,
            units.percent(row.done),
            f"{row.tracks_done}/{row.tracks_total}",
            units.speed(row.speed),
            row.artist,
            row.title,
            row.created_at[:10],
        )
        for row in view.rows
    ]
    lines = table(_JOB_COLUMNS, rows, look.width, look.mark)
    out = lines[:1]
    for row, line in zip(view.rows, lines[1:], strict=True):
        out.append(line)
        if row.error:
            reason = f"          {row.error}"
            out.append(cut(reason, look.width, look.mark) if look.width else reason)
    return out


def job(view: JobView, look: Look) -> list[str]:
    """`slskdn jobs show`."""
    row = view.job
    rows = [
        ("Job", row.job_id),
        ("Album", f"{row.artist} - {row.title}" if row.artist else str(row.title)),
        ("Release", view.release_mbid),
        ("State", row.state),
        ("Why", str(row.error)),
        ("Done", f"{units.percent(row.done)}, {row.tracks_done} of {units.plural(row.tracks_total, 'track')}"),
        ("Speed", units.speed(row.speed) if row.speed else ""),
        ("Created", units.moment(row.created_at)),
        ("Ended", units.moment(row.finished_at)),
        ("Folder", str(view.folder)),
        ("Manifest", str(view.manifest)),
        ("Wanted", ", ".join(f"{name} {value}" for name, value in view.constraints)),
    ]
    lines = facts(rows, look)
    discs = len({track.disc for track in view.tracks}) > 1
    columns = (
        Column("#", "right"),
        Column("TITLE", flex=True, least=12),
        Column("LENGTH", "right"),
        Column("STATE"),
        Column("DONE", "right"),
        Column("FILE OR REASON", flex=True, least=12),
    )
    cells = [
        (
            f"{track.disc}.{track.number:02}" if discs and track.number else str(track.position),
            track.title,
            units.length(track.length_ms),
            track.state,
            units.percent(track.done),
            str(track.path or track.reason),
        )
        for track in view.tracks
    ]
    return [*lines, "", *table(columns, cells, look.width, look.mark)] if cells else lines


def _tree(rows: Sequence[SwarmRow], look: Look) -> list[str]:
    """Titles with their place in the tree drawn before them."""
    child, last, past = look.branch
    titles = []
    for at, row in enumerate(rows):
        if row.level == 0:
            titles.append(str(row.title))
            continue
        follows = [_more(rows, at, level) for level in range(1, row.level + 1)]
        lead = "".join(past if more else "   " for more in follows[:-1])
        titles.append(lead + (child if follows[-1] else last) + str(row.title or row.source))
    return titles


def _more(rows: Sequence[SwarmRow], at: int, level: int) -> bool:
    """Does another row of `level` follow before a higher one?"""
    for other in rows[at + 1 :]:
        if other.level < level:
            return False
        if other.level == level:
            return True
    return False


def swarms(view: SwarmsView, look: Look) -> list[str]:
    """`slskdn swarms list`."""
    if not view.rows:
        lines = ["Nothing is moving."]
    else:
        columns = (
            Column("JOB"),
            Column("ALBUM / TRACK / SOURCE", flex=True, least=16),
            Column("STATE"),
            Column("DONE", "right"),
            Column("SHARE", "right"),
            Column("SPEED", "right"),
            Column("ETA", "right"),
            Column("NOTE", flex=True),
        )
        cells = [
            (
                row.job_id[:8] if row.level == 0 else "",
                title,
                row.state,
                units.percent(row.done) if row.level < 2 else "",
                units.percent(row.share) if row.level == 2 else "",
                units.speed(row.speed),
                units.clock(row.eta) if row.level < 2 else "",
                str(row.reason or row.note),
            )
            for row, title in zip(view.rows, _tree(view.rows, look), strict=True)
        ]
        lines = table(columns, cells, look.width, look.mark)
    if view.uploads or view.uploads_queued:
        up_columns = (
            Column("UPLOAD", flex=True, least=16),
            Column("TO", flex=True),
            Column("BY"),
            Column("STATE"),
            Column("DONE", "right"),
            Column("SPEED", "right"),
        )
        cells_up = [(up.title, up.peer, _PLANES[up.plane], up.state, units.percent(up.done), units.speed(up.speed)) for up in view.uploads]
        lines += ["", *table(up_columns, cells_up, look.width, look.mark)]
        if view.uploads_queued:
            lines.append(f"{view.uploads_queued} more queued")
    return lines


def _shares(view: TrackView) -> str:
    """Who brought the bytes that are there."""
    if not view.by_slsk + view.by_mesh:
        return "not known: its trace is no longer kept" if view.done else ""
    return f"Soulseek {units.size(view.by_slsk)}, mesh {units.size(view.by_mesh)}"


def track(view: TrackView, look: Look) -> list[str]:
    """`slskdn swarms show`: facts, chunk map, sources with the scheduler's numbers, history."""
    share = view.done / view.size if view.size else 0.0
    rows = [
        ("Track", f"{view.track} {view.title}"),
        ("Album", str(view.album)),
        ("Job", view.job_id),
        ("State", view.state),
        ("Done", f"{units.percent(share)}, {units.size(view.done)} of {units.size(view.size)}" if view.size else ""),
        ("From", _shares(view)),
        ("Codec", str(view.codec)),
        ("Length", units.length(view.length_ms) if view.length_ms is not None else ""),
        ("Rescue", str(view.rescue)),
        ("Mesh says", str(view.canonical)),
    ]
    lines = facts(rows, look)
    if view.cells:
        room = max(16, (look.width or 98) - 2)
        lines += ["", "Chunks  . missing  o origin  m mesh, verified  > in flight  x failed once"]
        lines += [f"  {view.cells[at : at + room]}" for at in range(0, len(view.cells), room)]
    if view.peers:
        columns = (
            Column("SOURCE", flex=True, least=10),
            Column("PLANE"),
            Column("STATE"),
            Column("COST", "right"),
            Column("RTT", "right"),
            Column("RATE", "right"),
            Column("ERRORS", "right"),
            Column("TIMEOUTS", "right"),
            Column("REPUTATION", "right"),
            Column("BYTES", "right"),
        )
        cells = [
            (
                peer.name,
                _PLANES[peer.plane],
                peer.state,
                f"{peer.cost:.2f}" if peer.cost is not None else "-",
                f"{peer.rtt * 1000:.0f} ms" if peer.rtt is not None else "-",
                units.speed(peer.rate),
                units.percent(peer.errors),
                units.percent(peer.timeouts),
                f"{peer.reputation:.2f}",
                units.size(peer.bytes),
            )
            for peer in view.peers
        ]
        lines += ["", *table(columns, cells, look.width, look.mark)]
    if view.history:
        lines += ["", "History", *(f"  {log_line(row, Look(look.width - 2 if look.width else None, look.ascii))}" for row in view.history)]
    return lines


def log_line(row: LogRow, look: Look) -> str:
    """A line of `slskdn log`."""
    line = f"{units.moment(row.time)}  {row.part:<9} {_LEVELS[row.level]}{row.text}"
    return cut(line, look.width, look.mark) if look.width else line
