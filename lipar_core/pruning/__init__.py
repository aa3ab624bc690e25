"""Which tokens are computed, and what stands in for the others."""
