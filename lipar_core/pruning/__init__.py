"""The pruning method: which tokens are computed, and what replaces the others."""
