"""What commands do about the library's health: check it now, dismiss what is none."""

from __future__ import annotations

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.parts import Parts
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.health import HealthView, Issue
from slskdn_tui.model.text import counted
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Result

_LIST = "`slskdn library health` lists them with their keys"


async def check(engine: Parts, args: Args) -> Result:
    run = await engine.doctor.check()
    view = await engine.look(ViewKey("health", count=0))
    assert isinstance(view, HealthView)
    waiting = (await engine.store.files.counts()).tags  # only decoding tells a fake, or a cut in the middle
    more = f"; {waiting} not decoded yet, which a scan does" if waiting else ""
    return done(
        f"{counted(run.files, 'file')} checked: {view.words}{more}", files=run.files, counts=dict(view.counts), dismissed=view.dismissed
    )


async def dismiss(engine: Parts, args: Args) -> Result:
    """Each argument is an issue's key, the beginning of one, or a path, which means all issues of that file or folder."""
    names: list[str] = args["issue"]
    if args["undo"]:
        keys = await engine.store.dismissals.keys()
        taken = sorted(key for key in keys if key.startswith(tuple(names)))
        if not taken:
            raise UserError("not_found", f"nothing dismissed is called {names[0]!r}", "`slskdn library health dismissed` lists them")
        await engine.doctor.recall(taken)
        return done(f"{counted(len(taken), 'issue')} will be shown again", keys=taken)
    issues: dict[tuple[str, str], Issue] = {}
    for name in names:
        found = await engine.store.health.named(name)
        if not found:
            raise UserError("not_found", f"no issue {name!r}", _LIST)
        if not name.startswith("/") and len({each.key for each in found}) > 1:
            raise UserError("usage", f"{len(found)} issues begin with {name!r}", "give more of the key")
        issues |= {(each.key, each.path): each for each in found}
    await engine.doctor.dismiss(issues.values())
    keys_of = sorted({each.key for each in issues.values()})
    return done(f"{counted(len(keys_of), 'issue')} dismissed", keys=keys_of)


HEALTH: dict[str, Handler] = {"library.check": check, "library.dismiss": dismiss}
