"""The parts of `lipar osc`."""
