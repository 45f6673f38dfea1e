"""Carries the limits in force, and what the fairness governor holds back, to everything that moves bytes: once a second and at each change.
Shell over the engine's parts.

What holds: while only one plane moves, it has the whole cap. While both do, the cap is split by how many transfers each has (a rescued track counts
for the mesh but for its origin's share), and the mesh's part among its tracks: the sum never passes the cap but for the second in which a plane begins.
What a plane leaves of its part is not lent to the other.
"""

from __future__ import annotations

from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.peers.bandwidth import least_cap
from slskdn_tui.engine.peers.governor import Verdict
from slskdn_tui.engine.peers.limits import InForce, share, words
from slskdn_tui.engine.runtime.clock import Clock

TICK_S = 1.0


class Speed:
    """`run` is supervised; `apply` at once after a change by hand."""

    def __init__(self, engine: Parts, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._said: InForce | None = None
        self._soulseek: tuple[int, int] | None = None
        self._mesh_up: int | None = -1
        self._slots = engine.settings.overlay.upload_slots

    async def run(self) -> None:
        while True:
            self.apply()
            await self._clock.sleep(TICK_S)

    def apply(self) -> None:
        caps = self._engine.limits.in_force()
        self._say(caps)
        down, mesh_down = self._downloads(caps.down_kbps)
        up, mesh_up = self._uploads(caps.up_kbps)
        if self._soulseek != (down, up):
            self._soulseek = (down, up)
            self._engine.soulseek.set_limits(down, up)
        rate = least_cap(self._engine.settings.overlay.bandwidth_kbps, mesh_up)
        if self._engine.mesh is not None and rate != self._mesh_up:
            self._mesh_up = rate
            self._engine.mesh.set_upload_rate(rate)
        verdict = self._engine.governor.verdict()
        slots = self._engine.settings.overlay.upload_slots if verdict.may_upload else 0
        if self._engine.mesh is not None and slots != self._slots:
            self._slots = slots
            self._engine.mesh.set_upload_slots(slots)
        self._swarms(min((cap for cap in (mesh_down, verdict.down_kbps) if cap), default=0), verdict)

    def _say(self, caps: InForce) -> None:
        if self._said is not None and self._said != caps:
            self._engine.bus.publish("limits.changed", "limits", f"speed limits: {words(caps.down_kbps, caps.up_kbps)} ({caps.because})")
        self._said = caps

    def _downloads(self, cap: int) -> tuple[int, int]:
        kept = self._engine.settings.rescue.origin_share
        soulseek = mesh = 0.0
        for swarm in (live.swarm for job in self._engine.runner.jobs() for live in job.tracks if live.swarm is not None):
            alive = swarm.stream is not None and not swarm.stream.ended
            rescued = bool(swarm.members)
            soulseek += (kept if rescued else 1.0) if alive else 0.0
            mesh += (1.0 - kept if alive else 1.0) if rescued else 0.0
        return share(cap, soulseek, mesh)

    def _uploads(self, cap: int) -> tuple[int, int]:
        soulseek = sum(each.state == "active" for each in self._engine.soulseek.uploads()) if cap else 0
        mesh = sum(each.rate > 0 for each in self._engine.mesh.uploads()) if cap and self._engine.mesh is not None else 0
        return share(cap, soulseek, mesh)

    def _swarms(self, cap: int, verdict: Verdict) -> None:
        running = [(job, live.swarm) for job in self._engine.runner.jobs() for live in job.tracks if live.swarm is not None]
        count = max(1, sum(bool(swarm.members) for _, swarm in running))
        for job, swarm in running:
            swarm.set_overlay_rate(least_cap(job.record.constraints.overlay_bandwidth_kbps, max(1, cap // count) if cap else 0))
            swarm.limit_peers(verdict.most_peers, verdict.why)
