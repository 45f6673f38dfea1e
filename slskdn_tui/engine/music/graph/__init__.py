"""The release graph of MusicBrainz: an artist's or label's releases as a tree, and where they lead."""
