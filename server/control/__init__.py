"""Live sessions: their phases, sources, viewers and parameters, the registry, access."""
