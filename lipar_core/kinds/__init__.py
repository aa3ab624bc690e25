"""Kinds of codecs, transformers and text encoders: their configuration and the registry. Never imports torch."""
