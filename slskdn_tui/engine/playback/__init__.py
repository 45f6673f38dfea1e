"""Listening while a file still arrives: buffer and windows (cores), the loopback HTTP server, the player. Core: empty."""
