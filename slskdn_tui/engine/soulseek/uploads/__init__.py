"""Uploads: whom we serve, in which order and how fast."""
