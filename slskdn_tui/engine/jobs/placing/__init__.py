"""Where files go in the library, and what comes beside the tracks."""
