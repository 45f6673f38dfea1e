"""Views of peers and of contribution. Shell over the running engine."""

from __future__ import annotations

from dataclasses import replace

from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.peers.naming import SLSK
from slskdn_tui.engine.views.known_peers import Live, contribution_view, known_peers, peers_view
from slskdn_tui.model.peers import ContributionView, PeersView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey


class PeerViews:
    """One maker a screen."""

    def __init__(self, engine: Parts) -> None:
        self._engine = engine

    async def peers(self, key: ViewKey) -> PeersView:
        engine = self._engine
        peers = known_peers(engine.book.rows(), engine.ledger.by_peer(), _live(engine), engine.store.clock.wall())
        view = peers_view(peers, key.subject, key.filter, key.start, key.count)
        return replace(view, mesh=tuple(SafeText(line) for line in engine.finder.report))

    async def contribution(self, key: ViewKey) -> ContributionView:
        engine = self._engine
        return contribution_view(
            key.subject, engine.ledger.by_day(), engine.governor.verdict(), engine.settings.fairness, engine.store.clock.wall().date()
        )


def _live(engine: Parts) -> dict[str, Live]:
    """Who is connected or moves something now. Rates are whole KB/s and RTTs whole ms: what nobody can see changes no row."""
    live: dict[str, Live] = {}
    for node, peer in engine.mesh.peers.items() if engine.mesh is not None else ():
        live[node] = Live(True, address=peer.address, client=peer.client, soulseek=peer.soulseek_name)
    for up in engine.mesh.uploads() if engine.mesh is not None else ():
        if (one := live.get(up.peer)) is not None:
            live[up.peer] = replace(one, rate_up=one.rate_up + round(up.rate, -3))
    for sent in engine.soulseek.uploads():
        if sent.speed >= 1:
            one = live.get(SLSK + sent.username, Live(True))
            live[SLSK + sent.username] = replace(one, rate_up=one.rate_up + round(sent.speed, -3))
    for job in engine.runner.jobs():
        for track in job.tracks:
            status = track.status
            for source in status.sources if status is not None else ():
                moves = track.swarm is not None and source.rate >= 1
                seen = live.get(source.source)
                if seen is None and not moves:
                    continue
                one = seen or Live(source.plane == "slsk")
                rtt = one.rtt if source.rtt is None else round(source.rtt, 3)
                live[source.source] = replace(one, rate_down=one.rate_down + (round(source.rate, -3) if moves else 0.0), rtt=rtt)
    return live
