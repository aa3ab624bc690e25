"""Shared by tests and benchmarks: a headless browser, the real server, an echo model, impaired links."""
