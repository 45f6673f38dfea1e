"""What commands on discographies do: one function a command."""

from __future__ import annotations

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.parts import Parts
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import parse_mb_reference
from slskdn_tui.seam import Result


async def edition(engine: Parts, args: Args) -> Result:
    read = parse_mb_reference(args["release"])
    if read is None or read[0] not in (None, "release"):
        raise UserError(
            "usage", f"{args['release'][:200]!r} is no release", "paste an edition's URL or MBID; `slskdn discover release` lists them"
        )
    if args["reset"]:
        title, group = await engine.graph.unchoose(read[1])
        return done(f"{title}: the rule decides again", group=group)
    title, group = await engine.graph.choose(read[1])
    return done(f"{title}: this edition stands for its group from now on", group=group, release=read[1])


DISCOVER: dict[str, Handler] = {"discover.edition": edition}
