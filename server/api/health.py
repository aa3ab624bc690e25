"""Liveness and readiness."""

from dataclasses import asdict

from fastapi import APIRouter, Depends, Response

from server.api.auth import allow_anyone
from server.api.dependencies import Registry
from server.api.schemas import Readiness, WorkerInfo
from server.workers.placement import unavailable_reason

router = APIRouter(tags=["health"], dependencies=[Depends(allow_anyone)])


@router.get("/healthz")
async def health() -> dict[str, str]:
    """200 while the web process runs."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": Readiness, "description": "not ready: `reason` says why"}})
async def readiness(sessions: Registry, response: Response) -> Readiness:
    """200 once a model process has edited a warm-up block; else 503 with the reason."""
    workers = sessions.pool.statuses()
    ready = any(worker.state == "ready" for worker in workers)
    response.status_code = 200 if ready else 503
    reason = "" if ready else unavailable_reason(workers)
    infos = [WorkerInfo(**asdict(worker)) for worker in workers]
    return Readiness(ready=ready, reason=reason, loading_s=sessions.pool.loading_s(), workers=infos)
