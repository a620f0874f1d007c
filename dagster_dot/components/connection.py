"""How a component reaches Dot: the token as a reference, and the server."""

from __future__ import annotations

from typing import Annotated, Any

import dagster as dg
from pydantic import Field

from dagster_dot.components.base import DotFields
from dagster_dot.components.hints import field, reference
from dagster_dot.resource import DotResource


class DotConnection(DotFields, dg.Model):
    """The fields of a ``DotResource``, for components that hold one of their own.

    What refers to the environment stays a reference. The types are not str: pydantic would turn an ``EnvVar`` into the
    bare name of its variable, and that would be sent as the token.
    """

    api_token: Annotated[
        Any,
        reference(
            "API token from Dot's settings, of a service user, as a reference to an environment variable.",
            examples=["{{ env.DOT_API_TOKEN }}"],
        ),
    ] = Field(default=None, repr=False)
    region: Annotated[Any, reference("us (the default) or eu.", placeholder="us")] = None
    base_url: Annotated[
        Any, reference("Origin of a self-hosted Dot, instead of a region.", examples=["https://dot.example.com"])
    ] = None
    environment: Annotated[Any, reference("Id of a Dot environment, instead of production.")] = None
    timeout: Annotated[int, field("Whole seconds that one request may take.", advanced=True)] = 60
    allow_http: Annotated[
        bool, field("Accept an http:// base_url of another machine; the token travels unencrypted.", advanced=True)
    ] = False
    token_header: Annotated[
        Any, reference("API-KEY for an older self-hosted Dot, instead of X-API-KEY.", advanced=True)
    ] = None
    username: Annotated[Any, reference("User of a Dot older than API tokens.", advanced=True)] = None
    password: Annotated[Any, reference("That user's password.", examples=["{{ env.DOT_PASSWORD }}"], advanced=True)] = (
        Field(default=None, repr=False)
    )

    url_auth_user: Annotated[
        Any, reference("User of a Dot that takes the token in the URL of three endpoints only.", advanced=True)
    ] = None

    def get_resource(self) -> DotResource:
        """Return the resource; override it to change how Dot is reached."""
        settings = {name: getattr(self, name) for name in DotConnection.model_fields}
        return DotResource(**{name: value for name, value in settings.items() if value is not None})
