"""How a component reaches Dot: the token as a reference, and the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import dagster as dg
from pydantic import Field

from dagster_dot.components.base import DotFields
from dagster_dot.components.form_fields import reference
from dagster_dot.resource import DotResource

# Not str: pydantic would turn an EnvVar into the bare name of its variable, and that would be sent as the token.
Reference = Annotated[Any, reference()]


class DotConnection(DotFields, dg.Model):
    """The fields of a ``DotResource``, for components that hold one of their own.

    What refers to the environment stays a reference.
    """

    api_token: Reference = Field(default=None, repr=False)
    region: Reference = None
    base_url: Reference = None
    environment: Reference = None
    timeout: int = 60
    allow_http: bool = False
    token_header: Reference = None
    username: Reference = None
    password: Reference = Field(default=None, repr=False)
    url_auth_user: Reference = None

    @classmethod
    def words(cls) -> Mapping[str, str]:
        """Return what the fields are: those of the resource."""
        described = {name: field.description or "" for name, field in DotResource.model_fields.items()}
        return {**super().words(), **described}

    def get_resource(self) -> DotResource:
        """Return the resource; override it to change how Dot is reached."""
        settings = {name: getattr(self, name) for name in DotConnection.model_fields}
        return DotResource(**{name: value for name, value in settings.items() if value is not None})
