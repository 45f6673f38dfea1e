"""What commands do that find music: searches, saved filters, wishes."""

from __future__ import annotations

from slskdn_tui.engine.handlers.common import Args, Handler, constraints_of, done, words
from slskdn_tui.engine.jobs.placing.placement import base_folder
from slskdn_tui.engine.jobs.wishlist.wishlist import words_for
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.soulseek.search.gate import tidy
from slskdn_tui.engine.store.state.wishes import Wish
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.filters import parse, valid_name
from slskdn_tui.model.ids import parse_mb_reference
from slskdn_tui.seam import Result

SAVED = "filters."
MOST_SAVED = 200


async def ask(engine: Parts, args: Args) -> Result:
    user = (args["user"] or "").strip()
    if user and engine.soulseek.state == "online":  # else the search waits until it is
        await engine.soulseek.people.reachable(user)
    number = engine.soulseek.searches.ask(args["query"], user)
    search = engine.soulseek.searches.get(number)
    wait = engine.soulseek.searches.wait_s(search)
    whom = f" at {search.user}" if search.user else ""
    when = f"; the search gate holds it for {wait:.0f} s" if wait >= 1 else ""
    when = when if engine.soulseek.state == "online" else "; it waits until Soulseek is logged in"
    return done(f"search {number}: {search.query}{whom}{when}", search=number)


async def close(engine: Parts, args: Args) -> Result:
    engine.soulseek.searches.close(args["search"])
    return done(f"search {args['search']} closed")


async def save_filter(engine: Parts, args: Args) -> Result:
    name, text = args["name"].removeprefix("@"), words(args["filter"])
    if not valid_name(name):
        raise UserError("usage", f"{name!r} cannot be a filter's name", "letters, digits, - and _, at most 40")
    saved = await engine.store.choices.under(SAVED)
    if not text or parse(text, {**saved, name: text}).empty:
        raise UserError("usage", "the filter is empty", "e.g. `slskdn filters save good lossless free>0`")
    if name not in saved and len(saved) >= MOST_SAVED:
        raise UserError("refused", f"{MOST_SAVED} filters are saved", "drop one first")
    await engine.store.choices.put(SAVED + name, text)
    return done(f"@{name}: {text}", name=name, filter=text)


async def drop_filter(engine: Parts, args: Args) -> Result:
    name = args["name"].removeprefix("@")
    if await engine.store.choices.get(SAVED + name) is None:
        raise UserError("not_found", f"no filter is saved as {name!r}", "`slskdn filters list` shows them")
    await engine.store.choices.drop(SAVED + name)
    return done(f"@{name} dropped")


async def add_wish(engine: Parts, args: Args) -> Result:
    text = words(args["query"])
    destination = args["destination"] or ""
    if destination:
        base_folder(engine.settings.downloads, destination)
    reference = parse_mb_reference(text)
    query, mbid = tidy(text), ""
    if reference is not None:
        kind, mbid = reference
        if kind not in (None, "release"):
            raise UserError("usage", f"that is a MusicBrainz {kind}, not a release", "wish for one edition: paste its URL")
        query = words_for(await engine.music.release(mbid))
    if not any(char.isalnum() for char in query):
        raise UserError("usage", "the wish has no word", "give a title, an artist, or both")
    wish = Wish("", query, mbid, args["filter"] or "", bool(args["auto"]), constraints_of(args), destination)
    wish = await engine.wishlist.add(wish)
    return done(f"wish {wish.wish_id}: {wish.query}", wish=wish.wish_id)


async def remove_wish(engine: Parts, args: Args) -> Result:
    wish = await engine.wishlist.remove(args["wish"])
    return done(f"wish {wish.wish_id} taken back: {wish.query}")


async def see_wish(engine: Parts, args: Args) -> Result:
    await engine.wishlist.seen(args["wish"] or "")
    return done("seen")


FINDING: dict[str, Handler] = {
    "search.ask": ask,
    "search.close": close,
    "filters.save": save_filter,
    "filters.drop": drop_filter,
    "wishlist.add": add_wish,
    "wishlist.remove": remove_wish,
    "wishlist.seen": see_wish,
}
