"""slskdn-tui: a terminal music client over Soulseek, MusicBrainz and a verified mesh."""

__version__ = "0.1.0"
