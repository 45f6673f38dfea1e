"""Widgets drawn line by line, so that a change costs its own cells and nothing else."""
