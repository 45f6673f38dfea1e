"""Discographies, and labels as the mesh has them, as views. Shell over the running engine."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Literal

from slskdn_tui.engine.music.graph.tree import Tree, read_wanted, years
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.views.jobs import job_row
from slskdn_tui.engine.views.label_rows import seen_labels
from slskdn_tui.model.aggregates import LabelRelease
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.graph import CrateRow, DiscographyView, LabelsView, LabelView
from slskdn_tui.model.jobs import ENDED
from slskdn_tui.model.music import ReleaseHit
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey


async def discography_view(engine: Parts, key: ViewKey) -> DiscographyView:
    """UserError `usage` for a subject or filter that is none; what MusicBrainz says against it stands in the view."""
    wanted = read_wanted(key.filter)
    asked = engine.graph.look(key.subject)
    tree = await engine.graph.tree(asked, wanted) if asked.found else Tree()
    doing = _doing(engine)
    rows = tree.rows[key.start : key.start + key.count]
    return DiscographyView(
        0,
        key.subject,
        asked.entity.name if asked.entity else SafeText(asked.text),
        "failed" if asked.error else "done" if asked.found else "asking",
        asked.read,
        asked.of,
        tuple(replace(row, doing=doing[row.release]) if row.release in doing else row for row in rows),
        len(tree.rows),
        tree.counts,
        tree.bootlegs,
        asked.links,
        bool(asked.found and asked.found.capped),
        asked.error.message if asked.error else SafeText(""),
        asked.error.hint if asked.error else SafeText(""),
        asked.error.code if asked.error else "",
    )


def _doing(engine: Parts) -> dict[str, SafeText]:
    """Which job gets a release, and how far it is: by release MBID."""
    going = {}
    for job in engine.runner.jobs():
        if job.record.state not in ENDED and (mbid := job.record.release.mbid):
            row = job_row(job)
            going[mbid] = SafeText(f"{row.state} {int(row.done * 100)}%" if row.done else row.state)
    return going


async def labels_view(engine: Parts, key: ViewKey) -> LabelsView:
    return await seen_labels(engine.store, key)


async def label_view(engine: Parts, key: ViewKey) -> LabelView:
    """UserError `usage` for a filter that is none. A label nobody has is an empty view."""
    score, codec, span = _crate_filter(key.filter)
    found = await engine.store.popularity.releases(key.subject, least_score=score, codec=codec)
    label = found[0].label if found else SafeText(key.subject)
    lines = engine.graph.lines
    if span is not None:
        known = lines.look([each.release_mbid for each in found])
        found = [each for each in found if (year := _year(known.get(each.release_mbid))) is not None and span[0] <= year <= span[1]]
    window = found[key.start : key.start + key.count]
    known = lines.look([each.release_mbid for each in window])
    state: Literal["asking", "done"] = (
        "asking" if lines.asking else "done"
    )  # of what is shown: its answer may come while the next line waits
    owned = await engine.owned_releases([each.release_mbid for each in window])
    doing = _doing(engine)
    rows = [
        _crate_row(each, known.get(each.release_mbid), owned.get(each.release_mbid, 0), doing.get(each.release_mbid, SafeText("")))
        for each in window
    ]
    error = lines.error.message if lines.error else SafeText("")
    return LabelView(0, label, state, tuple(rows), len(found), error)


def _year(line: ReleaseHit | None) -> int | None:
    return int(line.date[:4]) if line is not None and line.date[:4].isdigit() else None


def _crate_filter(text: str) -> tuple[float, str, tuple[int, int] | None]:
    """(least score, codec, years) of `score>=0.8 codec:FLAC year:1990-1999`."""
    score, codec, span = 0.0, "", None
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UserError("usage", f"the filter cannot be read: {error}", "close the quote") from None
    for word in words:
        try:
            if word.startswith("score>="):
                score = float(word.removeprefix("score>="))
                continue
        except ValueError:
            raise UserError("usage", f"{word!r} has no number", "write e.g. score>=0.8") from None
        name, _, value = word.partition(":")
        if name == "codec" and value:
            codec = value
        elif name == "year" and value:
            span = years(value)
        else:
            raise UserError("usage", f"{word!r} is no filter of a label", "there are score>=0.8, codec:FLAC, year:1990-1999")
    return score, codec, span


def _crate_row(seen: LabelRelease, line: ReleaseHit | None, here: int, doing: SafeText) -> CrateRow:
    return CrateRow(
        seen.release_mbid,
        0,
        seen.release_mbid,
        line.title if line else SafeText(""),
        line.artist if line else SafeText(""),
        _year(line) or seen.year,
        seen.peers,
        seen.strangers,
        seen.score,
        seen.codecs,
        round(min(1.0, here / line.track_count), 4) if line and line.track_count else 0.0,
        doing,
    )
