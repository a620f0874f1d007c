"""Keeping Dot's users, roles and groups as a list says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dot_provider.operators.dot_operator import DotOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class DotManageUsersOperator(DotOperator):
    """Bring users, roles and groups into a desired state: invite, set roles, add to groups.

    Needs an admin's token. By default it only reports what it would do, and it removes nobody unless told. A
    second run changes nothing more. ``GET /get_users``, ``/get_groups``; ``POST /send_invitations``,
    ``/change_user_role``, ``/add_user_to_group``, ``/remove_user_from_group``, ``/delete_user``.

    Args:
        users: each a mapping with ``email``, and if they are to be set ``role`` (admin, modeler or user) and ``groups``
            (list of names): a list, or the XCom of a task that returns one.
        dry_run: False to make the changes.
        remove_users: True to also remove people who are not listed; never the token's own user.
        remove_from_groups: True to also take listed people out of groups that their row does not name.

    Returns:
        The number of changes by kind. XCom ``report`` holds what became of each.

    Example:
        >>> DotManageUsersOperator(
        ...     task_id="users", users=[{"email": "ada@shop.example", "role": "modeler", "groups": ["finance"]}]
        ... )
    """

    template_fields: Sequence[str] = (
        *DotOperator.template_fields,
        *("users", "is_dry_run", "remove_users", "remove_from_groups"),
    )
    template_fields_renderers = {"users": "json"}

    def __init__(
        self,
        *,
        users: Iterable[Mapping[str, Any]],
        dry_run: bool = True,
        remove_users: bool = False,
        remove_from_groups: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.users = users
        self.is_dry_run = dry_run  # BaseOperator has a method dry_run
        self.remove_users = remove_users
        self.remove_from_groups = remove_from_groups

    def execute(self, context: Context) -> dict[str, int]:
        """Compare, change what differs unless this is a dry run, and return the number of changes by kind."""
        with self.dot() as dot:
            report = dot.manage_users(
                self.users,
                self.is_dry_run,
                remove_users=self.remove_users,
                remove_from_groups=self.remove_from_groups,
            )
            context["ti"].xcom_push(key="report", value=report.to_records())
            return report.require_complete().counts
