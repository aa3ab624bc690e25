"""The interactive API reference. The only page that loads anything from another server: Swagger UI from its CDN."""

from fastapi import APIRouter, Depends
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

from server.api.auth import allow_anyone

router = APIRouter(include_in_schema=False)
CDN = "https://cdn.jsdelivr.net"
CONTENT_SECURITY_POLICY = (
    f"default-src 'self'; script-src {CDN} 'unsafe-inline'; style-src {CDN} 'unsafe-inline'; "
    "img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
)


@router.get("/docs", dependencies=[Depends(allow_anyone)])
async def docs() -> HTMLResponse:
    page = get_swagger_ui_html(openapi_url="openapi.json", title="LIPAR live", swagger_favicon_url="data:,")
    page.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return page
