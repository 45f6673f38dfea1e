"""One login kept alive, and the port others reach us on."""
