"""The view of what goes out: uploads of both planes, the groups and the shares. Core over the running parts."""

from __future__ import annotations

from collections.abc import Callable

from slskdn_tui.engine.parts import Parts
from slskdn_tui.model.finding import GroupRow, UploadLine, UploadsView
from slskdn_tui.model.ids import short_node_id
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey

MESH = "mesh"


def uploads_view(engine: Parts, key: ViewKey, title_of: Callable[[str], str]) -> UploadsView:
    """`key.filter` holds words of titles, paths, users, groups or states, all of which must be there; `title_of(variant_id)` names a mesh upload."""
    words = key.filter.casefold().split()
    rows = [each for each in [*_soulseek(engine), *_mesh(engine, title_of)] if all(word in _text(each) for word in words)]
    sharing = engine.soulseek.sharing
    folders, files = sharing.totals if sharing is not None else (0, 0)
    return UploadsView(
        0,
        tuple(rows[key.start : key.start + key.count]),
        (*_groups(engine), *_mesh_group(engine)),
        shared_files=files,
        shared_folders=folders,
        scanned_at=sharing.scanned_at if sharing is not None else "",
        total=len(rows),
    )


def _text(row: UploadLine) -> str:
    return f"{row.path} {row.title} {row.user} {row.group} {row.state}".casefold()


def _soulseek(engine: Parts) -> list[UploadLine]:
    return [
        UploadLine(
            key=each.key,
            version=0,
            title=SafeText(each.path.replace("\\", "/").rsplit("/", 1)[-1]),
            path=SafeText(each.path, 4096),
            user=SafeText(each.username),
            group=each.group,
            plane="slsk",
            state=each.state,
            place=each.place,
            sent=each.sent,
            size=each.size,
            speed=each.speed,
            reason=SafeText(each.reason),
            username=each.username,
        )
        for each in engine.soulseek.uploads()
    ]


def _mesh(engine: Parts, title_of: Callable[[str], str]) -> list[UploadLine]:
    return [
        UploadLine(
            key=f"{each.peer}/{each.variant}",
            version=0,
            title=SafeText(title_of(each.variant)),
            path=SafeText(f"variant {each.variant}"),
            user=SafeText(short_node_id(each.peer)),
            group=MESH,
            plane="mesh",
            state=each.state,
            place=0,
            sent=each.bytes,
            size=each.total,
            speed=each.rate,
        )
        for each in (engine.mesh.uploads() if engine.mesh else ())
    ]


def _groups(engine: Parts) -> list[GroupRow]:
    groups = engine.soulseek.sharing.groups() if engine.soulseek.sharing is not None else ()
    return [GroupRow(each.name, 0, each.name, each.slots, each.used, each.queued, each.cap, each.speed) for each in groups]


def _mesh_group(engine: Parts) -> list[GroupRow]:
    if engine.mesh is None:
        return []
    overlay, uploads = engine.settings.overlay, engine.mesh.uploads()
    cap = overlay.bandwidth_kbps * 1000 / 8
    return [GroupRow(MESH, 0, MESH, overlay.upload_slots, len(uploads), 0, cap, sum(each.rate for each in uploads))]
