"""Metrics for Prometheus."""

import time

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from server.api.auth import Bearer, RequireRole
from server.api.dependencies import Registry
from server.api.error_schemas import error_responses
from server.control.access import Permission, Role, equal_in_constant_time
from server.control.metrics import ServerMetrics

router = APIRouter(tags=["health"], responses=error_responses(401, 403))
FORMATS = ("text/plain", "application/openmetrics-text")


class RequireMetrics(RequireRole):
    """The role admin, or LIPAR_METRICS_TOKEN, which grants nothing else."""

    async def __call__(self, request: Request, sessions: Registry, bearer: Bearer) -> Permission:
        known = sessions.settings.metrics_token
        if bearer is not None and known is not None and equal_in_constant_time(bearer.credentials.strip(), known):
            return Permission(Role.VIEWER, "metrics_token")
        return await super().__call__(request, sessions, bearer)


@router.get(
    "/metrics",
    dependencies=[Depends(RequireMetrics(Role.ADMIN))],
    response_class=Response,
    responses={200: {"content": {kind: {"schema": {"type": "string"}} for kind in FORMATS}}},
)
async def metrics(request: Request, sessions: Registry) -> Response:
    """Counters, histograms and gauges, as Prometheus or OpenMetrics text."""
    registry = CollectorRegistry()
    registry.register(ServerMetrics(sessions, time.monotonic()))
    ProcessCollector(registry=registry)  # of the web process
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(registry), headers={"Content-Type": content_type})
