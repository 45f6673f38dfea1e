"""What commands do on the warm cache: on and off, its size and threshold, pins, letting go."""

from __future__ import annotations

from slskdn_tui.engine.cache.fetcher import Fetcher
from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.parts import Parts
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import one_begun, parse_mb_reference
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.seam import Result


async def on(engine: Parts, args: Args) -> Result:
    await engine.warm.set("on", 1)
    rules = engine.warm.rules
    if why := engine.warm.shelf.trouble:
        raise UserError("disk", f"the cache is on, but cannot be used: {why}", "")
    return done(
        f"the cache is on: what {counted(rules.threshold, 'peer')} {'wants' if rules.threshold == 1 else 'want'} is kept, {rules.most / 1e9:g} GB at most",
        on=True,
    )


async def off(engine: Parts, args: Args) -> Result:
    await engine.warm.set("on", 0)
    held = len(engine.warm.shelf.files())
    return done(
        "the cache is off" + (f"; {counted(held, 'recording')} stay on disk (`cache evict --all` deletes them)" if held else ""), on=False
    )


async def size(engine: Parts, args: Args) -> Result:
    if not 0 < args["gb"] <= 1_000_000:
        raise UserError("usage", f"{args['gb']:g} GB is no size", "a number above 0, in GB of 1,000,000,000 bytes")
    await engine.warm.set("max_storage_gb", float(args["gb"]))
    return done(f"the cache may hold {args['gb']:g} GB", max_storage_gb=float(args["gb"]))


async def threshold(engine: Parts, args: Args) -> Result:
    if not 1 <= args["peers"] <= 1_000_000:
        raise UserError("usage", f"{args['peers']} peers are no threshold", "a whole number from 1")
    await engine.warm.set("threshold", args["peers"])
    return done(f"what {counted(args['peers'], 'peer')} want is kept", threshold=args["peers"])


async def pin(engine: Parts, args: Args) -> Result:
    recording = _find(engine, args["recording"])
    await engine.warm.shelf.pin(recording)
    file = engine.warm.shelf.file(recording)
    _wake(engine)
    if file is not None:
        return done(f"{file.title or recording} is pinned: it stays for ever", recording=recording, pinned=True)
    later = "" if engine.warm.shelf.on else " once the cache is on"
    return done(f"{recording} is pinned: it is fetched{later}, and stays for ever", recording=recording, pinned=True)


async def unpin(engine: Parts, args: Args) -> Result:
    recording = _find(engine, args["recording"])
    was = await engine.warm.shelf.unpin(recording)
    _wake(engine)
    return done(f"{_name(engine, recording)} {'is not pinned any more' if was else 'was not pinned'}", recording=recording, pinned=False)


async def move(engine: Parts, args: Args) -> Result:
    recording = _find(engine, args["recording"])
    name = _name(engine, recording)
    path = await engine.warm.move(recording)
    offered = bool(engine.offers.find((recording,)))
    served = "; the mesh gets it from there" if offered else "; it is not offered to the mesh any more (overlay.offer)"
    return done(f"{name} is in the library: {SafeText(path, 1000)}{served}", recording=recording, path=path, offered=offered)


async def evict(engine: Parts, args: Args) -> Result:
    shelf = engine.warm.shelf
    if args["all"]:
        count, before = len(shelf.files()), shelf.bytes
        freed = await shelf.let_go([file.recording for file in shelf.files()], "you said so")
        left = len(shelf.files())
        stay = f"; {counted(left, 'recording')} stay, pinned or being sent" if left else ""
        return done(
            f"{counted(count - left, 'recording')} let go, {freed / 1e6:.1f} of {before / 1e6:.1f} MB{stay}",
            evicted=count - left,
            bytes=freed,
        )
    if not args["recording"]:
        raise UserError("usage", "which recording?", "name it, or give --all")
    recording = _find(engine, args["recording"])
    if shelf.file(recording) is None:
        raise UserError("not_found", f"the cache does not hold {recording}", "`slskdn cache status` shows what it holds")
    if recording in shelf.pins:
        raise UserError("refused", f"{_name(engine, recording)} is pinned", "unpin it first")
    if shelf.reading[recording] > 0:
        raise UserError("refused", f"{_name(engine, recording)} is being sent to somebody", "try again when that is through")
    name = _name(engine, recording)
    freed = await shelf.let_go([recording], "you said so")
    if (fetcher := _fetcher(engine)) is not None:
        await fetcher.rest([recording])
    return done(f"{name} was let go, {freed / 1e6:.1f} MB", evicted=1, bytes=freed)


def _fetcher(engine: Parts) -> Fetcher | None:
    return engine.warm.fetcher


def _wake(engine: Parts) -> None:
    if (fetcher := _fetcher(engine)) is not None:
        fetcher.wake()


def _name(engine: Parts, recording: str) -> str:
    file = engine.warm.shelf.file(recording)
    return str(file.title) if file is not None and file.title else recording


def _find(engine: Parts, text: str) -> str:
    """The MBID of a recording by its URL, MBID, or the beginning of one that is held or pinned."""
    read = parse_mb_reference(text)
    if read is not None and read[0] in (None, "recording"):
        return read[1]
    begin = text.strip().lower()
    known = dict.fromkeys([*(file.recording for file in engine.warm.shelf.files()), *engine.warm.shelf.pins])
    if (found := one_begun(begin, known, str, "recordings of the cache", "MBID")) is not None:
        return found
    raise UserError(
        "usage", f"{text[:80]!r} is no MusicBrainz recording", "give its URL or MBID, or the beginning of one that `cache status` shows"
    )


CACHE: dict[str, Handler] = {
    "cache.on": on,
    "cache.off": off,
    "cache.size": size,
    "cache.threshold": threshold,
    "cache.pin": pin,
    "cache.unpin": unpin,
    "cache.move": move,
    "cache.evict": evict,
}
