"""What commands do on people of the Soulseek network and on our session there."""

from __future__ import annotations

from dataclasses import asdict

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.store.state.people import Relation
from slskdn_tui.model.text import LONGEST, SafeText, counted
from slskdn_tui.seam import Result

_BEFORE = {"friend": "; was a friend until now", "banned": "; was banned until now"}


def _add(relation: Relation, words: str) -> Handler:
    async def add(engine: Parts, args: Args) -> Result:
        people = engine.soulseek.people
        old = people.relation(args["user"])
        person = await people.relate(args["user"], relation, args["note"])
        note = f" ({person.note})" if person.note else ""
        before = _BEFORE.get(old, "") if old != relation else ""
        return done(f"{SafeText(person.username, 60)} {words}{note}{before}", user=person.username, note=person.note, since=person.since)

    return add


def _remove(relation: Relation, words: str) -> Handler:
    async def remove(engine: Parts, args: Args) -> Result:
        await engine.soulseek.people.unrelate(args["user"], relation)
        return done(f"{SafeText(args['user'], 60)} {words}", user=args["user"])

    return remove


async def send(engine: Parts, args: Args) -> Result:
    words = args["text"]
    status = await engine.soulseek.people.send(args["user"], " ".join(words) if isinstance(words, list) else words)
    later = "; the server keeps it until they are online" if status == "offline" else ""
    return done(f"sent to {SafeText(args['user'], 60)}{later}", user=args["user"])


async def read(engine: Parts, args: Args) -> Result:
    count = await engine.soulseek.people.mark_read(args["user"] or "")
    return done(f"{counted(count, 'message')} marked as read", count=count, unread=engine.soulseek.people.unread)


async def reconnect(engine: Parts, args: Args) -> Result:
    plane = engine.soulseek
    if plane.state == "off" and plane.error is not None:
        raise plane.error
    if plane.state == "online":
        return done("logged in to Soulseek already")
    plane.reconnect()
    changed = engine.settings_file.changed
    return done(f"logging in to Soulseek as {SafeText(engine.settings.soulseek.username, 40)}" + (f"; {changed}" if changed else ""))


async def port(engine: Parts, args: Args) -> Result:
    report = await engine.soulseek.ports.test()
    words = f"{report.reach}: {report.words}{'; ' + report.mapping if report.mapping else ''}"
    if report.reach == "not listening":
        return Result("port", SafeText(words, LONGEST), SafeText(report.hint), asdict(report))
    return Result("ok", SafeText(f"{words}; {report.hint}" if report.hint else words, LONGEST), data=asdict(report))


PEOPLE: dict[str, Handler] = {
    "friends.add": _add("friend", "is a friend now"),
    "friends.remove": _remove("friend", "is no friend any more"),
    "bans.add": _add("banned", "is banned: no search answers, no uploads, no messages"),
    "bans.remove": _remove("banned", "is not banned any more"),
    "message.send": send,
    "message.read": read,
    "soulseek.reconnect": reconnect,
    "soulseek.port": port,
}
