"""The resource that assets, checks and sensors reach Dot through."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr

from dagster_dot.dagster_internals import KeepsVariableNames
from dagster_dot.references import look_up, unset_message
from dot_provider import __version__
from dot_provider._forks import Lock
from dot_provider.api.errors import DotConfigError

if TYPE_CHECKING:
    from dot_provider.api import DotClient

RESOURCE_KEY = "dot"
"""The key under which assets look for the resource unless they are told another one."""

QUICK_TIMEOUT = 15.0
"""Seconds that a call of a sensor, or of a code location that loads, may take."""


class DotResource(KeepsVariableNames):
    """A Dot server and the token for it.

    The client is made when it is first asked for and shared by all steps of a process; it is safe to use from several
    threads. Outside of runs, in sensors and scripts, ``get_client()`` works as well: an ``EnvVar`` is resolved then.

    Example:
        >>> import dagster as dg
        >>> from dagster_dot import DotResource
        >>> defs = dg.Definitions(resources={"dot": DotResource(api_token=dg.EnvVar("DOT_API_TOKEN"))})
    """

    api_token: str | None = Field(
        default=None,
        description="API token from Dot's settings, of a service user, as a reference to an environment variable.",
        repr=False,
        json_schema_extra={"dagster__is_secret": True},
    )
    region: str | None = Field(default=None, description="Dot's region, 'us' (the default) or 'eu'.")
    base_url: str | None = Field(
        default=None, description="Origin of a self-hosted Dot, like https://dot.example.com, instead of a region."
    )
    environment: str | None = Field(
        default=None, description="Id of a Dot environment that everything is scoped to, instead of production."
    )
    timeout: int = Field(default=60, description="Whole seconds that one request may take.")
    token_header: str = Field(
        default="X-API-KEY", description="Header that carries the token: API-KEY for an older self-hosted Dot."
    )
    allow_http: bool = Field(
        default=False, description="Accept an http:// base_url of another machine; the token travels unencrypted."
    )
    username: str | None = Field(default=None, description="User of a Dot older than API tokens, instead of one.")
    password: str | None = Field(
        default=None,
        description="That user's password, as a reference to an environment variable.",
        repr=False,
        json_schema_extra={"dagster__is_secret": True},
    )

    url_auth_user: str | None = Field(
        default=None,
        description="User of a self-hosted Dot that knows no header: the token travels in the URL of three endpoints.",
    )

    _client: Any = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=Lock)

    def __init__(self, **settings: Any) -> None:
        # Dagster's resources take any field; a misspelt environment would write into production.
        fields = type(self).model_fields
        if unknown := sorted(settings.keys() - fields.keys()):
            raise DotConfigError(f"DotResource has no field {unknown[0]!r}; it has {', '.join(fields)}.")
        super().__init__(**settings)

    def get_client(self) -> DotClient:
        """Return the client, the same one each time.

        Raises:
            DotConfigError: a setting is missing or wrong. Nothing is sent before the first call.
        """
        with self._lock:
            if self._client is None:
                self._client = self._new_client()
            client: DotClient = self._client
            return client

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the client's connections, if it was ever made."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _new_client(self) -> DotClient:
        from dot_provider.api import DotClient
        from dot_provider.api.settings import SettingNames, server

        settings = {name: self._looked_up(name, value) for name, value in self._given.items()}
        token = settings.pop("api_token", None)
        checked = server(token=token, **settings, names=SettingNames(token="api_token"))  # noqa: S106 - a name
        return DotClient.for_server(replace(checked, user_agent=f"dagster-dot/{__version__} {checked.user_agent}"))

    def _looked_up(self, name: str, setting: Any) -> Any:
        """Return what a setting says; outside of runs Dagster leaves an ``EnvVar`` for us to look up."""
        found = look_up(name, setting)
        # An address that came to nothing must not mean Dot's own cloud, nor an environment production.
        if isinstance(found, str) and not found.strip() and (name != "api_token" or name in self._variables):
            why = (
                unset_message(self._variables[name]) if name in self._variables else "Give it a value, or leave it out."
            )
            raise DotConfigError(f"{name} is empty. {why}")
        return found

    @property
    def _given(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in DotResource.model_fields}
        return {name: setting for name, setting in given.items() if setting is not None}


def quick_client(dot: DotResource) -> DotClient:
    """Return a client of one's own that tries each call once, within ``QUICK_TIMEOUT`` seconds.

    For sensors and for loading a code location, which Dagster ends after a time, and which come round again anyway.
    """
    from dot_provider.api import DotClient

    return DotClient.for_server(replace(dot.get_client().server, timeout=QUICK_TIMEOUT, retry_for=0))


def client_of(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext | dg.OpExecutionContext, resource_key: str
) -> DotClient:
    """Return the client of the resource that a step was given under ``resource_key``.

    Raises:
        DotConfigError: the resource is something else.
    """
    resource = getattr(context.resources, resource_key)
    if not isinstance(resource, DotResource):
        raise DotConfigError(f"The resource {resource_key!r} must be a DotResource, not {type(resource).__name__}.")
    return resource.get_client()
