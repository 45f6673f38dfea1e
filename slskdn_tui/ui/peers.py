"""What keys do on Peers: sections, the report's window, one peer. Shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slskdn_tui.model.text import SafeText
from slskdn_tui.ui.screens.peers import PeersScreen

if TYPE_CHECKING:
    from slskdn_tui.ui.actions import Actions

Args = dict[str, Any]


def name_of(actions: Actions, peer: str) -> str:
    """A peer as the screen names it."""
    rows = actions.app.live.main.model.rows if actions.app.live is not None else ()
    return next((str(row.name) for row in rows if getattr(row, "peer", "") == peer), str(SafeText(peer, 24)))


def _peers(actions: Actions) -> PeersScreen | None:
    """The Peers screen, shown if it is not."""
    if not isinstance(actions.app.live, PeersScreen):
        actions.app.places.show("peers")
    top = actions.app.screen_stack[-1] if actions.app.screen_stack else None
    return top if isinstance(top, PeersScreen) else None


def contribution(actions: Actions, args: Args) -> None:
    if (screen := _peers(actions)) is not None:
        screen.go("contribution", int(args.get("days") or 7))


def show(actions: Actions, args: Args) -> None:
    if (screen := _peers(actions)) is not None:
        screen.show(str(args.get("peer") or ""))


def _on_peers(act: Callable[[PeersScreen], object]) -> Callable[[Actions, Args], None]:
    def run(actions: Actions, args: Args) -> None:
        if isinstance(screen := actions.app.live, PeersScreen):
            act(screen)

    return run


UI: dict[str, Callable[[Actions, Args], None]] = {
    "contribution.open": contribution,
    "peers.open": show,
    "peers.window": _on_peers(lambda screen: screen.go("contribution", 1 if screen.days == 7 else 7)),
    "peers.section": _on_peers(lambda screen: screen.step(1)),
    "peers.section_back": _on_peers(lambda screen: screen.step(-1)),
}
