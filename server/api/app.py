"""The web application: lifespan, routers, middleware."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import lipar_core
from lipar_core.presets import load_preset
from lipar_core.sizes import with_size
from server.api import access, docs, health, metrics, preset, sessions, whep, whip
from server.api.error_handlers import add_error_handlers
from server.api.middleware import BodyLimit, Compression, DefaultHeaders, PathNormalization, PublicCors, RequestFilter
from server.api.page_files import add_page
from server.control.registry import SessionRegistry
from server.media import aiortc_patches
from server.media.colour_space_extension import register_colour_space
from server.media.decoder import patch_decoder_worker
from server.media.dtls import patch_dtls
from server.settings import Settings
from server.workers.entry import Entry, main

SWITCH_S = 0.0005  # maximum time that another Python thread keeps the GIL while the event loop waits for it


def create_app(settings: Settings, model: Entry = main) -> FastAPI:
    """The application; its lifespan starts and stops the model process, which runs `model`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        sys.setswitchinterval(SWITCH_S)
        aiortc_patches.check_versions()
        aiortc_patches.register_receive_codecs()
        patch_dtls()
        register_colour_space()
        patch_decoder_worker()
        aiortc_patches.set_bitrates(settings.start_bitrate, settings.min_bitrate, settings.max_bitrate)
        if settings.loopback:
            aiortc_patches.enable_loopback_candidates()
        if settings.udp_range is not None:
            aiortc_patches.limit_udp_ports(asyncio.get_running_loop(), *settings.udp_range)
        app.state.sessions = SessionRegistry(settings, with_size(load_preset(settings.preset), settings.size), model)
        app.state.sessions.start()
        yield
        await app.state.sessions.stop()

    app = FastAPI(
        title="LIPAR live",
        version=lipar_core.__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,  # `api/docs.py` has its own
        redoc_url=None,
    )
    for module in (health, metrics, access, preset, sessions, whip, whep, docs):
        app.include_router(module.router)
    add_error_handlers(app)
    add_page(app, settings.static, settings.base_path)
    # The middleware added last is the outermost.
    app.add_middleware(BodyLimit)
    app.add_middleware(Compression)
    app.add_middleware(RequestFilter, settings=settings)
    app.add_middleware(PublicCors)
    app.add_middleware(PathNormalization, base_path=settings.base_path)
    app.add_middleware(DefaultHeaders)
    return app
