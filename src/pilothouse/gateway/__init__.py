"""The one path of every model call, and the `/v1` endpoints that lead to it."""

from pilothouse.gateway.endpoints import Endpoints
from pilothouse.gateway.pipeline import Gateway
from pilothouse.gateway.routing.router import Deployment, Router

__all__ = ["Deployment", "Endpoints", "Gateway", "Router"]
