"""Shell: `search`, `browse`, `filters list`, `wishlist list|show`. What changes something goes through `acting`."""

from __future__ import annotations

import asyncio
from typing import Any

from slskdn_tui.cli.context import Context, put_json, say, to_json
from slskdn_tui.cli.present import finding
from slskdn_tui.model.errors import EXIT, UserError
from slskdn_tui.model.finding import BrowseView, FiltersView, SearchView, WishesView
from slskdn_tui.model.views import CandidatesView, StatusView, ViewKey
from slskdn_tui.seam import Command, EngineProtocol

POLL_S = 0.5
ROWS = 5000
"""Lines asked for at once: folders with their files."""
BROWSE_WAIT_S = 120.0


def search(context: Context) -> int:
    """Ask, wait while answers come, print the folders that pass the filter."""
    query = " ".join(context.args["query"]).strip()
    if not query:
        raise UserError("usage", "nothing to search for", "give a title, an artist, or both: `slskdn search kind of blue`")
    if context.args.get("musicbrainz"):
        return _musicbrainz(context, query)

    async def work(engine: EngineProtocol) -> SearchView:
        await _check_filter(engine, context.args.get("filter") or "")
        asked: dict[str, Any] = {"query": query}
        if context.args.get("user"):
            asked["user"] = context.args["user"]
        result = await engine.submit(Command("search.ask", asked))
        if not result.ok:
            raise UserError(result.code, result.message, result.hint)
        return await _collect(engine, str(result.data["search"]), context.args.get("filter") or "", max(1, int(context.args["wait"])))

    view = context.with_engine("live", work)
    if view.error:
        raise UserError("network" if view.state == "failed" else "usage", view.error, "")
    return _put_found(context, view)


async def _check_filter(engine: EngineProtocol, text: str) -> None:
    """A filter that cannot be read costs no search."""
    view = await engine.snapshot(ViewKey("search", "", filter=text, count=0))
    if isinstance(view, SearchView) and view.error and view.state != "failed":
        raise UserError("usage", view.error, "")


async def _collect(engine: EngineProtocol, search_id: str, words: str, wait_s: int) -> SearchView:
    """Until it is done, or answers have come for `wait_s`. The gate's wait is said and does not count."""
    key, told, left = ViewKey("search", search_id, filter=words, count=ROWS), False, float(wait_s)
    while True:
        view = await engine.snapshot(key)
        assert isinstance(view, SearchView)
        if view.state == "waiting" and view.wait_s >= 1 and not told:
            status = await engine.snapshot(ViewKey("status"))
            if isinstance(status, StatusView) and status.soulseek not in ("online", "off"):
                say(f"(not logged in, the search waits: {status.soulseek_words})")
            else:
                say(f"(the search gate holds this search for {view.wait_s:.0f} s)")
            told = True
        if view.state == "searching":
            left -= POLL_S
        if view.state in ("done", "failed", "none") or left <= 0:
            return view
        await asyncio.sleep(POLL_S)


def _put_found(context: Context, view: SearchView, nothing: str = "") -> int:
    """Print it; `not_found` is the exit code of a search that found nothing, for which `nothing` are the words."""
    rows = finding.first_folders(view.rows, max(1, int(context.args.get("limit") or 30)))
    if context.json:
        put_json({**to_json(view), "rows": to_json(view)["rows"][: len(rows)]})
    else:
        context.put_lines(finding.search(view, rows, context.look, nothing))
    return EXIT["ok" if rows else "not_found"][0]


def _musicbrainz(context: Context, query: str) -> int:
    view = context.view("live", ViewKey("candidates", query), CandidatesView)
    if view.error:
        raise UserError("not_found", view.error, "")
    context.show(view, finding.candidates, rows=True)
    return EXIT["ok" if view.rows else "not_found"][0]


def browse(context: Context) -> int:
    """What a user shares: folders, or the files of one."""
    user, folder = context.args["user"], context.args.get("folder")
    key = ViewKey(
        "browse", f"{user}\n{folder}" if folder else user, filter=context.args.get("filter") or "", count=max(1, int(context.args["limit"]))
    )

    async def work(engine: EngineProtocol) -> BrowseView:
        waited = 0.0
        while waited < BROWSE_WAIT_S:
            view = await engine.snapshot(key)
            assert isinstance(view, BrowseView)
            if view.state != "asking":
                return view
            await asyncio.sleep(POLL_S)
            waited += POLL_S
        raise UserError("network", f"{user} does not answer", "try again later; big shares of slow users take minutes")

    view = context.with_engine("live", work)
    if view.state == "failed":
        raise UserError(view.code or "network", view.error, "")
    context.show(view, finding.browse)
    if view.error:
        say(f"({view.error})")
    return 0


def list_filters(context: Context) -> int:
    return context.show(context.view("any", ViewKey("filters"), FiltersView), finding.filters, rows=True)


def list_wishes(context: Context) -> int:
    return context.show(context.view("any", ViewKey("wishes"), WishesView), finding.wishes, rows=True)


def show_wish(context: Context) -> int:
    """What was found for a wish; with a running engine it counts as seen from now on."""
    wish = context.args["wish"]

    async def work(engine: EngineProtocol) -> tuple[SearchView, WishesView]:
        view = await engine.snapshot(ViewKey("search", f"wish/{wish}", filter=context.args.get("filter") or "", count=ROWS))
        wishes = await engine.snapshot(ViewKey("wishes", count=ROWS))
        assert isinstance(view, SearchView) and isinstance(wishes, WishesView)
        if not view.error:
            await engine.submit(Command("wishlist.seen", {"wish": wish}))
        return view, wishes

    view, wishes = context.with_engine("any", work)
    if view.error:
        raise UserError("usage", view.error, "")
    return _put_found(context, view, finding.following(wishes, wish))
