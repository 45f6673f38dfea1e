"""Discogs, where MusicBrainz links to no release there: `match` (which one it is; core), `client` (asking), `keeper` (the library's releases, one after the other)."""
