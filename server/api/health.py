"""Liveness and readiness."""

from fastapi import APIRouter, Depends, Response

from server.api.auth import allow_anyone
from server.api.dependencies import Registry
from server.api.schemas import Readiness

router = APIRouter(tags=["health"], dependencies=[Depends(allow_anyone)])


@router.get("/healthz")
async def health() -> dict[str, str]:
    """200 while the web process runs."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": Readiness, "description": "not ready: `reason` says why"}})
async def readiness(sessions: Registry, response: Response) -> Readiness:
    """200 once the model process has edited a warm-up block; else 503 with the reason."""
    (worker,) = sessions.pool.statuses()
    ready = worker.state == "ready"
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, reason="" if ready else worker.reason)
