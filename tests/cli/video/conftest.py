from pathlib import Path

import pytest


@pytest.fixture
def data() -> Path:
    """Small files that cannot be made at test time."""
    return Path(__file__).parents[2] / "data" / "videos"
