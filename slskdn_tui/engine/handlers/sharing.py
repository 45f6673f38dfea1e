"""What commands do on what is shared: uploads to a user ended, shared folders looked through."""

from __future__ import annotations

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.soulseek.uploads.sharing import Sharing
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.seam import Result


def _sharing(engine: Parts) -> Sharing:
    if engine.soulseek.sharing is None:
        raise engine.soulseek.error or UserError("network", "Soulseek is not started", "set soulseek.enabled to true")
    return engine.soulseek.sharing


async def stop(engine: Parts, args: Args) -> Result:
    user, path = args["user"], args["path"]
    count = await _sharing(engine).stop(user, path)
    if not count:
        raise UserError("not_found", f"nothing goes to {SafeText(user, 40)} or waits for it", "`slskdn uploads list` shows what does")
    return done(f"stopped {counted(count, 'upload')} to {SafeText(user, 40)}", count=count)


async def scan(engine: Parts, args: Args) -> Result:
    sharing = _sharing(engine)
    await sharing.rescan()
    folders, files = sharing.totals
    return done(
        f"{counted(files, 'file')} in {counted(folders, 'folder')} {'is' if files == 1 else 'are'} shared", files=files, folders=folders
    )


SHARING: dict[str, Handler] = {
    "uploads.stop": stop,
    "shares.scan": scan,
}
