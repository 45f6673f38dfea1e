"""The seam between engine and faces: snapshots up, commands down, events beside. The only engine face, `cli/` and `ui/` know.

Live views come from memory, library views from a read connection. A face polls `snapshot` with the version it has seen and gets
`Unchanged` when there is nothing to draw. `submit` validates and answers; what it starts goes on by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import TypeAdapter

from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import EngineEvent, Snapshot, ViewKey

READ_ONLY = "read-only"
"""How the engine over the databases describes itself. It lacks some views for good: `no_engine` says of one view there what it says of all elsewhere."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command by its registry name (`jobs.pause`) and plain JSON arguments; validated against `commands.SPECS` before it acts."""

    name: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a command. `code` is a name from `model.errors.EXIT`; `message` is one line, `hint` what to do, `data` is for `--json`."""

    code: str = "ok"
    message: SafeText = SafeText("")  # noqa: RUF009  immutable
    hint: SafeText = SafeText("")  # noqa: RUF009
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.code == "ok"


COMMAND: TypeAdapter[Command] = TypeAdapter(Command)
RESULT: TypeAdapter[Result] = TypeAdapter(Result)
VIEW_KEY: TypeAdapter[ViewKey] = TypeAdapter(ViewKey)


class EngineProtocol(Protocol):
    """`Engine` (in this process), `RemoteEngine` (over the profile's socket) and `ReadOnlyEngine` (database only) all stand behind it."""

    @property
    def description(self) -> str:
        """One line: which engine this is, for the status line (`in this window`, `attached to pid 812`, `read-only`)."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Leave cleanly. For an attached face this only detaches."""
        ...

    async def snapshot(self, view: ViewKey, since: int = 0) -> Snapshot:
        """The view, or `Unchanged` when its version equals `since`. Raises UserError for an unknown subject."""
        ...

    async def submit(self, command: Command) -> Result: ...

    def events(self) -> AsyncIterator[EngineEvent]:
        """A bounded, lossy stream; `lost` on an event counts what was dropped before it."""
        ...
