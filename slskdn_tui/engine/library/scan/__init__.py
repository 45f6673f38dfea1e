"""Keeps the table of the library's files in step with the disk."""
