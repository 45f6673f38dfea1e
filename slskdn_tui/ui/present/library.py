"""The library: how the scan stands, kinds of issues, issues as rows and in detail. Core."""

from __future__ import annotations

from typing import Any

from slskdn_tui.model.library_view import KindRow, LibraryRow, LibraryView
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import Cell, Column, Flat, Glyphs, Line, crop, rule, spread, wrap

SEVERITY = {"high": "quality.bad", "medium": "quality.warn", "low": "colors.dim"}
FIXES = {
    "get": "by job",
    "replace": "by job",
    "retag": "retag",
    "trash": "to trash",
    "restore": "can come back",
    "confirm": "confirm",
    "name": "say which",
    "none": "by hand",
}
_BAR = 22


def score_style(score: float | None) -> str:
    return "" if score is None else "quality.bad" if score < 0.4 else "quality.warn" if score < 0.7 else "quality.good"


def short(path: str) -> str:
    """The last two parts of a path: album and file."""
    return "/".join(path.rstrip("/").rsplit("/", 2)[-2:])


class KindsPresenter(Flat):
    """What is wrong, by kind: the worst first."""

    columns: tuple[Column, ...] = (
        Column("title", "ISSUE", 28),
        Column("count", "COUNT", 7, "right"),
        Column("worst", "WORST ITEM", 0, least=20),
        Column("score", "SCORE", 5, "right", drop=1),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: KindRow) -> dict[str, Cell]:
        return {
            "title": Cell(row.title, SEVERITY.get(row.severity, "colors.dim")),
            "count": Cell(f"{row.count:,}"),
            "worst": Cell(short(row.worst), "colors.dim"),
            "score": Cell("" if row.score is None else f"{row.score:.2f}", score_style(row.score)),
        }

    def sort_key(self, row: KindRow, column: str) -> Any:
        return {"title": row.title, "count": row.count, "worst": row.worst, "score": 2.0 if row.score is None else row.score}[column]

    def words(self, row: KindRow) -> str:
        return f"{row.title} {row.worst}"


class IssuesPresenter(Flat):
    """The issues of one kind, the worst first."""

    columns: tuple[Column, ...] = (
        Column("file", "FILE", 0, least=26),
        Column("codec", "CODEC", 11, drop=3),
        Column("range", "DR", 3, "right", drop=4),
        Column("cut", "CUT", 5, "right", drop=5),
        Column("score", "SCORE", 5, "right", drop=2),
        Column("fix", "FIX", 13),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: LibraryRow) -> dict[str, Cell]:
        dash = self.glyphs.dash
        return {
            "file": Cell(short(row.path), SEVERITY.get(row.severity, "")),
            "codec": Cell(row.codec or dash, "" if row.codec else "colors.dim"),
            "range": Cell(dash if row.dynamic_range is None else f"{row.dynamic_range:.0f}"),
            "cut": Cell(dash if row.cutoff_hz is None else f"{row.cutoff_hz / 1000:.1f}k"),
            "score": Cell(dash if row.score is None else f"{row.score:.2f}", score_style(row.score)),
            "fix": Cell(
                row.doing or FIXES.get(row.fix, row.fix), "states.active" if row.doing else "colors.dim" if row.fix == "none" else ""
            ),
        }

    def sort_key(self, row: LibraryRow, column: str) -> Any:
        return {
            "file": short(row.path).casefold(),
            "codec": row.codec,
            "range": 99.0 if row.dynamic_range is None else row.dynamic_range,
            "cut": 1 << 20 if row.cutoff_hz is None else row.cutoff_hz,
            "score": 2.0 if row.score is None else row.score,
            "fix": row.doing or row.fix,
        }[column]

    def words(self, row: LibraryRow) -> str:
        return f"{row.path} {row.words} {row.codec} {row.doing} {row.fix}"


def top_lines(view: LibraryView | None, width: int, glyphs: Glyphs) -> list[Line]:
    """How many files there are and how the scan stands, over a rule."""
    head: Line = ((" Library", "colors.title"), (f" {glyphs.crumb} Health", "colors.dim"))
    if view is None:
        return [crop((*head, ("   waiting for the engine", "colors.dim")), width, glyphs.ellipsis), rule(width, glyphs)]
    scan = view.scan
    if scan.total and scan.state not in ("idle", "paused"):
        share = min(1.0, scan.done / scan.total)
        left = f"  ETA {fmt.duration(scan.eta)}" if scan.eta is not None else ""
        word = {"reading": "scan", "measuring": "decode", "testing": "test"}.get(scan.state, scan.state)
        right: Line = (
            (f"{word} {fmt.percent(share)} ", ""),
            *fmt.bar(share, _BAR if width >= 80 else 8, glyphs),
            (f"{left} ", "colors.dim"),
        )
        words = f"   {view.files:,} files"
    else:
        right = ((f"next scan {fmt.day(scan.next_at)} ", "colors.dim"),) if scan.next_at and width >= 100 else ()
        said = scan.words.partition(": `slskdn ")[0]  # here a key does what the command would
        words = f"   {said or fmt.plural(view.files, 'file')}"
        if view.checking:
            words += "; checking"
    return [spread((*head, (words, "colors.warning" if scan.state == "paused" or view.missing else "")), right, width), rule(width, glyphs)]


def heading(kind: KindRow | None, view: LibraryView | None, query: str, width: int, glyphs: Glyphs) -> list[Line]:
    """The rule over the issues, with what they are and how many."""
    if kind is None or view is None:
        return [rule(width, glyphs)]
    text = f" {kind.title} ({view.total if query else kind.count:,}) " + (f"filter: {query}   esc clears " if query else "")
    rest = width - len(text) - 1
    return [crop(((glyphs.rule, "colors.dim"), (text, "colors.title"), (glyphs.rule * max(0, rest), "colors.dim")), width, glyphs.ellipsis)]


def why_lines(row: LibraryRow | None, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """One issue in detail: what was seen, what was expected, and what would mend it."""
    if row is None:
        return [(), ((" Put the cursor on a row to see why.", "colors.dim"),)]
    inner = max(10, width - 2)
    out: list[Line] = [((f" {part}", "colors.title"),) for part in wrap(short(row.path), inner)[:3]]
    out += [((f" {part}", SEVERITY.get(row.severity, "")),) for part in wrap(row.words, inner)[:3]]
    out.append(())
    for each in row.evidence:
        first, *rest = wrap(each, inner - 2) or [""]
        out.append(((f" {glyphs.off} ", "colors.dim"), (first, "")))
        out += [((f"   {part}", ""),) for part in rest[:3]]
    if row.canonical:
        out += [((f" {glyphs.on} {part}", "quality.good"),) for part in wrap(row.canonical, inner - 2)[:2]]
    out.append(())
    mend = row.doing or row.fix_words  # before the facts, which are many: on 24 rows they would push it off
    for at, part in enumerate(wrap(mend, inner - 6)[:4]):
        out.append(((" fix   " if not at else "       ", "colors.dim"), (part, "states.active" if row.doing else "")))
    if mend:
        out.append(())
    for name, value in row.facts:
        out.append(crop(((f" {name:<10}", "colors.dim"), (str(value), "")), width, glyphs.ellipsis))
    if row.facts:
        out.append(())
    out += [((f" {part}", "colors.dim"),) for part in wrap(row.path, inner)[:4]]
    return out[:height]


def empty_words(view: LibraryView | None) -> tuple[str, str]:
    """What a list without an issue says."""
    if view is None or (not view.checked_at and not view.files):
        return (
            "Nothing was scanned yet.",
            "R scans the folders of `library.folders` and your downloads: fakes, cut files, doubles, missing tracks.",
        )
    if not view.checked_at:
        return "The library was not checked yet.", "c checks it; so does the end of a scan."
    if not view.files:
        return (
            "No music was found.",
            "Name your folders under `library.folders` in the settings (`slskdn config path`), start slskdn again, press R.",
        )
    known = str(view.scan.words).partition(": `slskdn ")[0] if view.scan.state == "idle" else ""  # it says how many were never decoded, too
    return "Nothing wrong was found.", f"{known or fmt.plural(view.files, 'file')}, checked {fmt.day(view.checked_at)}; R scans again."
