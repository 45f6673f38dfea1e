"""A job whose file goes into the warm cache instead of the library, and what sets it apart. Core.

It has no manifest (a manifest names no folder, so that one rebuilt from it would end in the library), tells nobody when it ends, counts as owned nowhere
and stands in no other job's way.
"""

from __future__ import annotations

import uuid

from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.aggregates import VariantChoice
from slskdn_tui.model.jobs import Constraints, JobType
from slskdn_tui.model.music import Release

CACHE = "cache"
"""The key in a record's details; its value is the recording."""
SIZE, VARIANT = "cache_size", "cache_variant"


def for_cache(record: JobRecord) -> str:
    """The recording that is fetched for the cache; empty for a job of the user's."""
    return record.details.get(CACHE, "")


def only_size(record: JobRecord) -> int:
    """The size in bytes that a file must have to be fetched by this job; 0 for any."""
    return int(record.details.get(SIZE, "0"))


def better_variant(record: JobRecord) -> str:
    """The variant that is to take the place of what the cache holds; empty for a job that fetches what it does not."""
    return record.details.get(VARIANT, "")


def cache_record(release: Release, recording: str, folder: str, better: VariantChoice | None = None) -> JobRecord:
    """A job for one recording, `release` holding its track alone, that places it in `folder` under its MBID: any copy of it, or the `better` one."""
    details = {CACHE: recording, "template": recording + ".{ext}"}
    if better is not None:
        details |= {SIZE: str(better.length), VARIANT: better.variant_id}
    return JobRecord(str(uuid.uuid4()), JobType.RECORDING.value, release, Constraints(), folder=folder, details=details)
