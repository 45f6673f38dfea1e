"""Local files as something to upload: hashed once, opened safely, served by `pread`. Shells files.

A file that changes after it was hashed is served as it is; the receiver's digest check catches that.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from slskdn_tui.engine.content.digests import LeafDigests, join_digests
from slskdn_tui.model.variant import PAGE_LEAVES, Variant

BENCH_RECORDING = "00000000-0000-0000-0000-000000000000"
"""The recording that `slskdn bench` asks for: a file served there answers to it."""
_READ = 1024 * 1024
_PAGE_BYTES = PAGE_LEAVES * 32


def open_regular(path: Path) -> int:
    """A read-only descriptor. OSError when the path is no regular file or its last part a symbolic link."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(f"{path} is not a regular file")
    return fd


def hash_file(path: Path) -> tuple[str, int, bytes]:
    """(variant id of kind `file`, length, leaf digests joined) in one pass. Blocks; OSError when it cannot be read."""
    fd = open_regular(path)
    try:
        digests = LeafDigests()
        while data := os.pread(fd, _READ, digests.length):
            digests.update(data)
        variant_id = digests.finish("file")
        return variant_id, digests.length, join_digests(digests.leaves)
    finally:
        os.close(fd)


class FileReader:
    """An open file (`ChunkReader`)."""

    def __init__(self, variant: Variant, digests: bytes, fd: int) -> None:
        self.variant = variant
        self._digests = digests
        self._fd = fd

    def digest_page(self, page: int) -> bytes:
        return self._digests[page * _PAGE_BYTES : (page + 1) * _PAGE_BYTES]

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._fd, length, offset)

    def close(self) -> None:
        os.close(self._fd)


class FileProvider:
    """Files that were added, each for one recording (`ChunkProvider`)."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[Path, bytes, Variant]] = {}
        self._variants: dict[tuple[str, str], Variant] = {}

    async def add(self, path: Path, recording: str = BENCH_RECORDING, **facts: str | int | float | None) -> Variant:
        """Hash the file in an executor and offer it for `recording`; `facts` are further fields of `Variant`. OSError, and ValueError when it is empty."""
        variant_id, length, digests = await asyncio.get_running_loop().run_in_executor(None, hash_file, path)
        if not length:
            raise ValueError(f"{path} is empty")
        variant = replace(Variant(variant_id, "file", length, recording), **facts)  # type: ignore[arg-type]
        self._files[variant_id] = (path, digests, variant)
        self._variants[variant_id, recording] = variant
        return variant

    def remove(self, variant_id: str) -> None:
        """No longer offered; what is being read goes on."""
        self._files.pop(variant_id, None)
        self._variants = {key: variant for key, variant in self._variants.items() if key[0] != variant_id}

    def find(self, recordings: Sequence[str]) -> Sequence[Variant]:
        wanted = set(recordings)
        return [variant for (_, recording), variant in self._variants.items() if recording in wanted]

    def open(self, variant_id: str) -> FileReader | None:
        found = self._files.get(variant_id)
        if found is None:
            return None
        path, digests, variant = found
        try:
            return FileReader(variant, digests, open_regular(path))
        except FileNotFoundError:
            return None
