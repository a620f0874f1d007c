"""How a component reaches Dot: the token as a reference, and the server."""

from __future__ import annotations

from typing import Annotated

import dagster as dg
from pydantic import Field

from dagster_dot.components.hints import field
from dagster_dot.components.secrets import Token
from dagster_dot.resource import DotResource


class DotConnection(dg.Resolvable, dg.Model):
    """The fields of a ``DotResource``, for components that hold one of their own."""

    api_token: Token = Field(repr=False)
    region: Annotated[str | None, field("us (the default) or eu.", placeholder="us")] = None
    base_url: Annotated[
        str | None, field("Origin of a self-hosted Dot, instead of a region.", examples=["https://dot.example.com"])
    ] = None
    environment: Annotated[str | None, field("Id of a Dot environment, instead of production.")] = None
    timeout: Annotated[int, field("Whole seconds that one request may take.", advanced=True)] = 60
    allow_http: Annotated[
        bool, field("Accept an http:// base_url of another machine; the token travels unencrypted.", advanced=True)
    ] = False

    def get_resource(self) -> DotResource:
        """Return the resource; override it to change how Dot is reached."""
        return DotResource(
            api_token=self.api_token,
            region=self.region,
            base_url=self.base_url,
            environment=self.environment,
            timeout=self.timeout,
            allow_http=self.allow_http,
        )
