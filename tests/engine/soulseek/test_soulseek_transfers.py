"""Files move between two users of this program over real sockets and a real server."""

from __future__ import annotations

from soulseek_world import Sink, World, blob, sha

from slskdn_tui.model.ports import OriginEnd, OriginState

SIZE = 3 * 1024 * 1024 + 17


def test_a_searched_file_arrives_bit_identical(in_world) -> None:
    data = blob(SIZE)

    async def story(world: World) -> None:
        folder = world.share("up", {"Lab Band/First Album/01 - Opening Song.flac": data})
        await world.online("uploader", 2, folder)
        down = await world.online("downloader", 3)
        found = await world.find(down, "opening song")
        assert found.username == "uploader" and found.size == SIZE and found.extension == "flac"
        assert found.path.endswith("\\Music\\Lab Band\\First Album\\01 - Opening Song.flac")
        sink = Sink()
        end, words = await down.origin(found).fetch(sink)
        assert (end, words) == (OriginEnd.COMPLETE, "")
        assert sha(bytes(sink.data)) == sha(data)
        assert [state for state, _ in sink.states][-1] == OriginState.ENDED
        assert world.moved["downloader", "uploader", "down"] == SIZE
        assert world.moved["uploader", "downloader", "up"] == SIZE

    in_world(story)
