"""Which version of the transcode test this is: verdicts carry it, and files that an older one judged are judged anew. Core."""

METHOD = 2
