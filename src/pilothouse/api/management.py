"""The FastAPI application that holds the management routes: who may call them, and errors in one shape."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pilothouse import __version__
from pilothouse.access import Keys
from pilothouse.errors import Forbidden, InvalidRequest, PilothouseError

__all__ = ["management"]


def management(routers: Sequence[APIRouter], keys: Keys) -> FastAPI:
    """`routers` under `/api`, for administrators' keys only. OpenAPI at `/api/openapi.json`, pages at `/api/docs`."""

    def administrator(authorization: Annotated[str | None, Header()] = None) -> None:
        principal = keys.authenticate(authorization)
        if not principal.is_admin:
            raise Forbidden("This needs an administrator's key.")

    app = FastAPI(
        title="Pilothouse", version=__version__, docs_url="/api/docs", redoc_url=None, openapi_url="/api/openapi.json"
    )
    app.add_exception_handler(PilothouseError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    for router in routers:
        app.include_router(router, dependencies=[Depends(administrator)])
    return app


def _answer(error: PilothouseError) -> JSONResponse:
    body = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return JSONResponse({"error": body}, error.status)


async def _on_error(_: Request, error: Exception) -> JSONResponse:
    return _answer(error if isinstance(error, PilothouseError) else PilothouseError(str(error)))


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    where = ".".join(str(step) for step in problems[0]["loc"][1:]) if problems else None
    text = "; ".join(f"{'.'.join(str(step) for step in p['loc'][1:])}: {p['msg']}" for p in problems)
    return _answer(InvalidRequest(text or "The request is not valid.", param=where))


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else str(error)
    message = f"{request.method} {request.url.path}: {detail}"
    return JSONResponse(
        {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}, status
    )
