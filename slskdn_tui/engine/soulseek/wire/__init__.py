"""aioslsk's messages and connections, with the bounds it lacks."""
