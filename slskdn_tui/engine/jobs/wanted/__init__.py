"""What of a release a job fetches, where it goes, and what it replaces."""
