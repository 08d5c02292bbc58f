"""The parts of a simulation: an event loop whose time jumps, containers that follow a script, and the recording."""
