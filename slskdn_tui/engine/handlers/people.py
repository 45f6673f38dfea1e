"""What commands do on people of the Soulseek network and on our session there."""

from __future__ import annotations

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.parts import Parts
from slskdn_tui.seam import Result


async def reconnect(engine: Parts, args: Args) -> Result:
    engine.soulseek.reconnect()
    return done("logging in to Soulseek")


PEOPLE: dict[str, Handler] = {
    "soulseek.reconnect": reconnect,
}
