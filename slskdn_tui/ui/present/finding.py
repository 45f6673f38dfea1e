"""Search, candidates, wishes and a user's files: rows, the lines above them, and words for a job from a folder's name. Core."""

from __future__ import annotations

import re
from typing import Any

from slskdn_tui.model.finding import BrowseView, SearchRow, SearchView, WishesView, WishRow, read_ref
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import CandidateRow, StatusView
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import Cell, Column, Flat, Glyphs, Line, crop, sections_rule, spread
from slskdn_tui.ui.present.format import plural
from slskdn_tui.ui.present.jobs import CandidatesPresenter
from slskdn_tui.ui.present.status import away

SECTIONS = (("soulseek", "Soulseek"), ("musicbrainz", "MusicBrainz"), ("wishlist", "Wishlist"))


class SearchPresenter:
    """Folders with their files. A file repeats nothing that its folder says already."""

    columns: tuple[Column, ...] = (
        Column("title", "ALBUM / FILE", 0, least=26),
        Column("files", "N", 3, "right", drop=3),
        Column("user", "USER", 10),
        Column("format", "FORMAT", 12),
        Column("quality", "QUAL", 5, "right", drop=2),
        Column("slot", "SLOT", 4, drop=1),
        Column("speed", "SPEED", 8, "right", drop=4),
        Column("size", "SIZE", 7, "right", drop=5),
        Column("length", "LENGTH", 7, "right", drop=6),
        Column("own", "OWN", 3, "right", drop=3),
    )
    shown: frozenset[str] = frozenset()

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: SearchRow) -> dict[str, Cell]:
        folder = row.level == 0
        length = fmt.duration(row.seconds) if row.seconds is not None else ""
        format_ = str(row.format) if folder or "size" in self.shown else f"{fmt.size(row.size)} {length}".rstrip()
        if row.warning:
            format_ = f"{format_[:10]} !"
        return {
            "title": Cell(row.title, "colors.title" if folder else "", span=1 if folder or "files" not in self.shown else 2),
            "files": Cell(str(min(row.files, 999)) if folder else "", "colors.dim"),
            "user": Cell(row.user, "sources.slsk" if folder else "colors.dim"),
            "format": Cell(format_, "quality.bad" if row.warning else ""),
            "quality": quality_cell(row),
            "slot": slot_cell(row) if folder else Cell(""),
            "speed": Cell(_short_speed(row.speed), "" if row.speed else "colors.dim") if folder else Cell(""),
            "size": Cell(fmt.size(row.size) if row.size else "", "colors.dim"),
            "length": Cell(length, "colors.dim"),
            "own": own_cell(row.owned),
        }

    def sort_key(self, row: SearchRow, column: str) -> Any:
        return {
            "title": row.title.casefold(),
            "files": row.files,
            "user": row.user.casefold(),
            "format": row.format.casefold(),
            "quality": -1.0 if row.quality is None else row.quality,
            "slot": (row.free, -row.queue),
            "speed": row.speed,
            "size": row.size,
            "length": row.seconds or 0,
            "own": row.owned,
        }[column]

    def words(self, row: SearchRow) -> str:
        return f"{row.title} {row.user} {row.format} {row.warning}"

    def level(self, row: SearchRow) -> int:
        return row.level

    def opens(self, row: SearchRow) -> bool:
        return False


class BrowsePresenter(SearchPresenter):
    """A user's folders and, below one that was opened, its files."""

    columns: tuple[Column, ...] = (
        Column("title", "FOLDER / FILE", 0, least=28),
        Column("files", "FILES", 5, "right", drop=4),
        Column("format", "FORMAT", 12, drop=2),
        Column("quality", "QUAL", 5, "right", drop=5),
        Column("length", "LENGTH", 7, "right", drop=3),
        Column("size", "SIZE", 7, "right"),
    )

    def cells(self, row: SearchRow) -> dict[str, Cell]:
        cells = super().cells(row) | {
            "format": Cell(f"{row.format} !" if row.warning else str(row.format), "quality.bad" if row.warning else "")
        }
        return (
            cells
            if row.level
            else cells | {"title": Cell(folder_title(row), "colors.title"), "files": Cell(f"{row.files:,}", "colors.dim")}
        )


def folder_title(row: SearchRow) -> str:
    """The last two names of a folder's path (three when the last is a disc): what tells it from others. The note has all of them."""
    found = read_ref(row.ref)
    parts = [part for part in re.split(r"[\\/]+", found[1]) if part] if found is not None else []
    count = 3 if parts and _DISC.match(parts[-1]) else 2
    return str(SafeText("/".join(parts[-count:]))) if parts else str(row.title)


def quality_cell(row: SearchRow) -> Cell:
    """Expected quality 0-1, with a star where statistics of many peers agree."""
    if row.quality is None:
        return Cell("")
    style = "quality.good" if row.quality >= 0.8 else "quality.warn" if row.quality >= 0.5 else "quality.bad"
    return Cell(f"{'*' if row.badge else ''}{row.quality:.2f}", style)


def slot_cell(row: SearchRow) -> Cell:
    """`free`, or how many wait."""
    if row.free:
        return Cell("free", "states.done")
    if not row.queue:
        return Cell("busy", "colors.dim")
    return Cell(f"q{row.queue}" if row.queue < 1000 else f"q{min(99, row.queue // 1000)}k", "states.queued")


def own_cell(share: float) -> Cell:
    """How much is in the library: `all`, `38%`, nothing."""
    return Cell("all" if share >= 1 else fmt.percent(share) if share > 0 else "", "states.done" if share >= 1 else "colors.dim")


def _short_speed(rate: float) -> str:
    return f"{fmt.size(rate)}/s".replace(" ", "") if rate >= 1 else ""


class OwnedCandidatesPresenter(CandidatesPresenter):
    """MusicBrainz releases with what the library has of them."""

    columns: tuple[Column, ...] = (*CandidatesPresenter.columns, Column("own", "OWN", 3, "right"))

    def cells(self, row: CandidateRow) -> dict[str, Cell]:
        return super().cells(row) | {"own": own_cell(row.owned)}

    def sort_key(self, row: CandidateRow, column: str) -> Any:
        return row.owned if column == "own" else super().sort_key(row, column)


class WishesPresenter(Flat):
    """The wishlist, what is new first to be seen."""

    columns: tuple[Column, ...] = (
        Column("query", "WISH", 0, least=24),
        Column("new", "NEW", 4, "right"),
        Column("found", "FOUND", 5, "right"),
        Column("auto", "AUTO", 4, drop=2),
        Column("filter", "FILTER", 14, drop=3),
        Column("next", "NEXT", 7, "right", drop=1),
        Column("last", "LAST SEARCHED", 16, drop=4),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: WishRow) -> dict[str, Cell]:
        return {
            "query": Cell(row.query, "colors.title" if row.new else ""),
            "new": Cell(str(row.new) if row.new else "", "states.done"),
            "found": Cell(str(row.found), "" if row.found else "colors.dim"),
            "auto": Cell("job" if row.job_id else "yes" if row.auto else "", "states.active" if row.job_id else ""),
            "filter": Cell(row.filter, "colors.dim"),
            "next": Cell(fmt.duration(row.next_s, self.glyphs.dash), "colors.dim"),
            "last": Cell(fmt.day(row.last) or "not yet", "colors.dim"),
        }

    def sort_key(self, row: WishRow, column: str) -> Any:
        return {
            "query": row.query.casefold(),
            "new": row.new,
            "found": row.found,
            "auto": (bool(row.job_id), row.auto),
            "filter": row.filter.casefold(),
            "next": float("inf") if row.next_s is None else row.next_s,
            "last": row.last,
        }[column]

    def words(self, row: WishRow) -> str:
        return f"{row.query} {row.filter} {row.note}"


# Lines above the table -----------------------------------------------------------------------------------------------


def section_rule(current: str, wishes_new: int, width: int, glyphs: Glyphs) -> Line:
    """The rule over the table carries the three sections."""
    new = f"{wishes_new} new" if wishes_new else ""
    return sections_rule([(name, title, new if name == "wishlist" else "") for name, title in SECTIONS], current, width, glyphs)


def search_lines(view: SearchView | None, wish: bool, filter_: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Which search, what was answered; the filter in force (or what is wrong with it), what it leaves."""
    name = "Wish" if wish else "Search"
    if view is None or view.state == "none":
        return [
            ((f" {name}", "colors.title"), (f" {glyphs.crumb} no search yet", "colors.dim")),
            _filter_line(filter_, "", (), width, glyphs),
        ]
    place = next((index for index, tab in enumerate(view.tabs, 1) if tab.search == view.search), 0)
    which = f" {place}/{len(view.tabs)}" if len(view.tabs) > 1 and place and not wish else ""
    counts = f"{plural(view.files, 'file')}, {plural(view.users, 'user')}{', no more kept' if view.capped else ''} "
    first = spread(
        ((f" {name}{which}", "colors.title"), (f" {glyphs.crumb} ", "colors.dim"), (str(view.query), "")), ((counts, "colors.dim"),), width
    )
    left = f"{plural(view.shown_files, 'file')}, {plural(view.shown_users, 'user')} " if filter_ and not view.error else ""
    if view.total > len(view.rows):
        left = f"first {len(view.rows):,} of {view.total:,} lines "
    wrong = str(view.error) if view.state != "failed" else ""
    return [first, _filter_line(filter_, wrong, ((left, "colors.dim"),) if left else (), width, glyphs)]


def _filter_line(filter_: str, wrong: str, right: Line, width: int, glyphs: Glyphs) -> Line:
    if wrong:
        return crop(((" Filter / ", "colors.dim"), (filter_, ""), (f"   ! {wrong}", "colors.error")), width, glyphs.ellipsis)
    shown: Line = ((filter_, ""),) if filter_ else (("none", "colors.dim"),)
    return spread(((" Filter / ", "colors.dim"), *shown), right, width)


def search_empty(view: SearchView | None, filter_: str, status: StatusView | None = None) -> tuple[str, ...]:
    """What stands where the rows would; it says what to press, or what is waited for."""
    if view is not None and view.state == "none" and view.error and not filter_:
        return (str(view.error), "The wishlist and MusicBrainz are there all the same: tab.")
    if view is None or view.state == "none":
        return ("No search yet.", "Press n to search Soulseek; tab goes to MusicBrainz and to the wishlist.")
    if view.state == "waiting" and away(status):
        return (
            "Not logged in to Soulseek: this search goes out by itself when that is mended.",
            str(status.soulseek_words) if status else "",
        )
    if view.state == "waiting":
        return (
            f"The gate holds this search for {max(1, round(view.wait_s))} s.",
            "Soulseek bans who searches too often, so searches go 3 s apart, and at most 30 in 220 s.",
        )
    if view.state == "failed":
        return (str(view.error) or "The search failed.", "Press n to search again.")
    if view.files and filter_:
        return ("Nothing passes the filter.", "Press esc to clear it, / to change it.")
    if view.state == "searching":
        return ("Asked; nobody has answered yet.",)
    return ("Nobody has it now.", "Press w to put it on the wishlist: searched again until somebody has it.", "n searches for other words.")


def search_fact(view: SearchView | None, status: StatusView | None = None) -> str:
    """For the tabs' right edge."""
    if view is None:
        return ""
    if view.state == "waiting" and away(status):
        return "waits for login"
    if view.state == "waiting":
        return f"gate: {max(1, round(view.wait_s))} s"
    return f"{max(1, round(view.left_s))} s left" if view.state == "searching" else ""


def row_note(row: SearchRow | None) -> tuple[str, str]:
    """(text, style) on the row under the cursor: what is odd about it, else what has no column, and where it lies."""
    if row is None:
        return "", ""
    if row.warning:
        return f"! = {row.warning}", "colors.warning"
    facts = [f"{plural(row.files, 'file')}, {fmt.size(row.size)}"] if row.level == 0 and row.files else []
    facts += [str(row.badge)] if row.badge else []
    found = read_ref(row.ref)
    where = found[1].replace("\\", "/") if found is not None else row.title
    return "   ".join([*facts, str(SafeText(where))]), "colors.dim"


def candidate_lines(query: str, count: int, width: int, glyphs: Glyphs) -> list[Line]:
    """Above MusicBrainz releases."""
    crumb: Line = (
        (" MusicBrainz", "colors.title"),
        (f" {glyphs.crumb} ", "colors.dim"),
        (query or "nothing asked yet", "" if query else "colors.dim"),
    )
    right: Line = ((f"{plural(count, 'release')} ", "colors.dim"),) if count else ()
    return [spread(crumb, right, width), ((" enter looks at a release's tracks and makes it a job", "colors.dim"),)]


def wishes_lines(view: WishesView | None, width: int, glyphs: Glyphs) -> list[Line]:
    """Above the wishlist: how many, and how often one is searched."""
    count = len(view.rows) if view is not None else 0
    new = sum(row.new > 0 for row in view.rows) if view is not None else 0
    crumb: Line = (
        (" Wishlist", "colors.title"),
        (f" {glyphs.crumb} ", "colors.dim"),
        (plural(count, "wish", "wishes"), ""),
    )
    right: Line = ((f"{new} with new results ", "states.done"),) if new else ()
    if view is None or view.enabled is False:
        how = "wishes are not searched (wishlist.enabled: false)" if view is not None else ""
    elif view.interval_s is None:
        how = "searched as soon as Soulseek is online"
    else:
        how = f"one wish is searched every {view.interval_s / 60:.0f} minutes, as the server says"
    return [spread(crumb, right, width), crop(((f" {how}", "colors.dim"),), width)]


def wish_note(row: WishRow | None) -> str:
    if row is None:
        return ""
    became = f"it became job {row.job_id[:8]} (5)" if row.job_id else ""
    return "   ".join(part for part in (str(row.note), became, f"since {fmt.day(row.created_at)}" if row.created_at else "") if part)


def browse_line(view: BrowseView | None, user: str, filter_: str, wrong: str, width: int, glyphs: Glyphs) -> Line:
    """Whose files, how many; the filter in force and what is wrong with it."""
    crumb: Line = ((" Browse", "colors.title"), (f" {glyphs.crumb} ", "colors.dim"), (str(SafeText(user)), "sources.slsk"))
    if filter_:
        crumb = (*crumb, (f"  / {filter_}", ""))
    if wrong:
        return crop((*crumb, (f"   ! {wrong}", "colors.error")), width, glyphs.ellipsis)
    if view is None or view.state != "done":
        return crop(crumb, width)
    count = f"{plural(view.files, 'file')}, {plural(view.total, 'folder')}, {fmt.size(view.bytes)} "
    return spread(crumb, ((count, "colors.dim"),), width)


# Words for a job -----------------------------------------------------------------------------------------------------

_BRACKETS = re.compile(r"\([^)]*\)|\[[^\]]*\]|\{[^}]*\}")
_YEAR = re.compile(r"^\s*(19|20)\d\d\s*[-–._ ]+|[-–._ ]+(19|20)\d\d\s*$")
_DISC = re.compile(r"^(cd|disc|disk|dvd|side|lp)\s*[-_.]?\s*(\d{1,2}|[a-d])$", re.IGNORECASE)
_NOISE = frozenset(
    {
        "music", "musik", "audio", "mp3", "mp3s", "flac", "flacs", "lossless", "lossy", "albums", "album", "shared", "share", "shares", "soulseek",
        "downloads", "download", "complete", "completed", "media", "data", "home", "users", "library", "collection", "my music", "various", "artists",
        "new", "incoming", "sorted", "uploads", "torrents", "web", "vinyl", "cd", "files", "slsk", "24bit", "16bit", "hi-res",
    }
)  # fmt: skip
_TAIL = re.compile(r"\b(flac|mp3|aac|ogg|opus|alac|320|v0|cbr|vbr|24bit|16bit|web|vinyl|remaster(ed)?|khz|kbps)\b.*$", re.IGNORECASE)


def folder_words(ref: str) -> str:
    """Artist and album as a folder's last names say them: `@@abc\\Music\\Miles Davis\\1959 - Kind of Blue [FLAC]\\CD1` -> `Miles Davis Kind of Blue`."""
    found = read_ref(ref)
    if found is None:
        return ""
    parts = [part.strip() for part in re.split(r"[\\/]+", found[1]) if part.strip()]
    if not found[2]:
        parts = parts[:-1]
    while parts and _DISC.match(parts[-1]):
        parts = parts[:-1]
    kept: list[str] = []
    for part in reversed(parts):
        bare = _YEAR.sub(" ", _BRACKETS.sub(" ", part).replace("_", " "))
        words = _clean(bare)
        if part.startswith("@@") or words.casefold() in _NOISE or len(words) < 2:
            break
        kept.insert(0, words)
        if len(kept) == 2 or " - " in bare.strip(" -"):
            break
    seen: list[str] = []
    for word in " ".join(kept).split():
        if word.casefold() not in [one.casefold() for one in seen] or len(kept) < 2:
            seen.append(word)
    return str(SafeText(" ".join(seen)))


def _clean(bare: str) -> str:
    """Without what says how it was encoded, and without lone signs."""
    out = _YEAR.sub(" ", _TAIL.sub(" ", bare)).strip() or bare
    return " ".join(word for word in out.split() if word.strip("-–.+~"))
