"""What keys do on Peers: sections, the report's window, one peer, the cache's switch. Shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slskdn_tui.commands import by_name
from slskdn_tui.model.text import SafeText
from slskdn_tui.ui.screens.peers import PeersScreen

if TYPE_CHECKING:
    from slskdn_tui.ui.actions import Actions

Args = dict[str, Any]


def name_of(actions: Actions, peer: str) -> str:
    """A peer, or a recording of the cache, as the screen names it."""
    rows = actions.app.live.main.model.rows if actions.app.live is not None else ()
    named = (
        (str(getattr(row, "name", "") or getattr(row, "title", "")), getattr(row, "peer", "") or getattr(row, "recording", ""))
        for row in rows
    )
    return next((name for name, key in named if key == peer), str(SafeText(peer, 24)))


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


def cache(actions: Actions, args: Args) -> None:
    if (screen := _peers(actions)) is not None:
        screen.go("cache")


def toggle_cache(actions: Actions, args: Args) -> None:
    """On or off; from another section it is shown first."""
    screen = actions.app.live
    if not isinstance(screen, PeersScreen):
        return
    if screen.section.name != "cache" or screen.cache is None:
        screen.go("cache")
        return
    spec = by_name("cache.off" if screen.cache.on else "cache.on")
    assert spec is not None
    actions.run(spec)


def _on_peers(act: Callable[[PeersScreen], object]) -> Callable[[Actions, Args], None]:
    def run(actions: Actions, args: Args) -> None:
        if isinstance(screen := actions.app.live, PeersScreen):
            act(screen)

    return run


UI: dict[str, Callable[[Actions, Args], None]] = {
    "contribution.open": contribution,
    "peers.open": show,
    "cache.open": cache,
    "cache.toggle": toggle_cache,
    "peers.window": _on_peers(lambda screen: screen.go("contribution", 1 if screen.days == 7 else 7)),
    "peers.section": _on_peers(lambda screen: screen.step(1)),
    "peers.section_back": _on_peers(lambda screen: screen.step(-1)),
}
