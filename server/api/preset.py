"""The preset, the parameters' schema and the ICE servers, for pages and scripts."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from lipar_core.config import Preset, PresetStyle
from lipar_core.parameter_changes import to_dict
from lipar_core.parameters import json_schema
from lipar_core.presets import default_parameters
from lipar_core.sizes import size_names
from server.api.auth import RequireRole
from server.api.dependencies import Registry
from server.api.error_schemas import error_responses
from server.api.schemas import NAME_PATTERN, PresetInfo, StyleInfo
from server.control.access import Role
from server.ice import ice_servers as configured_servers
from server.settings import Settings

viewer_anywhere = Depends(RequireRole(Role.VIEWER, any_session=True))
Name = Annotated[str, Query(pattern=NAME_PATTERN)]
router = APIRouter(
    prefix="/api/v1", tags=["preset"], dependencies=[viewer_anywhere], responses=error_responses(401, 403, 404, 422)
)


@router.get("/preset")
async def preset(sessions: Registry) -> PresetInfo:
    """The running preset and the initial parameters of a session."""
    running = sessions.preset
    return PresetInfo(
        name=running.name,
        description=running.description,
        vocabulary_note=running.vocabulary_note,
        width=running.stream.width,
        height=running.stream.height,
        sizes=size_names(running),
        frames_per_block=running.stream.frames_per_block,
        styles=[
            StyleInfo(name=style.name, prompt=style.prompt, picture=_picture_of(style, running, sessions.settings))
            for style in running.styles
        ],
        parameters=to_dict(default_parameters(running, live=True)),
        first_sigma=running.schedule.sigma(running.schedule.steps[0]),
        max_sessions=sessions.settings.max_sessions,
    )


@router.get("/schema")
async def schema() -> dict[str, Any]:
    """JSON Schema of the live parameters."""
    return json_schema()


@router.get("/ice-servers")
async def ice_servers(sessions: Registry, session: Name | None = None) -> dict[str, list[dict[str, Any]]]:
    """The `iceServers` of an RTCPeerConnection; empty unless configured.

    `session`: a viewer's session; 404 if it has ended.
    """
    if session is not None:
        sessions.get(session)
    configured = configured_servers(sessions.settings, "page")
    servers = (
        {"urls": [server.url], "username": server.username, "credential": server.credential} for server in configured
    )
    return {"iceServers": [{k: v for k, v in server.items() if v is not None} for server in servers]}


def _picture_of(style: PresetStyle, preset: Preset, settings: Settings) -> str | None:
    """Where the page's build has a picture of the style; `python -m benchmarks.pictures` renders them."""
    path = f"styles/{preset.name}/{style.slug}.jpg"
    return path if (settings.static / path).is_file() else None
