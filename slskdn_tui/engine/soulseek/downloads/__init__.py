"""Downloads: one stream a file, from one holder at a time."""
