"""LIPAR live: a causal few-step video editor that recomputes only what changed.

Importing this package pulls in no torch: the web process and the command line read presets and parameters from it.
"""

__version__ = "0.1.0"
