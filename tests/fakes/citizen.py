"""Fixed snapshots of Soulseek for tests and the docs' pictures: one search, its wait, wishes, a user, messages, uploads. Core."""

from __future__ import annotations

from dataclasses import replace

from slskdn_tui.model.finding import (
    BrowseView,
    FilterRow,
    FiltersView,
    GroupRow,
    LimitsView,
    SearchRow,
    SearchTab,
    SearchView,
    UploadLine,
    UploadsView,
    WishesView,
    WishRow,
    make_ref,
)
from slskdn_tui.model.people import MessageRow, MessagesView, PeopleView, PersonRow, UserView
from slskdn_tui.model.text import SafeText as T

QUERY = "kind of blue flac"
TRACKS = (
    ("So What", 231, 562),
    ("Freddie Freeloader", 240, 586),
    ("Blue in Green", 138, 337),
    ("All Blues", 284, 693),
    ("Flamenco Sketches", 232, 566),
)


def at(clock: str, day: str = "2026-11-22") -> str:
    return f"{day}T{clock}+00:00"


def _folder(
    user: str,
    path: str,
    title: str,
    form: str,
    quality: float,
    speed: float,
    *,
    free: bool = True,
    queue: int = 0,
    owned: float = 0.0,
    warning: str = "",
) -> tuple[SearchRow, ...]:
    ref = make_ref(user, path, folder=True)
    size = sum(megabytes for _, megabytes, _ in TRACKS) * 1_000_000
    head = SearchRow(
        ref, 1, 0, T(title), T(user), ref, T(form), quality, free, queue, int(speed), size, 2744, len(TRACKS), owned,
        T("canonical 0.94, 80 peers agree") if quality > 0.9 else T(""), T(warning), user,
    )  # fmt: skip
    files = tuple(
        SearchRow(
            make_ref(user, name := f"{path}\\{number:02} {track}.flac"), 1, 1, T(name.rsplit("\\", 1)[-1]), T(user), make_ref(user, name), T("FLAC 16/44"),
            quality, free, queue, int(speed), megabytes * 1_000_000, seconds, 0, owned, username=user,
        )
        for number, (track, megabytes, seconds) in enumerate(TRACKS, 1)
    )  # fmt: skip
    return (head, *files)


FOLDERS = (
    _folder("mono_lith", "@@music\\Miles Davis\\1959 - Kind of Blue [24-96]", "1959 - Kind of Blue [24-96]", "FLAC 24/96", 0.94, 4.1e6, owned=1.0),
    _folder("dj_kode", "share\\Miles Davis\\Kind of Blue [remaster]", "Kind of Blue [remaster]", "FLAC 16/44", 0.88, 900e3, free=False, queue=12, owned=0.4),
    _folder(
        "xX_jazz_Xx", "d\\miles davis - kob", "miles davis - kob", "FLAC 16/44", 0.31, 2.2e6,
        warning="transcode suspected: spectrum stops at 16.0 kHz, tagged lossless",
    ),
    _folder("bluenote59", "Jazz\\Miles Davis\\Kind of Blue (mono)", "Kind of Blue (mono)", "FLAC 16/44", 0.86, 300e3),
)  # fmt: skip
TABS = (
    SearchTab("3", T(QUERY), "searching", 4),
    SearchTab("2", T("loveless"), "done", 31),
    SearchTab("1", T("drukqs flac"), "done", 12),
)


def search(subject: str, filter_: str = "") -> SearchView | None:
    """Searches 1-3; `wish/ID`; a filter with `bogus` in it cannot be read, `lossless` leaves two folders."""
    if subject not in ("", "1", "2", "3", "wish/1", "wish/2"):
        return None
    rows = tuple(row for folder in FOLDERS for row in folder)
    view = SearchView(1, "3", T(QUERY), "searching", 0.0, 14.0, 61, 412, 61, 412, rows, len(rows), TABS)
    if subject in ("1", "2"):
        tab = next(tab for tab in TABS if tab.search == subject)
        kept = tuple(row for folder in FOLDERS[:2] for row in folder)
        view = replace(view, version=2, search=subject, query=tab.query, state="done", left_s=0.0, rows=kept, total=len(kept))
    if subject.startswith("wish/"):
        view = replace(view, version=3, search=subject, query=wishes().rows[0].query, state="done", left_s=0.0, tabs=())
    if "bogus" in filter_:
        return replace(
            view, version=4, rows=(), total=0, error=T("`bogus` is no field: there are bitrate, free, q, queue, size, speed, user")
        )
    if "lossless" in filter_ or filter_.startswith("@"):
        kept = tuple(row for folder in FOLDERS if (folder[0].quality or 0) > 0.8 and folder[0].free for row in folder)
        view = replace(view, version=5, rows=kept, total=len(kept), shown_files=38, shown_users=12)
    return view


def waiting() -> SearchView:
    """A search the gate still holds."""
    tabs = (SearchTab("4", T("kid a"), "waiting", 0), *TABS)
    return SearchView(1, "4", T("kid a"), "waiting", wait_s=12.0, tabs=tabs)


def nothing() -> SearchView:
    """A search nobody answered."""
    return SearchView(1, "5", T("the unheard tape"), "done", tabs=(SearchTab("5", T("the unheard tape"), "done", 0),))


def filters() -> FiltersView:
    return FiltersView(
        1, (FilterRow("loud", 1, T("loud"), T("lossless free>0 q>0.8")), FilterRow("quick", 1, T("quick"), T("speed>1MB queue<3")))
    )


def wishes() -> WishesView:
    rows = (
        WishRow(
            "1",
            1,
            "1",
            T("talk talk laughing stock flac"),
            T("lossless"),
            False,
            3,
            7,
            at("20:10:00", "2026-11-02"),
            at("20:44:00"),
            1710.0,
        ),
        WishRow(
            "2",
            1,
            "2",
            T("basic channel bcd"),
            T(""),
            True,
            0,
            0,
            at("09:00:00", "2026-10-11"),
            at("20:56:00"),
            2430.0,
            "",
            T("asked 61 times"),
        ),
        WishRow(
            "3",
            1,
            "3",
            T("https://musicbrainz.org/release/9ba6f1e1-3a2e-4f6d-9f6b-2f7b7d1c0a11"),
            T(""),
            True,
            0,
            4,
            at("12:00:00"),
            "",
            690.0,
            "0f4de638a1",
        ),
    )
    return WishesView(1, rows, 720.0)


def browse(subject: str, filter_: str = "") -> BrowseView | None:
    user, newline, folder = subject.partition("\n")
    if user == "nobody":
        return BrowseView(1, T(user), "failed", error=T("nobody is offline; their list can be asked for when they are back"))
    if user == "slow":
        return BrowseView(1, T(user), "asking")
    if newline:
        rows = next((rows for rows in FOLDERS if rows[0].username == user), FOLDERS[0])[1:]
        return BrowseView(2, T(user), "done", T(folder.replace("\\", "/")), tuple(replace(row, owned=0.0) for row in rows), len(rows))
    if user == "nested":  # the folder above an album's discs has no file of its own
        shared = ("@@music", "@@music\\Plone"), ("@@music\\Plone\\CD1", "@@music\\Plone\\CD2")
        refs = [(make_ref(user, path, folder=True), path, files) for files, paths in zip((0, 9), shared, strict=True) for path in paths]
        rows = tuple(SearchRow(ref, 1, 0, T(path.replace("\\", "/")), T(user), ref, T("FLAC"), files=files) for ref, path, files in refs)
        return BrowseView(1, T(user), "done", rows=rows, total=4, files=18)
    names = (
        "Miles Davis\\1959 - Kind of Blue [24-96]",
        "Miles Davis\\1970 - Bitches Brew\\CD1",
        "Miles Davis\\1970 - Bitches Brew\\CD2",
        "Talk Talk\\Laughing Stock",
    )
    if "bogus" in filter_:
        return BrowseView(3, T(user), "failed", error=T("`bogus` is no field"))
    rows = tuple(
        SearchRow(
            (ref := make_ref(user, f"@@music\\{name}", folder=True)), 1, 0, T(f"@@music\\{name}".replace("\\", "/")), T(user), ref, T("FLAC 16/44"), files=5 + index, username=user,
            size=310_000_000 + index * 41_000_000, owned=0.0 if index else 1.0,
        )
        for index, name in enumerate(names)
        if all(word in name.casefold() for word in filter_.split())
    )  # fmt: skip
    return BrowseView(1, T(user), "done", rows=rows, total=2 if filter_ else 678, files=12 if filter_ else 12_345, bytes=230_000_000_000)


def user(subject: str) -> UserView | None:
    if subject == "nobody":
        return UserView(1, T(subject), "failed", error=T("the server knows no such user"), username=subject)
    return UserView(
        1, T(subject), "done", "online", "friend" if subject == "bluenote59" else "", T("met over mono pressings") if subject == "bluenote59" else T(""),
        4_100_000, 1204, 12_345, 678, 3, True, 2,
        T("Jazz, mostly from the original tapes. Please queue whole albums, not single tracks. Messages are read in the evening."),
        False, 12, 1, 1_240_000_000, 900_000.0, 0.92, username=subject,
    )  # fmt: skip


def people(subject: str) -> PeopleView:
    rows = (
        PersonRow("bluenote59", 1, T("bluenote59"), "friend", T("met over mono pressings"), at("20:00:00"), "online", "bluenote59"),
        PersonRow("leech3000", 1, T("leech3000"), "banned", T("asked for 9,000 files"), at("20:00:00"), "", "leech3000"),
    )
    wanted = {"friends": "friend", "bans": "banned"}.get(subject)
    return PeopleView(1, tuple(row for row in rows if wanted is None or row.relation == wanted))


def messages(subject: str) -> MessagesView:
    def row(key: str, who: str, way: str, clock: str, text: str, read: bool = True, unread: int = 0) -> MessageRow:
        return MessageRow(key, 1, T(who), way, at(clock), T(text), read, unread, who)  # type: ignore[arg-type]

    if not subject:
        return MessagesView(
            1,
            (
                row(
                    "b",
                    "bluenote59",
                    "in",
                    "20:58:12",
                    "The mono one is up now, help yourself. I moved you to the front of the queue.",
                    False,
                    2,
                ),
                row("d", "dj_kode", "out", "19:02:00", "thanks, got all of it"),
            ),
            2,
        )
    if subject != "bluenote59":
        return MessagesView(1)
    return MessagesView(
        2,
        (
            row("1", subject, "out", "20:31:00", "Hello! Would you share the mono pressing of Kind of Blue?"),
            row(
                "2",
                subject,
                "in",
                "20:57:40",
                "Sure. I have to find the folder first, it is on the other disk, and that one sleeps until somebody walks over and wakes it.",
                False,
            ),
            row("3", subject, "in", "20:58:12", "The mono one is up now, help yourself. I moved you to the front of the queue.", False),
        ),
        2,
    )


def uploads() -> UploadsView:
    def row(
        key: str, path: str, who: str, group: str, state: str, place: int, sent: float, speed: float, plane: str = "slsk"
    ) -> UploadLine:
        title = T(path.rsplit("\\", 1)[-1])
        return UploadLine(key, 1, title, T(path), T(who), group, plane, state, place, int(sent * 31e6), 31_000_000, speed, username=who)  # type: ignore[arg-type]

    rows = (
        row("1", "music\\Aphex Twin\\Selected Ambient Works\\03 Pulsewidth.flac", "bluenote59", "friends", "active", 0, 0.44, 700e3),
        row("2", "Loveless\\02 Loomer.flac", "b3:77aa", "mesh", "active", 0, 0.91, 420e3, "mesh"),
        row("3", "music\\Autechre\\Amber\\01 Foil.flac", "dj_kode", "default", "queued", 1, 0, 0),
        row("4", "music\\Autechre\\Amber\\02 Montreal.flac", "dj_kode", "default", "queued", 2, 0, 0),
        row("5", "music\\Burial\\Untrue\\02 Archangel.flac", "freeloader", "leechers", "queued", 3, 0, 0),
    )
    groups = (
        GroupRow("friends", 1, "friends", 2, 1, 0, 0.0, 700e3),
        GroupRow("default", 1, "default", 3, 0, 2, 0.0, 0.0),
        GroupRow("leechers", 1, "leechers", 1, 0, 1, 50e3, 0.0),
    )
    return UploadsView(1, rows, groups, 12_402, 811, at("18:00:00"), len(rows))


def limits() -> LimitsView:
    return LimitsView(
        1, 8000, 1000, T("schedule: mon-fri 08:00-23:00"), T("none from 23:00 on"), 4.2e6, 1.1e6, (T("mon-fri 08:00-23:00 8000/1000"),)
    )
