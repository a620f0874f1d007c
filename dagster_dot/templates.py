"""Jinja as we use it; imported only where a template is met, because Jinja takes a while to import."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, TemplateError, Undefined, UndefinedError, meta

from dot_provider.api import DotConfigError


class Unset(Undefined):
    """A variable that is not set or empty: ``{{ env.NAME or 'default' }}`` works, all other uses are errors."""

    __str__ = Undefined._fail_with_undefined_error


def variables(text: str) -> set[str]:
    """Return the names that a template uses; none where ``text`` is no template that can be read."""
    try:
        return meta.find_undeclared_variables(Environment().parse(text))  # noqa: S701 - no HTML
    except TemplateError:
        return set()


def render(field: str, template: str, **scope: Any) -> str:
    """Return the text of a template.

    Raises:
        DotConfigError: it uses what is not set, comes to nothing, or fails; names the field.
    """
    try:
        found = Environment(undefined=Unset).from_string(template).render(scope)  # noqa: S701 - no HTML
    except UndefinedError as error:
        raise DotConfigError(f"{field}: {error}") from None
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise DotConfigError(f"{field}: {template} cannot be filled in: {type(error).__name__}.") from None
    if not found.strip() or found == "None":
        raise DotConfigError(f"{field}: {template} comes to nothing: set its variable, or leave {field} out.")
    return found
