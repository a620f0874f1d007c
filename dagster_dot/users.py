"""Users, roles and groups of a workspace as an asset: the list is the state that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import Materialize, Results, build_step
from dagster_dot.asset_options import AssetOptions, asset_spec
from dot_provider.api.manage_users import desired_users, manage_users

if TYPE_CHECKING:
    from dot_provider.api import DotClient

SHOWN_CHANGES = 100
"""Changes that the materialization's table lists."""

_COLUMNS = ("email", "change", "value", "outcome", "reason")

Users = Iterable[Mapping[str, Any]] | Callable[[dg.AssetExecutionContext], Iterable[Mapping[str, Any]]]


def build_dot_users_asset(
    *,
    users: Users,
    dry_run: bool = True,
    remove_users: bool = False,
    remove_from_groups: bool = False,
    **options: Unpack[AssetOptions],
) -> dg.AssetsDefinition:
    """Build the asset that brings users, roles and groups into a desired state: invite, set roles, add to groups.

    Needs an admin's token. By default it only reports what it would do, and it removes nobody unless told. A second
    run changes nothing more. ``GET /get_users``, ``/get_groups``; ``POST /send_invitations``, ``/change_user_role``,
    ``/add_user_to_group``, ``/remove_user_from_group``, ``/delete_user``.

    Args:
        users: each a mapping with ``email``, and if they are to be set ``role`` (admin, modeler or user) and ``groups``
            (list of names); or a function of the context that returns them when the step runs.
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
    spec = users_spec(**options)
    manage = managing(
        spec.key, users, dry_run=dry_run, remove_users=remove_users, remove_from_groups=remove_from_groups
    )
    return build_step([spec], manage, options)


def users_spec(**options: Unpack[AssetOptions]) -> dg.AssetSpec:
    """Return the spec of the asset that stands for a workspace's users."""
    return asset_spec(["dot", "users"], "Who may use Dot, in which role and in which groups.", **options)


def managing(
    key: dg.AssetKey,
    users: Users,
    *,
    dry_run: bool = True,
    remove_users: bool = False,
    remove_from_groups: bool = False,
) -> Materialize:
    """Return what the step does; the arguments are those of ``build_dot_users_asset``.

    Raises:
        DotUsageError: a row is wrong.
    """
    listed = None if callable(users) else desired_users(users)

    def materialize(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        wanted = users(context) if callable(users) else listed
        work = manage_users(wanted or [], dry_run, remove_users=remove_users, remove_from_groups=remove_from_groups)
        report = client.run(work, context.log.info).require_complete()
        records = [dg.TableRecord({**record}) for record in report.to_records()[:SHOWN_CHANGES]]
        columns = [dg.TableColumn(name, "string") for name in _COLUMNS]
        facts: dict[str, Any] = {"dry_run": report.dry_run, **report.counts}
        if records:
            facts["changes"] = dg.MetadataValue.table(records=records, schema=dg.TableSchema(columns=columns))
        yield dg.MaterializeResult(asset_key=key, metadata=facts)

    return materialize
