"""What keys do on Search and in a user's files: ask, get, make a job, wish, filter; and the prompt for speed limits. Shell."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from slskdn_tui.commands import by_name
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import FiltersView, LimitsView, SearchRow, WishRow
from slskdn_tui.model.views import CandidateRow, ViewKey
from slskdn_tui.ui.present.finding import folder_words
from slskdn_tui.ui.present.people import limits_words
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.screens.browse import BrowseScreen
from slskdn_tui.ui.screens.dialogs import Ask, Choice, Pick, Prompt
from slskdn_tui.ui.screens.newjob import NewJob
from slskdn_tui.ui.screens.search import WISH, SearchScreen
from slskdn_tui.ui.screens.uploads import UploadsScreen

if TYPE_CHECKING:
    from slskdn_tui.ui.actions import Actions

Args = dict[str, Any]
Flow = Coroutine[Any, Any, None]
ABOUT = {
    "soulseek": ("Search Soulseek", "Artist and album, or a part of them; -word leaves out."),
    "musicbrainz": ("Search MusicBrainz", "Artist and album, a MusicBrainz URL, or an MBID."),
    "wishlist": ("New wish", "Search words, or a MusicBrainz release URL or MBID."),
}
HOW = (Choice("show", "show me what was found"), Choice("auto", "get the first that fits"))


def _search(actions: Actions) -> SearchScreen | None:
    """The Search screen, shown if it is not."""
    if not isinstance(actions.app.live, SearchScreen):
        actions.app.places.show("search")
        top = actions.app.screen_stack[-1] if actions.app.screen_stack else None
        return top if isinstance(top, SearchScreen) else None
    return actions.app.live


def _on_search(act: Callable[[Actions, SearchScreen], object]) -> Callable[[Actions, Args], None]:
    """A command that means something on the Search screen only."""

    def run(actions: Actions, args: Args) -> None:
        if isinstance(screen := actions.app.live, SearchScreen):
            act(actions, screen)
        else:
            actions.say("that belongs to the Search screen: press 2", "colors.warning")

    return run


def new(actions: Actions, args: Args) -> None:
    actions.start(_new(actions, args))


async def _new(actions: Actions, args: Args) -> None:
    """Ask for words and search where the screen is: Soulseek, MusicBrainz, or a new wish."""
    screen = actions.app.live if isinstance(actions.app.live, SearchScreen) else None
    said = args.get("query")
    query = " ".join(said) if isinstance(said, list) else said
    section = "soulseek" if query or screen is None else screen.section
    if not query:
        title, hint = ABOUT[section]
        query = await actions.ask(Prompt(title, hint, screen.words if screen is not None and section == "musicbrainz" else ""))
    if not query:
        return
    if section == "wishlist":
        if how := await actions.ask(Pick("When somebody has it", HOW)):
            await actions.do("wishlist.add", {"query": [query], **({"auto": True} if how == "auto" else {})})
        return
    screen = _search(actions)
    if screen is None:
        return
    if section == "musicbrainz":
        screen.look_up(query)
        return
    result = await actions.do("search.ask", {"query": query, **({"user": args["user"]} if args.get("user") else {})})
    if result is not None and result.ok:
        screen.query_text = query
        if "filter" in args:
            screen.filter(args["filter"])
        screen.show("")


# Rows ----------------------------------------------------------------------------------------------------------------


def _rows(screen: LiveScreen) -> list[SearchRow]:
    return [row for row in screen.main.marked if isinstance(row, SearchRow)]


def folder_of(screen: LiveScreen, row: SearchRow) -> SearchRow:
    """The folder a row belongs to."""
    rows = screen.main.model.rows
    place = next((index for index, one in enumerate(rows) if one.key == row.key), 0)
    return next((one for one in reversed(rows[: place + 1]) if one.level == 0), row)


def take(actions: Actions, args: Args) -> None:
    """Get the file under the cursor or all marked ones; unfold a folder; on the other sections what enter means there."""
    screen = actions.screen()
    row = screen.main.row
    if isinstance(row, CandidateRow):
        actions.start(_job(actions, row.mbid))
    elif isinstance(row, WishRow):
        open_wish(actions, row.wish)
    elif isinstance(row, SearchRow) and row.level == 0 and not screen.main.model.marks:
        screen.main.unfold()
        actions.app.poller.kick()
    elif rows := _rows(screen):
        actions.start(_get(actions, screen, [row.ref for row in rows]))


def album(actions: Actions, args: Args) -> None:
    """The whole folder of the row, or of every marked one."""
    screen = actions.screen()
    if rows := _rows(screen):
        actions.start(_get(actions, screen, [folder_of(screen, row).ref for row in rows]))


async def _get(actions: Actions, screen: LiveScreen, refs: list[str]) -> None:
    result = await actions.do("get.add", {"refs": list(dict.fromkeys(refs))})
    if result is not None and result.ok:
        screen.main.clear_marks()


def job(actions: Actions, args: Args) -> None:
    """New job of this row: a release by its MBID, a folder by the words of its name."""
    row = actions.screen().main.row
    if isinstance(row, CandidateRow):
        actions.start(_job(actions, row.mbid))
    elif isinstance(row, SearchRow):
        actions.start(_job(actions, folder_words(row.ref) or str(row.title)))


async def _job(actions: Actions, text: str) -> None:
    wanted = await actions.ask(NewJob(text))
    if wanted is not None and (spec := by_name("jobs.create")) is not None:
        await actions.engine(spec, wanted)


# Wishes --------------------------------------------------------------------------------------------------------------


def wish(actions: Actions, screen: SearchScreen) -> None:
    """Wish for what was searched, with the filter in force; on MusicBrainz for the release under the cursor."""
    row = screen.main.row
    if screen.section == "wishlist":
        new(actions, {})
        return
    words = row.mbid if isinstance(row, CandidateRow) else screen.words
    if not words:
        actions.say("search for something first: n", "colors.warning")
        return
    filter_ = {"filter": screen.filter_text} if screen.section == "soulseek" and screen.filter_text else {}
    actions.start(_done(actions.do("wishlist.add", {"query": [words], **filter_})))


async def _done(flow: Coroutine[Any, Any, object]) -> None:
    await flow


def open_wish(actions: Actions, wish_id: str) -> None:
    """What was found for a wish; it counts as seen."""
    if (screen := _search(actions)) is not None:
        screen.show(WISH + wish_id)
        actions.quietly("wishlist.seen", {"wish": wish_id})


def wishlist(actions: Actions, args: Args) -> None:
    if args.get("wish"):
        open_wish(actions, str(args["wish"]))
    elif (screen := _search(actions)) is not None:
        screen.go("wishlist")


def drop(actions: Actions, screen: SearchScreen) -> None:
    actions.start(_drop(actions, screen))


async def _drop(actions: Actions, screen: SearchScreen) -> None:
    row = screen.main.row
    if isinstance(row, WishRow):
        if await actions.ask(Ask("Take this wish back? What was found for it is forgotten.", str(row.query))):
            await actions.do("wishlist.remove", {"wish": row.wish})
    elif screen.section == "soulseek" and screen.wish:
        screen.back()
    elif screen.section == "soulseek" and screen.view is not None and screen.view.search:
        await actions.do("search.close", {"search": screen.view.search})
        screen.show("")


# Filters -------------------------------------------------------------------------------------------------------------


def filters(actions: Actions, screen: SearchScreen) -> None:
    actions.start(_filters(actions, screen))


async def _filters(actions: Actions, screen: SearchScreen) -> None:
    """Choose a saved filter, save the one in force, drop one."""
    try:
        view = await actions.app.engine.snapshot(ViewKey("filters"))
    except (UserError, OSError, EOFError) as error:
        actions.say(str(getattr(error, "message", error)), "colors.error")
        return
    saved = view.rows if isinstance(view, FiltersView) else ()
    choices = [Choice(f"@{row.name}", f"@{row.name:<10} {row.filter}") for row in saved]
    if screen.filter_text and not screen.filter_text.startswith("@"):
        choices.append(Choice("save", f"save {screen.filter_text}"))
    if screen.filter_text:
        choices.append(Choice("none", "no filter"))
    choices += [Choice(f"drop {row.name}", f"drop @{row.name}") for row in saved]
    if not choices:
        actions.say("no filter is saved: type one with / and press F to save it", "colors.dim")
        return
    picked = await actions.ask(Pick("Filters", choices))
    if picked is None:
        return
    if picked == "save":
        name = await actions.ask(Prompt("Save this filter", f"{screen.filter_text}: under which name? It is used as @name."))
        if name:
            await actions.do("filters.save", {"name": name.removeprefix("@"), "filter": [screen.filter_text]})
    elif picked.startswith("drop "):
        await actions.do("filters.drop", {"name": picked.removeprefix("drop ")})
    else:
        screen.go("soulseek")
        screen.filter("" if picked == "none" else picked)


# Limits and uploads --------------------------------------------------------------------------------------------------


async def ask_limits(actions: Actions) -> Args | None:
    """Two numbers in one line; None when left or not understood."""
    try:
        view = await actions.app.engine.snapshot(ViewKey("limits"))
    except (UserError, OSError, EOFError) as error:
        actions.say(str(getattr(error, "message", error)), "colors.error")
        return None
    now = view if isinstance(view, LimitsView) else LimitsView(0)
    words = limits_words(now) or "no limit"
    text = await actions.ask(
        Prompt(
            "Speed limits",
            f"Download and upload in kilobits a second, 0 for none; they hold until `:limits clear`. Now: {words}.",
            f"{now.down_kbps} {now.up_kbps}",
        )
    )
    if text is None:
        return None
    parts = str(text).replace(",", " ").replace("/", " ").split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        actions.say(f"two numbers, please, such as 8000 1000; not {text!r}", "colors.error")
        return None
    return {"down": int(parts[0]), "up": int(parts[1])}


def browse(actions: Actions, args: Args) -> None:
    actions.start(whose(actions, args, lambda user: actions.app.places.push(BrowseScreen(user)), "Browse a user's files"))


def uploads(actions: Actions, args: Args) -> None:
    actions.app.places.push(UploadsScreen())


async def whose(actions: Actions, args: Args, then: Callable[[str], object], title: str) -> None:
    """The user that was named, the one of the row under the cursor, or one asked for."""
    here = next(iter(actions.screen().subjects()), {})
    user = args.get("user") or here.get("user") or await actions.ask(Prompt(title, "User name."))
    if user:
        then(str(user))


UI: dict[str, Callable[[Actions, Args], None]] = {
    "search.new": new,
    "search.take": take,
    "search.album": album,
    "search.job": job,
    "search.wish": _on_search(wish),
    "search.filters": _on_search(filters),
    "search.drop": _on_search(drop),
    "search.section": _on_search(lambda actions, screen: screen.step(1)),
    "search.section_back": _on_search(lambda actions, screen: screen.step(-1)),
    "search.next": _on_search(lambda actions, screen: screen.step_search(1)),
    "search.previous": _on_search(lambda actions, screen: screen.step_search(-1)),
    "wishlist.open": wishlist,
    "browse.open": browse,
    "uploads.open": uploads,
}
