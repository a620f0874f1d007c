"""The resource that assets, checks and sensors reach Dot through."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr

from dot_provider import __version__
from dot_provider.api.errors import DotConfigError
from dot_provider.api.forks import Lock

if TYPE_CHECKING:
    from dot_provider.api import DotClient

RESOURCE_KEY = "dot"
"""The key under which assets look for the resource unless they are told another one."""

QUICK_TIMEOUT = 15.0
"""Seconds that a call of a sensor, or of a code location that loads, may take."""


class DotResource(dg.ConfigurableResource[Any]):
    """A Dot server and the token for it.

    The client is made when it is first asked for and shared by all steps of a process; it is safe to use from several
    threads. Outside of runs, in sensors and scripts, ``get_client()`` works as well: an ``EnvVar`` is resolved then.

    Example:
        >>> import dagster as dg
        >>> from dagster_dot import DotResource
        >>> defs = dg.Definitions(resources={"dot": DotResource(api_token=dg.EnvVar("DOT_API_TOKEN"))})
    """

    api_token: str = Field(
        description="API token from Dot's settings, of a service user. Use an EnvVar.",
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

    _client: Any = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=Lock)

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
        from dot_provider.api.server import SettingNames, server

        checked = server(
            token=_value(self.api_token),
            region=_value(self.region) or None,
            base_url=_value(self.base_url) or None,
            environment=_value(self.environment) or None,
            timeout=_value(self.timeout),
            token_header=_value(self.token_header),
            allow_http=self.allow_http,
            names=SettingNames(token="api_token"),  # noqa: S106 - a name
        )
        return DotClient.for_server(replace(checked, user_agent=f"dagster-dot/{__version__} {checked.user_agent}"))


def quick_client(dot: DotResource) -> DotClient:
    """Return a client of one's own that tries each call once, within ``QUICK_TIMEOUT`` seconds.

    For sensors and for loading a code location, which Dagster ends after a time, and which come round again anyway.
    """
    from dot_provider.api import DotClient

    return DotClient.for_server(replace(dot.get_client().server, timeout=QUICK_TIMEOUT, retry_for=0))


def client_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, resource_key: str) -> DotClient:
    """Return the client of the resource that a step was given under ``resource_key``.

    Raises:
        DotConfigError: the resource is something else.
    """
    resource = getattr(context.resources, resource_key)
    if not isinstance(resource, DotResource):
        raise DotConfigError(f"The resource {resource_key!r} must be a DotResource, not {type(resource).__name__}.")
    return resource.get_client()


def _value(setting: Any) -> Any:
    """Return what a setting says; outside of runs Dagster leaves an ``EnvVar`` for us to look up."""
    look_up = getattr(setting, "get_value", None)
    if look_up is None:
        return setting
    found = look_up()
    if found is None:
        raise DotConfigError(f"The environment variable {setting.env_var_name} is not set.")
    return found
