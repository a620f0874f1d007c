"""Users, roles and groups of a workspace as an asset: the list is the state that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import AssetStep, Results, asset_builder, report_metadata
from dagster_dot.asset_options import AssetOptions, asset_spec
from dagster_dot.components.base import DotAssetComponent
from dagster_dot.components.scaffolding import SCHEDULE, dot_component
from dot_provider.api.manage_users import desired_users, manage_users

if TYPE_CHECKING:
    from dot_provider.api import DotClient

Users = Iterable[Mapping[str, Any]] | Callable[[dg.AssetExecutionContext], Iterable[Mapping[str, Any]]]


@asset_builder
def build_dot_users_asset(
    *,
    users: Users,
    dry_run: bool = True,
    remove_users: bool = False,
    remove_from_groups: bool = False,
    **options: Unpack[AssetOptions],
) -> AssetStep:
    """Build the asset that brings users, roles and groups into a desired state: invite, set roles, add to groups.

    Needs an admin's token. By default it only reports what it would do, and it removes nobody unless told. A second
    run changes nothing more. ``GET /get_users``, ``/get_groups``; ``POST /send_invitations``, ``/change_user_role``,
    ``/add_user_to_group``, ``/remove_user_from_group``, ``/delete_user``.

    Args:
        users: each a mapping with ``email``, and if they are to be set ``role`` (admin, modeler or user) and ``groups``
            (list of names). In Python also a function of the context that returns them when the step runs.
        dry_run: False to make the changes.
        remove_users: True to also remove people who are not listed; never the token's own user.
        remove_from_groups: True to also take listed people out of groups that their row does not name.
        **options: see ``AssetOptions``; the key is ``dot/users`` by default.

    Raises:
        DotUsageError: a row is wrong; the message names it.

    Examples:
        >>> build_dot_users_asset(users=[{"email": "ada@shop.example", "role": "modeler", "groups": ["finance"]}])
        >>> build_dot_users_asset(users=lambda context: people_of_the_directory(), dry_run=False)
    """
    listed = None if callable(users) else desired_users(users)

    def users_step(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        wanted = users(context) if callable(users) else listed
        work = manage_users(wanted or [], dry_run, remove_users=remove_users, remove_from_groups=remove_from_groups)
        report = client.run(work, context.log.info).require_complete()
        yield dg.MaterializeResult(metadata=report_metadata(report))

    spec = asset_spec(["dot", "users"], "Who may use Dot, in which role and in which groups.", **options)
    return AssetStep([spec], users_step, options)


@dot_component(
    "Dot: keep users",
    scaffold={"email": "ada@shop.example", "role": (Literal["admin", "modeler", "user"], "user"), **SCHEDULE},
    attributes=lambda made: {
        "users": [{"email": made.email, "role": made.role}],
        "dry_run": True,
        "schedule": made.schedule,
    },
)
class DotUsersComponent(DotAssetComponent):
    """Keeps users, roles and groups as listed. Reports what it would do, until ``dry_run`` is false."""

    builder: ClassVar[Callable[..., Any]] = build_dot_users_asset

    users: Sequence[Mapping[str, Any]]
    dry_run: bool = True
    remove_users: bool = False
    remove_from_groups: bool = False
