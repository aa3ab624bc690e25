"""The live server: a web process that never imports torch, and a model process, joined by `wire` and `ring`."""
