"""Jobs: the list, one job's tracks, and what a new job could be. Core."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from slskdn_tui.model.jobs import Constraints, constraint_lines
from slskdn_tui.model.views import CandidateRow, JobRow, JobTrackRow, JobView
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import Cell, Column, Flat, Glyphs, Line, crop, line_width

_WISHES = {
    "preferred_codecs": "codecs {}",
    "max_lossy_tracks_per_album": "lossy tracks at most {}",
    "prefer_canonical_variants": "faster copies before better ones",
    "use_overlay": "without the mesh",
    "overlay_bandwidth_kbps": "mesh at most {} kbit/s",
    "allow_mixed_sources": "tracks from several users",
}
"""What is said of a job's wish that is not the usual one."""
_USUAL = dict(constraint_lines(Constraints()))


class JobsPresenter:
    """The list of jobs; discographies and crates over their releases."""

    columns: tuple[Column, ...] = (
        Column("title", "JOB", 0, least=28),
        Column("state", "STATE", 9),
        Column("tracks", "TRACKS", 6, "right"),
        Column("done", "DONE", 4, "right"),
        Column("speed", "SPEED", 9, "right", drop=2),
        Column("created", "CREATED", 16, drop=4),
        Column("id", "ID", 8, drop=3),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: JobRow) -> dict[str, Cell]:
        words = (row.title, row.artist) if row.level else (row.artist, row.title)  # under a parent the title tells them apart
        name = f" {self.glyphs.dash} ".join(str(part) for part in words if part)
        bare = row.level == 1 and not row.job_id
        return {
            "title": Cell(name or row.job_id, "colors.title" if row.children else "colors.dim" if bare else ""),
            "state": Cell(row.state, fmt.state_style(row.state)),
            "tracks": Cell("" if bare and not row.tracks_total else f"{row.tracks_done}/{row.tracks_total}"),
            "done": Cell("" if bare and not row.done else fmt.percent(row.done)),
            "speed": Cell(fmt.speed(row.speed, self.glyphs.dash), "" if row.speed >= 1 else "colors.dim"),
            "created": Cell(fmt.day(row.created_at), "colors.dim"),
            "id": Cell(row.job_id[:8], "colors.dim"),
        }

    def sort_key(self, row: JobRow, column: str) -> Any:
        return {
            "title": (row.artist.casefold(), row.title.casefold()),
            "state": row.state,
            "tracks": row.tracks_total,
            "done": row.done,
            "speed": row.speed,
            "created": row.created_at,
            "id": row.job_id,
        }[column]

    def words(self, row: JobRow) -> str:
        return f"{row.artist} {row.title} {row.state} {row.job_id}"

    def level(self, row: JobRow) -> int:
        return row.level

    def opens(self, row: JobRow) -> bool:
        return False


class TracksPresenter(Flat):
    """The tracks of one job; also a tracklist not yet a job."""

    columns: tuple[Column, ...] = (
        Column("number", "#", 5, "right"),
        Column("title", "TRACK", 0),
        Column("length", "LENGTH", 7, "right", drop=2),
        Column("state", "STATE", 9),
        Column("done", "DONE", 4, "right"),
        Column("where", "WHERE / WHY", 24, drop=1),
    )

    def __init__(self, glyphs: Glyphs, plan: bool = False) -> None:
        self.glyphs = glyphs
        if plan:
            self.columns = self.columns[:3]

    def cells(self, row: JobTrackRow) -> dict[str, Cell]:
        where = row.reason or row.path.rsplit("/", 1)[-1]
        return {
            "number": Cell("" if not row.number else f"{row.disc}-{row.number:02}" if row.disc > 1 else f"{row.number:02}", "colors.dim"),
            "title": Cell(row.title),
            "length": Cell(fmt.duration(row.length_ms / 1000) if row.length_ms else self.glyphs.dash, "colors.dim"),
            "state": Cell(row.state, fmt.state_style(row.state)),
            "done": Cell(fmt.percent(row.done)),
            "where": Cell(where, "colors.warning" if row.reason else "colors.dim"),
        }

    def sort_key(self, row: JobTrackRow, column: str) -> Any:
        return {
            "number": row.position,
            "title": row.title.casefold(),
            "length": row.length_ms or 0,
            "state": row.state,
            "done": row.done,
            "where": row.path,
        }[column]

    def words(self, row: JobTrackRow) -> str:
        return f"{row.title} {row.state} {row.path} {row.reason}"


class CandidatesPresenter(Flat):
    """Releases a new job could fetch."""

    columns: tuple[Column, ...] = (
        Column("title", "RELEASE", 0, least=30),
        Column("date", "DATE", 10),
        Column("country", "IN", 3),
        Column("format", "FORMAT", 12),  # a CD and a record of one day differ in nothing else
        Column("tracks", "TRACKS", 6, "right"),
        Column("status", "STATUS", 10, drop=1),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: CandidateRow) -> dict[str, Cell]:
        return {
            "title": Cell(f"{row.artist} {self.glyphs.dash} {row.title}" if row.artist else str(row.title)),
            "date": Cell(row.date, "colors.dim"),
            "country": Cell(row.country, "colors.dim"),
            "format": Cell(row.format),
            "tracks": Cell(str(row.tracks or "?")),
            "status": Cell(row.status, "colors.dim"),
        }

    def sort_key(self, row: CandidateRow, column: str) -> Any:
        value = getattr(row, column)
        return value if isinstance(value, int) else str(value).casefold()

    def words(self, row: CandidateRow) -> str:
        return f"{row.artist} {row.title} {row.date} {row.country} {row.format} {row.status}"


def releases_words(row: JobRow, rows: Sequence[JobRow]) -> tuple[str, ...]:
    """What a discography or a crate is doing, for the place where a job's tracks stand."""
    start = next((at for at, one in enumerate(rows) if one.key == row.key), len(rows))
    states = Counter(one.state for one in takewhile(lambda one: one.level, rows[start + 1 : start + 1 + row.children]))
    all_here = states.total() == row.children  # folded ones of a long list, or ones the filter hides, are not
    told = ": " + ", ".join(f"{count} {state}" for state, count in states.most_common()) if all_here else ""
    return (
        f"{fmt.plural(row.tracks_total, 'release')}{told}.",
        *([f"{row.error}."] if row.error else []),
        "enter shows them, p pauses all, x cancels.",
    )


def job_line(view: JobView | None, row: JobRow | None, width: int, glyphs: Glyphs) -> Line:
    """The heading over a job's tracks: which job, those of its wishes that are not the usual ones, what is wrong with it."""
    if row is None:
        return ()
    left: list[tuple[str, str]] = [(f" {row.job_id[:8]} " if row.job_id else " ", "colors.dim"), (f"{row.title}", "colors.title")]
    if row.error and row.children:
        left.append((f"   {row.error}", "colors.dim"))
    elif row.error:
        left.append((f"   {row.error}", "colors.error"))
    elif view is not None:
        told = [(name, value) for name, value in view.constraints if value != _USUAL.get(name)]
        wishes = "  ".join(_WISHES.get(name, f"{name} {{}}").format(value) for name, value in told)
        left.append((f"   {wishes}", "colors.dim"))
    return crop(tuple(left), width, glyphs.ellipsis)


def wish_lines(wishes: Constraints, width: int) -> list[Line]:
    """What a new job may be told, with the keys that do: as many in a line as fit."""

    def yes(value: bool) -> str:
        return "yes" if value else "no"

    out: list[Line] = []
    for key, name, value in (
        ("o", "mesh may help", yes(wishes.use_overlay)),
        ("+-", "lossy tracks, at most", str(wishes.max_lossy_tracks_per_album)),
        ("c", "codecs", ", ".join(wishes.preferred_codecs)),
        ("b", "better copies over faster ones", yes(wishes.prefer_canonical_variants)),
        ("m", "mix users when none has all", yes(wishes.allow_mixed_sources)),
    ):
        wish = ((f"{key} ", "colors.primary"), (f"{name} ", "colors.dim"), (value, ""))
        if out and line_width(out[-1]) + 2 + line_width(wish) <= width:
            out[-1] = (*out[-1], ("  ", ""), *wish)
        else:
            out.append(crop(wish, width))
    return out
