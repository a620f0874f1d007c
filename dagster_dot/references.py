"""Settings that refer to environment variables: they stay references until they are needed, and never mean nothing.

A reference is an ``EnvVar``, or text with ``{{ env.NAME }}`` in it as YAML files have it. Dagster's own ``env`` turns
what is not set into None, so that a server's address becomes the default one, and a password the word "None".
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import dagster as dg

from dagster_dot.dagster_internals import EnvScope
from dot_provider.api import DotConfigError
from dot_provider.api.settings import shown

TEMPLATE = re.compile(r"\{[{%]")
"""What makes a text of a YAML file a template."""

_OUTPUT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_ONE_VARIABLE = re.compile(r"\s*\{\{\s*env\.(\w+)\s*\}\}\s*")


class StrictEnv(EnvScope):
    """The ``env`` of our templates: what is not set or empty is an error, unless the template has a default for it."""

    def __call__(self, key: str, default: Any = ...) -> Any:
        """Return the variable, or ``default`` where it is given and the variable is not set."""
        found = os.environ.get(key, "")
        if found.strip():
            return found
        if default is not ...:
            return default
        return _unset()(hint=unset_message(key))

    def __getattr__(self, key: str) -> Any:
        if key.startswith(("jinja", "_")):  # Jinja asks whether this is a function of its own
            raise AttributeError(key)
        return self(key)


def is_template(text: Any) -> bool:
    """Whether Dagster fills in something in this value of a YAML file."""
    return isinstance(text, str) and TEMPLATE.search(text) is not None


def is_reference(setting: Any) -> bool:
    """Whether ``setting`` is to be looked up in the environment."""
    return hasattr(setting, "env_var_name") or (is_template(setting) and "env" in _variables(setting))


def keep_reference(context: dg.ResolutionContext, written: Any) -> Any:
    """Return a value of a YAML file with its references to the environment kept, and its other templates filled in.

    So the secret itself is in no definition and on no page, and the code location loads where it is not set.

    Raises:
        DotConfigError: a template uses the environment and something else in one expression.
    """
    if isinstance(written, Mapping):
        return {name: keep_reference(context.at_path(name), value) for name, value in written.items()}
    if isinstance(written, list | tuple):
        return [keep_reference(context.at_path(place), value) for place, value in enumerate(written)]
    if not is_template(written):
        return written  # Dagster would make the number 42 of the text "42"
    if not is_reference(written):
        return context.resolve_value(written)
    variable = _ONE_VARIABLE.fullmatch(written)
    if variable is not None:
        return dg.EnvVar(variable[1])
    return _OUTPUT.sub(lambda output: _kept(context, output[0]), written)


def look_up(field: str, setting: Any) -> Any:
    """Return ``setting``, also a mapping or a list, with what its references stand for.

    Args:
        field: its name, for errors.
        setting: as the user wrote it. A function is called, so that it can fetch a secret.

    Raises:
        DotConfigError: a variable is not set or empty, or a reference comes to nothing; names field and variable.
    """
    if isinstance(setting, Mapping):
        return {name: look_up(f"{field}.{name}", value) for name, value in setting.items()}
    if isinstance(setting, list | tuple):
        return [look_up(f"{field}[{place}]", value) for place, value in enumerate(setting)]
    if hasattr(setting, "env_var_name"):  # an EnvVar for a text or for a whole number
        if not os.environ.get(setting.env_var_name, "").strip():
            raise DotConfigError(f"{field}: {unset_message(setting.env_var_name)}")
        try:
            return setting.get_value()
        except ValueError:
            raise DotConfigError(f"{field}: {setting.env_var_name} must be a whole number.") from None
    if callable(setting):
        return setting()
    if not is_reference(setting):
        return setting
    return render(field, setting, env=StrictEnv())


def unset_message(variable: str) -> str:
    """Say that a variable has no value."""
    name = variable if variable.isupper() else shown(variable)  # a token is pasted in the place of its name
    return f"The environment variable {name} is {'empty' if variable in os.environ else 'not set'}."


def _kept(context: dg.ResolutionContext, output: str) -> str:
    used = _variables(output)
    if "env" not in used:
        return str(context.resolve_value(output))
    if used != {"env"}:
        raise DotConfigError(f"Write {output} as several expressions: one with env, another with the rest.")
    return output


def render(field: str, template: str, **scope: Any) -> str:
    """Return the text of a template.

    Raises:
        DotConfigError: it uses what is not set, comes to nothing, or fails; names the field.
    """
    from jinja2 import Environment, TemplateError, UndefinedError

    try:
        found = Environment(undefined=_unset()).from_string(template).render(scope)  # noqa: S701 - no HTML
    except UndefinedError as error:
        raise DotConfigError(f"{field}: {error}") from None
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise DotConfigError(f"{field}: {template} cannot be filled in: {type(error).__name__}.") from None
    if not found.strip() or found == "None":
        raise DotConfigError(f"{field}: {template} comes to nothing: set its variable, or leave {field} out.")
    return found


def _variables(template: str) -> set[str]:
    """Return the names that a template uses; none where it is no template that can be read."""
    from jinja2 import Environment, TemplateError, meta

    try:
        return meta.find_undeclared_variables(Environment().parse(template))  # noqa: S701 - no HTML
    except TemplateError:
        return set()


@cache
def _unset() -> Any:
    """Return what a variable is that is not set or empty: ``{{ env.NAME or 'default' }}`` works, other uses fail."""
    from jinja2 import Undefined  # only here and above, because Jinja takes a while to import

    class Unset(Undefined):
        __str__ = Undefined._fail_with_undefined_error

    return Unset
