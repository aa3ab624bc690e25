"""Shared by WHIP and WHEP: SDP in and out of HTTP bodies (RFC 9725; draft-ietf-wish-whep)."""

from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request, Response

from server.api.error_schemas import error_responses
from server.api.schemas import MAX_SDP
from server.errors import BadOffer
from server.ice import IceServer, ice_servers
from server.media.peer import Peer
from server.media.trickle import MEDIA_TYPE, read_trickle
from server.settings import Settings

SDP = "application/sdp"
ACCEPTED = {"Accept-Post": SDP}


async def read_offer(request: Request) -> str:
    """The body of a POST. 415 for another media type, 400 if it is not SDP."""
    text = await _read(request, SDP, ACCEPTED)
    if not text.startswith("v="):
        raise HTTPException(400, {"message": "the body is not SDP: it must begin with v=0"}, ACCEPTED)
    return text


OfferText = Annotated[str, Depends(read_offer)]


def body_of(media_type: str) -> dict[str, Any]:
    """The `openapi_extra` of a route that reads its body itself."""
    text = {"type": "string", "maxLength": MAX_SDP}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": text}}}}


OFFER, CANDIDATES = body_of(SDP), body_of(MEDIA_TYPE)
ANSWER: dict[int | str, dict[str, Any]] = {
    201: {"description": "the SDP answer", "content": {SDP: {"schema": {"type": "string"}}}}
}
TRICKLE_ERRORS = error_responses(400, 401, 403, 404, 412, 413, 415, 422, 428)


def sdp_response(sdp: str, location: str, peer: Peer, settings: Settings) -> Response:
    """201 with the SDP answer, the URL of the new resource, and the ICE servers."""
    headers = {"Location": location, "ETag": peer.etag, "Accept-Patch": MEDIA_TYPE}
    response = Response(sdp, 201, headers, SDP)
    for server in ice_servers(settings, peer.id):
        response.headers.append("Link", _link(server))
    return response


async def add_trickled_candidates(request: Request, peer: Peer) -> Response:
    """PATCH: more candidates. 428 and 412 as in RFC 9725, section 4.3.1; an ICE restart is rejected with 422."""
    text = await _read(request, MEDIA_TYPE, {"Accept-Patch": MEDIA_TYPE})
    match request.headers.get("if-match"):
        case None:
            raise HTTPException(428, {"message": "If-Match is missing: it is the ETag of the answer"})
        case "*":
            raise BadOffer("an ICE restart is not supported: create a new session")
        case tag if tag != peer.etag:
            raise HTTPException(412, {"message": f"If-Match {tag[:100]} is not the ETag of this resource"})
    await peer.add_candidates(read_trickle(text))
    return Response(status_code=204)


async def _read(request: Request, media_type: str, headers: dict[str, str]) -> str:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != media_type:
        raise HTTPException(
            415, {"message": f"Content-Type is {content_type or 'missing'}: it must be {media_type}"}, headers
        )
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_SDP:
            raise HTTPException(413, {"message": f"the body is longer than {MAX_SDP} bytes"})
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise HTTPException(400, {"message": "the body is not UTF-8"}, headers) from error


def _link(server: IceServer) -> str:
    link = f'<{server.url}>; rel="ice-server"'
    if server.username is not None:
        link += f'; username="{server.username}"; credential="{server.credential}"; credential-type="password"'
    return link
