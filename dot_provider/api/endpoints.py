"""Every method of the clients, in one table: ``DotClient`` returns results, ``AsyncDotClient`` awaitables of them.

To add an endpoint, write its function in the module of its noun, as one call or a flow of several,
and name it here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from functools import update_wrapper
from types import MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from dot_provider.api import ask as _ask
from dot_provider.api import connections as _connections
from dot_provider.api import conversations as _conversations
from dot_provider.api import dbt as _dbt
from dot_provider.api import environments as _environments
from dot_provider.api import evaluations as _evaluations
from dot_provider.api import external_assets as _external_assets
from dot_provider.api import files as _files
from dot_provider.api import history as _history
from dot_provider.api import incidents as _incidents
from dot_provider.api import manage_users as _manage_users
from dot_provider.api import notes as _notes
from dot_provider.api import push as _push
from dot_provider.api import run_evaluation as _run_evaluation
from dot_provider.api import users as _users
from dot_provider.api._core.call import Call, Flow

if TYPE_CHECKING:
    from dot_provider.api.client import AsyncDotClient, DotClient

P = ParamSpec("P")
T = TypeVar("T")


class Endpoint(Generic[P, T]):
    """A method of both clients, made from a function that returns a call or a flow."""

    _method: Callable[..., Any]

    def __init__(self, make: Callable[P, Call[T] | Flow[T]]) -> None:
        self._method = _method(make)

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._method.__name__, self._method.__qualname__ = name, f"{owner.__name__}.{name}"

    @overload
    def __get__(self, client: None, owner: type[Any]) -> Callable[Concatenate[Any, P], T]: ...
    @overload
    def __get__(self, client: DotClient, owner: type[Any]) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncDotClient, owner: type[Any]) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, client: Any, owner: type[Any]) -> Any:
        return self._method if client is None else MethodType(self._method, client)


def _method(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method that performs what ``make`` makes, with the signature that a user of the clients sees."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        work = make(*args, **kwargs)
        return self.send(work) if isinstance(work, Call) else self.run(work)

    made = inspect.signature(make)
    parameters = [_SELF, *made.parameters.values()]
    result = re.sub(r"^(?:Call|Flow)\[(.*)\]$", r"\1", made.return_annotation)
    update_wrapper(method, make)
    method.__signature__ = made.replace(parameters=parameters, return_annotation=result)  # type: ignore[attr-defined]
    method.__annotations__ = {p.name: p.annotation for p in parameters[1:]} | {"return": result}
    return method


_SELF = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Endpoints:
    """What both clients can do. The documentation of each method is that of the function behind it."""

    whoami = Endpoint(_users.whoami)
    healthcheck = Endpoint(_users.healthcheck)
    embedded_user_login = Endpoint(_users.embedded_user_login)

    sync = Endpoint(_connections.sync)
    connections = Endpoint(_connections.connections)
    tables = Endpoint(_connections.tables)
    catalog = Endpoint(_connections.catalog)

    ask = Endpoint(_ask.ask)
    follow_up = Endpoint(_ask.follow_up)
    conversation = Endpoint(_conversations.conversation)
    add_labels = Endpoint(_conversations.add_labels)
    download = Endpoint(_files.download)

    external_assets = Endpoint(_external_assets.list_external_assets)
    import_external_asset = Endpoint(_external_assets.import_external_asset)
    delete_external_asset = Endpoint(_external_assets.delete_external_asset)
    push_external_assets = Endpoint(_push.push_external_assets)

    export_history = Endpoint(_history.export_history)
    download_history = Endpoint(_history.download_history)

    run_evaluation = Endpoint(_run_evaluation.run_evaluation)
    start_evaluation_run = Endpoint(_evaluations.start_evaluation_run)
    evaluation_run = Endpoint(_evaluations.evaluation_run)
    evaluation_target = Endpoint(_evaluations.evaluation_target)
    cancel_evaluation_run = Endpoint(_evaluations.cancel_evaluation_run)

    report_dbt_run = Endpoint(_dbt.report_dbt_run)
    dbt_exposures = Endpoint(_dbt.dbt_exposures)
    dbt_exposures_yaml = Endpoint(_dbt.dbt_exposures_yaml)
    report_incidents = Endpoint(_incidents.report_incidents)

    notes = Endpoint(_notes.list_notes)
    create_note = Endpoint(_notes.create_note)
    update_note = Endpoint(_notes.update_note)
    upsert_note = Endpoint(_notes.upsert_note)

    environments = Endpoint(_environments.environments)
    create_environment = Endpoint(_environments.create_environment)
    delete_environment = Endpoint(_environments.delete_environment)
    environment_diff = Endpoint(_environments.environment_diff)
    environment_conflicts = Endpoint(_environments.environment_conflicts)
    set_environment_targets = Endpoint(_environments.set_environment_targets)
    sync_environment_target = Endpoint(_environments.sync_environment_target)
    merge_environment = Endpoint(_environments.merge_environment)
    propose_environment = Endpoint(_environments.propose_environment)
    ensure_environment = Endpoint(_environments.ensure_environment)
    compare_environment = Endpoint(_environments.compare_environment)
    merge_or_propose_environment = Endpoint(_environments.merge_or_propose_environment)
    delete_environments = Endpoint(_environments.delete_environments)
    update_environment_from_production = Endpoint(_environments.update_environment_from_production)

    users = Endpoint(_users.users)
    groups = Endpoint(_users.groups)
    send_invitations = Endpoint(_users.send_invitations)
    create_user = Endpoint(_users.create_user)
    delete_user = Endpoint(_users.delete_user)
    change_user_role = Endpoint(_users.change_user_role)
    add_user_to_group = Endpoint(_users.add_user_to_group)
    remove_user_from_group = Endpoint(_users.remove_user_from_group)
    manage_users = Endpoint(_manage_users.manage_users)
