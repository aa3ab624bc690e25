"""A published stream, to see that a deployed server edits."""

import httpx2

from tests.server.api.whip_client import ADMIN, PUBLISH, VIEW, bearer, live, publishing, watching
from tests.server.live import TIMEOUT_S

FRAMES = 20
TOKENS = {"LIPAR_TOKEN": ADMIN, "LIPAR_EDITOR_TOKEN": PUBLISH, "LIPAR_VIEW_TOKEN": VIEW}


async def edited_blocks(address: str) -> int:
    """Publish by WHIP and watch by WHEP until edited frames have arrived; returns the number of edited blocks."""
    options = {"timeout": TIMEOUT_S, "headers": bearer(ADMIN)}
    async with httpx2.AsyncClient(base_url=address, **options) as client, publishing(client, "?session=deployed"):
        await live(client, "deployed")
        async with watching(client, "deployed") as viewer:
            await viewer.sees(FRAMES)
        status = (await client.get("/api/v1/sessions/deployed")).json()
        return int(status["stats"]["counters"]["blocks"])
