"""What commands do with the library scanner: begin, pause, cancel, forget what is gone."""

from __future__ import annotations

from dataclasses import asdict

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.library.roots import only_shared
from slskdn_tui.engine.parts import Parts
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.seam import Result


async def scan(engine: Parts, args: Args) -> Result:
    asked = [name for name in ("now", "pause", "cancel", "forget", "status") if args[name]]
    if len(asked) > 1:
        raise UserError("usage", f"--{asked[0]} and --{asked[1]} at once", "one of them")
    scanner = engine.scanner
    match asked[0] if asked else "now":
        case "pause":
            words = await scanner.pause()
        case "cancel":
            words = await scanner.cancel()
        case "forget":
            words = f"{counted(await scanner.forget(), 'file')} forgotten"
        case "status":
            words = str(scanner.status().words)
        case _:
            words = await scanner.start()
    beside = ""
    if asked[:1] in ([], ["now"], ["status"]) and (apart := only_shared(engine.settings)):
        folders = ", ".join(SafeText(name, 200) for name in apart[:5]) + (", ..." if len(apart) > 5 else "")
        beside = f"; shared but not looked through: {folders} (add them to library.folders)"
    status = scanner.status()
    facts = {name: value for name, value in asdict(status).items() if name != "words"}
    return done(f"{words}{beside}", **facts, words=status.words, apart=beside)


LIBRARY: dict[str, Handler] = {"library.scan": scan}
