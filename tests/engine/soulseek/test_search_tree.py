"""Our part in the distributed search tree, seen by a parent, a child, a stranger and the server."""

from __future__ import annotations

import asyncio

from aioslsk.protocol import messages as m
from aioslsk.protocol.primitives import PotentialParent, UserStats
from raw_peer import RawPeer, connect
from soulseek_world import World, blob


def told(world: World, name: str, kind: str) -> list:
    return [each.message for each in world.server.log if each.username == name and each.name == kind]


def test_searches_of_the_tree_are_answered_and_handed_on_but_only_those_of_the_parent(in_world) -> None:
    async def story(world: World) -> None:
        server = ("127.1.0.1", world.server.port)
        world.server._stats["alice"] = UserStats(1_000_000, 10, 0, 0)  # fast enough to have children
        alice = await world.online("alice", 2, world.share("up", {"Band/tune.flac": blob(500)}))
        ours = ("127.1.2.1", alice._settings.listen_port)
        parent, bob = await RawPeer("parent", "127.1.8.1").open(server), await RawPeer("bob", "127.1.7.1").open(server)
        await world.server.until(lambda: {"parent", "bob"} <= set(world.server.members))
        assert told(world, "alice", "BranchLevel")[-1].level == 0 and told(world, "alice", "ToggleParentSearch")[-1].enable

        # a stranger who tells a branch does not become the parent, and what he asks goes nowhere
        stranger = await connect(ours, "mallory", "D")
        await stranger.until(lambda: stranger.got(m.DistributedBranchLevel.Request))
        stranger.send(m.DistributedBranchLevel.Request(0), m.DistributedBranchRoot.Request("mallory"), m.DistributedChildDepth.Request(7))
        stranger.send(m.DistributedSearchRequest.Request(0x31, "bob", 11, "tune"))

        world.server.members["alice"].send(m.PotentialParents.Response([PotentialParent("parent", "127.1.8.1", parent.port)]))
        above = await parent.visitor("D")
        above.send(m.DistributedBranchLevel.Request(3), m.DistributedBranchRoot.Request("root"))
        await world.server.until(lambda: told(world, "alice", "BranchLevel")[-1].level == 4)
        await world.server.until(lambda: told(world, "alice", "BranchRoot")[-1].username == "root")
        await world.server.until(lambda: not told(world, "alice", "ToggleParentSearch")[-1].enable)
        assert told(world, "alice", "AcceptChildren")[-1].accept

        child = await connect(ours, "child", "D", "127.1.6.1")
        await child.until(lambda: child.got(m.DistributedBranchRoot.Request))
        assert [each.level for each in child.got(m.DistributedBranchLevel.Request)] == [4]
        assert [each.username for each in child.got(m.DistributedBranchRoot.Request)] == ["root"]

        above.send(m.DistributedSearchRequest.Request(0x31, "bob", 12, "band tune"))
        await child.until(lambda: child.got(m.DistributedSearchRequest.Request))
        assert [(each.username, each.ticket, each.query) for each in child.got(m.DistributedSearchRequest.Request)] == [
            ("bob", 12, "band tune")
        ]
        answer = await bob.visitor("P")
        await answer.until(lambda: answer.got(m.PeerSearchReply.Request))
        replies = answer.got(m.PeerSearchReply.Request)
        assert [(each.ticket, [file.filename[7:] for file in each.results]) for each in replies] == [(12, ["\\Music\\Band\\tune.flac"])]

        above.send(m.DistributedBranchLevel.Request(5))
        await world.server.until(lambda: told(world, "alice", "BranchLevel")[-1].level == 6)
        await child.until(lambda: child.got(m.DistributedBranchLevel.Request)[-1].level == 6)
        above.close()
        await world.server.until(lambda: told(world, "alice", "BranchLevel")[-1].level == 0)
        await world.server.until(lambda: told(world, "alice", "ToggleParentSearch")[-1].enable)
        await child.until(lambda: child.got(m.DistributedBranchLevel.Request)[-1].level == 0)
        assert not told(world, "alice", "ChildDepth")
        assert len(bob.visitors) == 1, "only the parent's search was answered"
        for each in (stranger, child, parent, bob):
            each.close()

    in_world(story)


def test_a_parent_that_flickers_is_left_before_it_floods_the_server(in_world) -> None:
    async def story(world: World) -> None:
        alice = await world.online("alice", 2)
        parent = await RawPeer("parent", "127.1.8.1").open(("127.1.0.1", world.server.port))
        await world.server.until(lambda: "parent" in world.server.members)
        world.server.members["alice"].send(m.PotentialParents.Response([PotentialParent("parent", "127.1.8.1", parent.port)]))
        above = await parent.visitor("D")
        above.send(m.DistributedBranchRoot.Request("root"), *(m.DistributedBranchLevel.Request(level) for level in range(1, 200)))
        await asyncio.wait_for(above.closed.wait(), 20)
        await world.server.until(lambda: told(world, "alice", "ToggleParentSearch")[-1].enable)
        assert len(told(world, "alice", "BranchLevel")) < 12
        assert alice.state == "online"
        parent.close()

    in_world(story)
