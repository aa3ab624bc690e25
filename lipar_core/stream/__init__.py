"""One stream: frames waiting for a block, the state that a reset replaces, and the editing of a block."""
