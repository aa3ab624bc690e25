"""Fixtures of the server's tests."""

import pytest


@pytest.fixture
async def client(server):
    """A client of the module's `server`."""
    async with server.ready() as client:
        yield client
