"""What tests of files, extras and notices share: the folders of a lab user, remote paths, what was placed."""

from __future__ import annotations

from pathlib import Path

from engine_world import Holder, World, sha

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.seam import Command, Result

ALBUM = "Plone - For Beginner Piano"


def shared(world: World, name: str) -> Path:
    """The folder a lab user shares."""
    return world.root / "users" / name


async def put_more(world: World, holder: Holder, files: dict[str, bytes]) -> None:
    """Let a user share more: paths below the shared folder."""
    folder = shared(world, holder.settings.credentials.username)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    await holder.shares.scan()


def remote(holder: Holder, *parts: str) -> str:
    """The remote path of a file or folder that a user shares."""
    return "\\".join((f"@@{holder.shares.shared_directories[0].alias}", *parts))


def placed(folder: Path) -> dict[str, str]:
    """sha256 by path of all that lies below."""
    return {path.relative_to(folder).as_posix(): sha(path) for path in folder.rglob("*") if path.is_file()}


async def get(engine: Engine, *refs: str, **more: str) -> Result:
    """What the command says; the user is online by then, or a folder is refused."""
    await engine.soulseek.wait_online()
    return await engine.submit(Command("get.add", {"refs": list(refs), **more}))


async def got(engine: Engine, *refs: str, **more: str) -> LiveJob:
    """The job that was made."""
    result = await get(engine, *refs, **more)
    assert result.ok, result
    return engine.runner.find(result.data["job_id"])
