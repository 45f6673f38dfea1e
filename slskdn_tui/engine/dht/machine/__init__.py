"""The node as a state machine: datagrams and time in, datagrams and events out. Cores."""
