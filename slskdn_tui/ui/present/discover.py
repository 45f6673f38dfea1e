"""Discographies as trees, labels and their releases as the mesh has them: rows, the lines above them, one row in detail. Core."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slskdn_tui.model.graph import SECTIONS as PARTS
from slskdn_tui.model.graph import CrateRow, DiscographyView, GroupRow, LabelRow, LabelsView, LabelView, Link
from slskdn_tui.model.text import SafeText
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import Cell, Column, Flat, Glyphs, Line, crop, spread, wrap
from slskdn_tui.ui.present.format import plural

SECTIONS = (("discography", "Discography"), ("labels", "Labels"))
HEADS = {"core": "Core", "extended": "Extended", "related": "Related", "other": "Other"}
MOST_HERE = 10_000
_OPEN = frozenset({"core", "extended", "editions", "links", "meant"})
_STARTS = ("year:", "label:", "section:")
_FLAGS = ("bootlegs", "missing")


@dataclass(frozen=True, slots=True)
class HeadRow:
    """The line over a part of the tree: how much is in it, how much of that is here."""

    key: str
    version: int
    part: str
    title: str
    count: int
    here: int
    children: int


@dataclass(frozen=True, slots=True)
class LinkRow:
    """Where the tree leads."""

    key: str
    version: int
    link: Link


TreeRow = HeadRow | GroupRow | LinkRow


def tree_rows(view: DiscographyView) -> tuple[TreeRow, ...]:
    """Parts over their groups; where it leads last, of a release first. A name that several have is a list of those who have it."""
    links = tuple(LinkRow(f"link/{link.relation}/{link.mbid}", 1, link) for link in view.links)
    parts: list[tuple[str, str, tuple[GroupRow, ...] | tuple[LinkRow, ...]]] = []
    if view.state == "failed":
        parts = [("meant", "Who is meant? enter chooses", links)]
    elif view.subject.startswith("release/"):
        parts = [("links", "Leads to", links), ("editions", "Editions", view.rows)]
    else:
        parts = [(part, HEADS[part], tuple(row for row in view.rows if row.section == part)) for part in PARTS]
        parts.append(("links", "Leads to", links))
    out: list[TreeRow] = []
    for part, title, rows in parts:
        if rows:
            out += [_head(part, title, view, rows), *rows]
    return tuple(out)


def _head(part: str, title: str, view: DiscographyView, rows: Sequence[GroupRow | LinkRow]) -> HeadRow:
    here = sum(isinstance(row, GroupRow) and row.owned >= 1 for row in rows)
    return HeadRow(f"head/{part}", len(rows) * MOST_HERE + here, part, title, len(rows), here, len(rows))


class TreePresenter:
    """A discography, or the editions of a release and where it leads."""

    columns: tuple[Column, ...] = (
        Column("title", "RELEASE", 0, least=28),
        Column("year", "YEAR", 6),
        Column("type", "TYPE", 12, drop=2),
        Column("edition", "EDITION", 18, drop=3),
        Column("tracks", "TRACKS", 6, "right", drop=4),
        Column("here", "HERE", 13),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs
        self.subject = ""

    def cells(self, row: TreeRow) -> dict[str, Cell]:
        if isinstance(row, HeadRow):
            return {"title": Cell(head_words(row), "colors.title", span=9)}
        if isinstance(row, LinkRow):
            words = f"{row.link.relation}: " if row.link.relation else ""
            return {"title": Cell(f"{words}{row.link.name}", "", span=9)}
        edition = ", ".join(str(part) for part in (row.format, row.label) if part)
        mark = f"{self.glyphs.on} " if row.chosen else ""
        whose = self.subject.startswith("release/")
        return {
            "title": Cell(f"{mark}{edition or row.title}" if whose else self._title(row), "" if row.owned < 1 else "states.done"),
            "year": Cell(row.date[:4], "colors.dim"),
            "type": Cell(str(row.why) if whose else short_type(row.type), "colors.dim"),
            "edition": Cell(str(row.title) if whose else f"{mark}{edition}", "colors.dim"),
            "tracks": Cell(str(row.tracks or ""), "colors.dim"),
            "here": here_cell(row.owned, row.doing),
        }

    def _title(self, row: GroupRow) -> str:
        return (
            f"{row.artist} {self.glyphs.dash} {row.title}"
            if row.section == "related" or self.subject.startswith(("label/", "producer/"))
            else str(row.title)
        )

    def sort_key(self, row: TreeRow, column: str) -> Any:
        """Parts stay in their order."""
        if isinstance(row, HeadRow):
            return "" if column in ("title", "year", "type", "edition", "here") else 0
        if isinstance(row, LinkRow):
            return str(row.link.name).casefold() if column in ("title", "year", "type", "edition", "here") else 0
        return {
            "title": self._title(row).casefold(),
            "year": row.date or "9999",
            "type": str(row.type),
            "edition": f"{row.format} {row.label}".casefold(),
            "tracks": row.tracks,
            "here": f"{row.owned:.4f}",
        }[column]

    def words(self, row: TreeRow) -> str:
        if isinstance(row, HeadRow):
            return ""
        if isinstance(row, LinkRow):
            return f"{row.link.relation} {row.link.name}"
        return f"{row.title} {row.artist} {row.date} {row.type} {row.format} {row.label}"

    def level(self, row: TreeRow) -> int:
        return 0 if isinstance(row, HeadRow) else 1

    def opens(self, row: TreeRow) -> bool:
        return isinstance(row, HeadRow) and row.part in _OPEN


class LabelsPresenter(Flat):
    """Labels the mesh has releases of."""

    columns: tuple[Column, ...] = (
        Column("label", "LABEL", 0, least=24),
        Column("releases", "RELEASES", 8, "right"),
        Column("peers", "PEERS", 7, "right"),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: LabelRow) -> dict[str, Cell]:
        return {
            "label": Cell(row.label),
            "releases": Cell(f"{row.releases:,}", "colors.dim"),
            "peers": Cell(f"{row.peers:,}", "" if row.peers else "colors.dim"),
        }

    def sort_key(self, row: LabelRow, column: str) -> Any:
        return {"label": row.label.casefold(), "releases": row.releases, "peers": row.peers}[column]

    def words(self, row: LabelRow) -> str:
        return str(row.label)


class CratePresenter(Flat):
    """A label's releases, those most peers have first."""

    columns: tuple[Column, ...] = (
        Column("title", "RELEASE", 0, least=28),
        Column("year", "YEAR", 6),
        Column("peers", "PEERS", 7, "right"),
        Column("quality", "QUAL", 4, "right"),
        Column("codecs", "CODECS", 10, drop=2),
        Column("here", "HERE", 13),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: CrateRow) -> dict[str, Cell]:
        score = row.score
        style = "" if score is None else "quality.good" if score >= 0.8 else "quality.warn" if score >= 0.5 else "quality.bad"
        return {
            "title": Cell(crate_title(row, self.glyphs), "" if row.title else "colors.dim"),
            "year": Cell(str(row.year or ""), "colors.dim"),
            "peers": Cell(f"{row.peers}+{row.strangers}" if row.strangers else str(row.peers)),
            "quality": Cell("" if score is None else f"{score:.2f}", style),
            "codecs": Cell(" ".join(row.codecs), "colors.dim"),
            "here": here_cell(row.owned, row.doing),
        }

    def sort_key(self, row: CrateRow, column: str) -> Any:
        return {
            "title": crate_title(row, self.glyphs).casefold(),
            "year": row.year or 9999,
            "peers": (row.peers, row.strangers),
            "quality": -1.0 if row.score is None else row.score,
            "codecs": " ".join(row.codecs),
            "here": row.owned,
        }[column]

    def words(self, row: CrateRow) -> str:
        return f"{row.title} {row.artist} {row.year or ''} {' '.join(row.codecs)}"


def crate_title(row: CrateRow, glyphs: Glyphs) -> str:
    """What a release is called; its id until MusicBrainz has told."""
    return f"{row.artist} {glyphs.dash} {row.title}" if row.title and row.artist else str(row.title) or row.release


def here_cell(owned: float, doing: SafeText) -> Cell:
    """`here`, how much of it is, `missing`, or what its job does."""
    if doing and owned < 1:
        return Cell(doing, fmt.state_style(doing.split(" ")[0]))
    if owned >= 1:
        return Cell("here", "states.done")
    return Cell(f"{fmt.percent(owned)} here", "quality.warn") if owned > 0 else Cell("missing", "colors.dim")


def short_type(kind: str) -> str:
    """`Album + Live` is a live album: what tells it from others of its part."""
    primary, _, secondary = kind.partition(" + ")
    return secondary.replace(" + ", ", ") if primary == "Album" and secondary else kind.replace(" + ", ", ")


def head_words(row: HeadRow) -> str:
    if row.part == "meant":
        return row.title
    if row.part in ("links", "editions"):
        return f"{row.title}: {row.count}"
    return f"{row.title}: {row.count:,}, {'all here' if row.here == row.count else f'{row.here:,} here' if row.here else 'none here'}"


# The filter ----------------------------------------------------------------------------------------------------------


def words_of(text: str) -> list[str]:
    """A filter's words; a quote that is still open counts as closed."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.replace('"', " ").replace("'", " ").split()


def split_filter(text: str) -> tuple[str, str]:
    """(what the engine is asked for, words of the rows) of a discography's filter. A word that is still being typed is neither."""
    asked, seen = [], []
    for word in words_of(text):
        if word in _FLAGS or (word.startswith(_STARTS) and not word.endswith(":")):
            asked.append(word)
        elif not word.startswith(_STARTS):
            seen.append(word)
    return shlex.join(asked), " ".join(seen)


def toggled(text: str, flag: str) -> str:
    """The filter with that word, or without it."""
    words = words_of(text)
    return shlex.join([word for word in words if word != flag] if flag in words else [*words, flag])


def arguments(text: str, *, crate: bool) -> dict[str, Any]:
    """The filter as `discover.get` (`labels.crate`) takes it: what decides which releases there are. Words of rows are none of it."""
    out: dict[str, Any] = {}
    for word in words_of(text):
        name, _, value = word.partition(":")
        if word.startswith("score>=") and crate:
            try:
                out["score"] = float(word.removeprefix("score>="))
            except ValueError:
                continue
        elif name == "year" and value:
            out["years"] = value
        elif name == ("codec" if crate else "label") and value:
            out[name] = value
        elif word == "bootlegs" and not crate:
            out["bootlegs"] = True
    return out


# Lines above the tables ----------------------------------------------------------------------------------------------


def tree_lines(view: DiscographyView | None, subject: str, filter_: str, wrong: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Whose it is and how much of it is here; the filter in force."""
    kind, _, text = subject.partition("/")
    name = str(view.name) if view is not None and view.name else str(SafeText(text))
    if not subject:
        return [((" Discover", "colors.title"), (f" {glyphs.crumb} nobody yet", "colors.dim")), ()]
    what = {"artist": "", "label": "label ", "release": "album ", "producer": "produced by "}.get(kind, "")
    left: Line = ((" Discover", "colors.title"), (f" {glyphs.crumb} {what}", "colors.dim"), (name, ""))
    right: Line = ()
    if view is not None and view.state == "done" and kind != "release":
        core = [row for row in view.rows if row.section == "core"]
        here = sum(row.owned >= 1 for row in core)
        words = f"{here} of {plural(len(core), 'core album')} here "
        if "missing" in words_of(filter_):
            words = f"{plural(len(core), 'core album')} missing "
        right = ((words, "states.done" if core and here == len(core) else "colors.dim"),)
    elif view is not None and view.state == "asking":
        right = (("asking MusicBrainz ", "states.active"),)
    notes = [f"{plural(view.bootlegs, 'bootleg')} left out (b)"] if view is not None and view.bootlegs and kind != "release" else []
    notes += [f"first {view.read:,} of {view.of:,}"] if view is not None and view.capped else []
    return [spread(left, right, width), filter_line(filter_, wrong, "; ".join(notes), width, glyphs)]


def labels_lines(view: LabelsView | None, prefix: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Which labels are shown."""
    left: Line = ((" Labels", "colors.title"), (f" {glyphs.crumb} ", "colors.dim"), ("as the mesh has them", ""))
    count = len(view.rows) if view is not None else 0
    shown: Line = ((prefix, ""),) if prefix else (("type / and how its name begins", "colors.dim"),)
    return [spread(left, ((f"{plural(count, 'label')} ", "colors.dim"),) if count else (), width), ((" Name / ", "colors.dim"), *shown)]


def crate_lines(view: LabelView | None, label: str, filter_: str, wrong: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Which label, how many of its releases; the filter in force."""
    name = str(view.label) if view is not None and view.label else str(SafeText(label))
    left: Line = ((" Labels", "colors.title"), (f" {glyphs.crumb} ", "colors.dim"), (name, ""))
    words = (
        ""
        if view is None
        else "asking MusicBrainz what they are called "
        if view.state == "asking"
        else plural(view.total, "release") + " "
    )
    said = wrong or (str(view.error) if view is not None else "")
    return [spread(left, ((words, "colors.dim"),) if words else (), width), filter_line(filter_, said, "", width, glyphs)]


def filter_line(filter_: str, wrong: str, note: str, width: int, glyphs: Glyphs) -> Line:
    shown: Line = ((filter_, ""),) if filter_ else (("none", "colors.dim"),)
    if wrong:
        return crop(((" Filter / ", "colors.dim"), *shown, (f"   ! {wrong}", "colors.error")), width, glyphs.ellipsis)
    return spread(((" Filter / ", "colors.dim"), *shown), ((f"{note} ", "colors.dim"),) if note else (), width)


def tree_empty(view: DiscographyView | None, subject: str, filter_: str) -> tuple[str, ...]:
    """What stands where the tree would."""
    if not subject:
        return (
            "Whose records?",
            "Press n, or just enter, and name an artist; a MusicBrainz URL does, too.",
            "tab goes to labels, as the mesh has them. o on an album anywhere shows its editions and where it leads.",
        )
    if view is None or view.state == "asking":
        far = f": {view.read:,} of {view.of:,} releases" if view is not None and view.of else ""
        return (f"Asking MusicBrainz{far}.", "It answers 100 releases a second at most; what it said is kept for a week.")
    if view.state == "failed":
        return (str(view.error), str(view.hint), "n asks for another.")
    if filter_:
        return ("Nothing passes the filter.", "Esc clears it, / changes it.")
    if view.bootlegs:
        return ("There is nothing but bootlegs.", "b shows them.")
    return ("MusicBrainz lists no releases.", "n asks for another.")


def labels_empty(prefix: str) -> tuple[str, ...]:
    if prefix:
        return (f"No node you know of tells of a label whose name begins with {SafeText(prefix)!r}.", "Esc clears it.")
    return (
        "No node you know of tells of its labels yet.",
        "They come with adverts of mesh nodes: 6 shows who is connected. n shows a label of MusicBrainz by its URL.",
    )


def crate_empty(filter_: str) -> tuple[str, ...]:
    if filter_:
        return ("Nothing passes the filter.", "score>=0.8 codec:FLAC year:1990-1999; esc clears it.")
    return ("No node you know of tells of its releases.", "q goes back.")


# One row in detail ---------------------------------------------------------------------------------------------------


def row_note(row: object) -> str:
    """What there is to say of the row under the cursor where there is no pane."""
    if isinstance(row, GroupRow):
        which = f"of {row.editions} editions: {row.why}" if row.editions > 1 else str(row.why)
        return "   ".join(part for part in (", ".join(str(part) for part in (row.format, row.label) if part), which) if part)
    if isinstance(row, LinkRow):
        return "enter shows it"
    if isinstance(row, CrateRow):
        return f"{plural(row.peers, 'known peer')}, {plural(row.strangers, 'stranger')}   {row.release}"
    return ""


def row_lines(row: object, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The pane: one release with why this edition, or what enter does."""
    inner = max(10, width - 2)
    out: list[Line] = []

    def fact(name: str, text: str, style: str = "") -> None:
        if text:
            first, *rest = wrap(text, max(8, inner - 10)) or [""]
            out.append(((f" {name:<9} ", "colors.dim"), (first, style)))
            out.extend([((" " * 11 + more, style),) for more in rest[:3]])

    if isinstance(row, GroupRow):
        out += [((f" {part}", "colors.title"),) for part in wrap(str(row.title), inner)[:3]]
        out += [((f" {part}", ""),) for part in wrap(str(row.artist), inner)[:2]] + [()]
        cell = here_cell(row.owned, row.doing)
        fact("date", row.date)
        fact("type", str(row.type))
        fact("here", cell.text, cell.style)
        out.append(())
        fact("edition", ", ".join(part for part in (str(row.format), plural(row.tracks, "track") if row.tracks else "") if part))
        fact("label", str(row.label))
        fact("why", f"{row.why}, of {row.editions} editions" if row.editions > 1 else str(row.why))
        out += [(), ((f" {row.release}", "colors.dim"),)]
        out += [(), ((" A gets it, E chooses another edition,", "colors.dim"),), ((" enter shows where it leads.", "colors.dim"),)]
    elif isinstance(row, CrateRow):
        out += [((f" {part}", "colors.title"),) for part in wrap(crate_title(row, glyphs), inner)[:3]] + [()]
        cell = here_cell(row.owned, row.doing)
        fact("year", str(row.year or ""))
        fact("here", cell.text, cell.style)
        fact("peers", f"{row.peers} that have delivered to you, {row.strangers} others")
        fact("quality", "" if row.score is None else f"{row.score:.2f} on average")
        fact("codecs", ", ".join(row.codecs))
        out += [(), ((f" {row.release}", "colors.dim"),)]
        out += [(), ((" A gets it, D gets a crate,", "colors.dim"),), ((" enter shows where it leads.", "colors.dim"),)]
    elif isinstance(row, LinkRow):
        out += [((f" {part}", "colors.title"),) for part in wrap(str(row.link.name), inner)[:2]]
        producer = row.link.kind == "producer"
        fact("artist" if producer else row.link.kind, str(row.link.relation))
        fact("MBID", row.link.mbid)
        out += [(), ((" enter shows what he or she produced." if producer else " enter shows what came out.", "colors.dim"),)]
    elif isinstance(row, HeadRow):
        out += [((f" {head_words(row)}", "colors.title"),), ()]
        about = _ABOUT.get(row.part, "")
        out += [((f" {part}", "colors.dim"),) for part in wrap(about, inner)]
    elif isinstance(row, LabelRow):
        out += [((f" {part}", "colors.title"),) for part in wrap(str(row.label), inner)[:2]] + [()]
        fact("releases", f"{row.releases:,}")
        fact("peers", f"{row.peers:,} have the one seen most")
        out += [(), ((" enter shows its releases.", "colors.dim"),)]
    else:
        out += [(), ((" Put the cursor on a row to see more.", "colors.dim"),)]
    return [crop(line, width, glyphs.ellipsis) for line in out[:height]]


_ABOUT = {
    "core": "Official albums. Of an artist, D gets those that are missing, a job each.",
    "extended": "EPs, live recordings, compilations, remixes, soundtracks. Of an artist, D gets them with the core.",
    "related": "What somebody else is credited with first.",
    "other": "Singles, spoken word, demos, and what has no type.",
    "editions": "All editions of this album. E lets the one under the cursor stand for it; A gets it.",
    "links": "Whom and where this leads to. enter goes there, q comes back.",
    "meant": "Several have this name, or none just so.",
}
