"""Discographies and labels as plain text. Core."""

from __future__ import annotations

from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import Column, table
from slskdn_tui.cli.present.render import Look
from slskdn_tui.model.graph import CrateRow, DiscographyView, GroupRow, LabelsView, LabelView
from slskdn_tui.model.parents import ParentsView
from slskdn_tui.model.text import lasting

_HEADS = {"core": "Core", "extended": "Extended", "related": "Related", "other": "Other"}


def discography(view: DiscographyView, look: Look) -> list[str]:
    """`slskdn discover`: a table a section, then where it leads."""
    lines = [str(view.name)]
    release = view.subject.startswith("release/")
    for section, count in view.counts:
        rows = [row for row in view.rows if row.section == section]
        if not rows:
            continue
        here = sum(row.owned >= 1 for row in rows)
        head = units.plural(count, "edition") if release else f"{_HEADS[section]}: {count}, {here} here"
        lines += ["", head, *_groups(rows, look)]
    if not view.rows:
        lines += ["", "Nothing passes the filter." if view.of else "MusicBrainz lists no releases."]
    if view.links:
        columns = (Column("LEADS TO"), Column("NAME", flex=True), Column("KIND"), Column("MBID"))
        rows_ = [(str(link.relation), str(link.name), link.kind, link.mbid) for link in view.links]
        lines += ["", *table(columns, rows_, look.width, look.mark)]
    notes = [f"{units.plural(view.bootlegs, 'bootleg')} left out (--bootlegs)"] if view.bootlegs else []
    notes += [f"only the first {view.read} of {view.of} releases are read"] if view.capped else []
    notes += ["`slskdn get MBID` gets one"] if view.rows else []
    return [*lines, "", "; ".join(notes)] if notes else lines


def _groups(rows: list[GroupRow], look: Look) -> list[str]:
    columns = (
        Column("DATE"),
        Column("TITLE", flex=True, least=16),
        Column("ARTIST", flex=True),
        Column("TYPE", flex=True),
        Column("TRACKS", "right"),
        Column("HERE"),
        Column("EDITION", flex=True),
        Column("MBID"),
    )
    cells = [
        (
            row.date,
            str(row.title),
            str(row.artist),
            str(row.type),
            str(row.tracks),
            _here(row.owned),
            f"{'* ' if row.chosen else ''}{', '.join(part for part in (str(row.format), str(row.label)) if part)}",
            row.release,
        )
        for row in rows
    ]
    return table(columns, cells, look.width, look.mark)


def _here(share: float) -> str:
    return "yes" if share >= 1 else units.percent(share) if share > 0 else "no"


def labels(view: LabelsView, look: Look) -> list[str]:
    """`slskdn labels list`."""
    if not view.rows:
        return ["No node you know of tells of such a label yet."]
    columns = (Column("LABEL", flex=True, least=16), Column("RELEASES", "right"), Column("PEERS", "right"))
    return table(columns, [(str(row.label), str(row.releases), str(row.peers)) for row in view.rows], look.width, look.mark)


def label(view: LabelView, look: Look) -> list[str]:
    """`slskdn labels show`."""
    if not view.rows:
        return [f"{view.label}: no node you know of tells of its releases, or none passes the filter."]
    columns = (
        Column("PEERS", "right"),
        Column("STRANGERS", "right"),
        Column("QUALITY", "right"),
        Column("CODECS"),
        Column("YEAR"),
        Column("HERE"),
        Column("TITLE", flex=True, least=16),
        Column("ARTIST", flex=True),
        Column("MBID"),
    )
    more = [f"{len(view.rows)} of {view.total} shown (--limit)"] if view.total > len(view.rows) else []
    return [str(view.label), "", *table(columns, [_cells(row) for row in view.rows], look.width, look.mark), *more]


def parents(view: ParentsView, look: Look) -> list[str]:
    """`slskdn jobs parents`: all of them, or one with its releases."""
    if not view.rows:
        return ["No discography and no crate is got."]
    columns = (
        Column("ID"), Column("WHAT", flex=True, least=12), Column("STATE"), Column("DONE", "right"), Column("HERE", "right"), Column("RUNNING", "right"),
        Column("WAITING", "right"), Column("FAILED", "right"), Column("SEARCHED", flex=True),
    )  # fmt: skip
    cells = [
        (
            row.parent_id[:8],
            f"{row.title} ({row.scope})",
            row.state,
            f"{row.done} of {row.total}",
            str(row.here),
            str(row.running),
            str(row.waiting),
            str(row.failed),
            str(row.note) or (f"in {lasting(row.forecast_s)} or more" if row.forecast_s else ""),
        )
        for row in view.rows
    ]
    lines = table(columns, cells, look.width, look.mark)
    if view.members:
        parts = (
            Column("DATE"),
            Column("TITLE", flex=True, least=12),
            Column("ARTIST", flex=True),
            Column("STATE"),
            Column("JOB"),
            Column("WHY", flex=True),
        )
        cells_ = [
            (one.date, str(one.title) or one.key, str(one.artist), one.state, one.job_id[:8], str(one.reason)) for one in view.members
        ]
        lines += ["", *table(parts, cells_, look.width, look.mark)]
    return lines


def _cells(row: CrateRow) -> tuple[str, ...]:
    return (
        str(row.peers),
        str(row.strangers),
        f"{row.score:.2f}" if row.score is not None else "",
        ",".join(row.codecs),
        str(row.year or ""),
        _here(row.owned),
        str(row.title) or "(MusicBrainz has not told)",
        str(row.artist),
        row.release,
    )
