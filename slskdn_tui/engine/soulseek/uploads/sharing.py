"""Shell: what we give: uploads with their groups and places, and the shared folders looked through in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aioslsk.transfer.model import Transfer
from aioslsk.transfer.state import TransferState
from aioslsk.user.model import UserStatus

from slskdn_tui.config.settings import Soulseek, Uploads
from slskdn_tui.engine.runtime.clock import Clock, iso, until
from slskdn_tui.engine.soulseek.shares.index import ShareIndexer, ShareReader
from slskdn_tui.engine.soulseek.shares.shares import IndexedSharesManager
from slskdn_tui.engine.soulseek.uploads.groups import DEFAULT, FRIENDS, GROUPS, LEECHERS, GroupRules
from slskdn_tui.engine.soulseek.uploads.uploads import UploadManager
from slskdn_tui.model.text import SafeText, counted

RESCAN_S = 3600.0
SETTLE_S = 10.0
"""Files of an album come one after the other: the folders are looked through once for all of them."""

UPLOAD_STATES = {
    TransferState.QUEUED: "queued",
    TransferState.INITIALIZING: "starting",
    TransferState.UPLOADING: "active",
    TransferState.COMPLETE: "done",
    TransferState.FAILED: "failed",
    TransferState.ABORTED: "aborted",
    TransferState.PAUSED: "paused",
}
LIVE = ("active", "starting", "queued")


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """An upload as a row: `sent` counts from the file's start, `speed` in bytes/s, `state` one of queued starting active done failed aborted paused,
    `place` in the queue from 1 (0: does not wait), `reason` why it waits or ended (foreign words, raw)."""

    key: str
    username: str
    path: str
    size: int
    sent: int
    speed: float
    state: str
    group: str = DEFAULT
    place: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """A group: slots it may have and has, users waiting, cap (bytes/s, 0 none) and rate now."""

    name: str
    slots: int
    used: int
    queued: int
    cap: float
    speed: float


def group_rules(soulseek: Soulseek, uploads: Uploads) -> GroupRules:
    """The settings as rules."""
    caps = {FRIENDS: uploads.friends_kbps, DEFAULT: uploads.default_kbps, LEECHERS: uploads.leechers_kbps}
    return GroupRules(
        soulseek.upload_slots,
        uploads.friends_slots,
        uploads.leechers_slots,
        uploads.leecher_files,
        uploads.queue_files,
        uploads.queue_mib * 1024 * 1024,
        {group: kbps * 1000 // 8 for group, kbps in caps.items()},
    )


class Sharing:
    """`plane.sharing`. `on_event(name, text, data)` gets `soulseek.shares` after a scan and `soulseek.upload` for each upload's steps."""

    def __init__(
        self,
        transfers: UploadManager,
        shares: IndexedSharesManager,
        reader: ShareReader,
        indexer: ShareIndexer,
        scanner: Executor,
        clock: Clock,
        on_event: Callable[[str, str, dict[str, Any]], None],
    ) -> None:
        self._transfers = transfers
        self._shares = shares
        self._reader = reader
        self._indexer = indexer
        self._scanner = scanner
        self._clock = clock
        self._on_event = on_event
        self._asked = asyncio.Event()
        self.scanned_at = ""
        transfers.on_upload = self._tell
        transfers.on_changed = self._asked.set

    # -- uploads

    def uploads(self) -> tuple[UploadInfo, ...]:
        """Those that send first, then those that wait in the order of their places, then the last ones that ended."""
        rows = [self._info(each) for each in self._transfers.get_uploads()]
        return tuple(sorted(rows, key=lambda each: (LIVE.index(each.state) if each.state in LIVE else len(LIVE), each.place)))

    def _info(self, transfer: Transfer) -> UploadInfo:
        row, transfers = upload_info(transfer), self._transfers
        reason = self._why(row.username) if row.state == "queued" else row.reason
        return replace(row, group=transfers.group(row.username), place=transfers.get_place_in_queue(transfer), reason=reason)

    def _why(self, username: str) -> str:
        """Why a file of this user waits, when it is not just for its turn."""
        transfers = self._transfers
        if transfers._user_manager.get_user_object(username).status == UserStatus.OFFLINE:
            return "not online"
        if transfers.upload_holds.remaining(username, self._clock.now()):
            return f"{transfers.upload_holds.reason(username)}; tried again later"
        return ""

    def groups(self) -> tuple[GroupStatus, ...]:
        """friends, default, leechers."""
        rows = self.uploads()
        rules = self._transfers.rules
        out = []
        for group in GROUPS:
            mine = [each for each in rows if each.group == group]
            moving = [each for each in mine if each.state in ("active", "starting")]
            waiting = {each.username for each in mine if each.state == "queued"}
            cap = float(rules.caps.get(group, 0))
            out.append(GroupStatus(group, rules.slots_of(group), len(moving), len(waiting), cap, sum(each.speed for each in moving)))
        return tuple(out)

    @property
    def queued(self) -> int:
        return self._transfers.get_queue_size()

    async def stop(self, username: str, path: str | None = None) -> int:
        """End uploads to a user (all, or of one remote path) and tell him; how many ended."""
        return await self._transfers.stop_uploads(username, path)

    def relations_changed(self) -> None:
        """Somebody became a friend, was banned, or is neither any longer: queues and running uploads follow at once."""
        self._transfers.relations_changed()

    def _tell(self, transfer: Transfer) -> None:
        row = upload_info(transfer)
        if row.state in ("active", "done", "failed"):
            text = f"upload to {SafeText(row.username, 40)}: {row.state}: {SafeText(row.path, 200)}"
            self._on_event("soulseek.upload", text, {"username": row.username, "state": row.state, "sent": row.sent, "size": row.size})

    # -- shares

    @property
    def totals(self) -> tuple[int, int]:
        """(folders, files) in the index."""
        return self._reader.totals()

    async def rescan(self) -> int:
        """Walk the shared folders, off the loop; the number of files shared. Raises sqlite3.Error."""
        count = await asyncio.get_running_loop().run_in_executor(self._scanner, self._indexer.scan)
        await self._shares.scan()
        self.scanned_at = iso(self._clock.wall())
        folders, files = self.totals
        self._on_event(
            "soulseek.shares", f"{counted(files, 'file')} in {counted(folders, 'folder')} shared", {"files": files, "folders": folders}
        )
        return int(count)

    def file_arrived(self, path: Path) -> None:
        """A finished file was placed: if that is a shared folder, it is shared soon."""
        if self._indexer.covers(path):
            self._asked.set()

    async def keep(self) -> None:
        """At once, every hour, and a little after something asked for it: for ever."""
        await self.rescan()
        while True:
            await until(self._asked, self._clock, RESCAN_S)
            if self._asked.is_set():
                await self._clock.sleep(SETTLE_S)
            self._asked.clear()
            await self.rescan()


def upload_info(transfer: Transfer) -> UploadInfo:
    """A transfer's own facts: without group and place."""
    return UploadInfo(
        f"{transfer.username}\\{transfer.remote_path}",
        transfer.username,
        transfer.remote_path,
        transfer.filesize or 0,
        transfer.bytes_transfered,
        transfer.get_speed() if transfer.is_transferring() else 0.0,
        UPLOAD_STATES.get(transfer.state.VALUE, "queued"),
        reason=transfer.fail_reason or transfer.abort_reason or "",
    )
