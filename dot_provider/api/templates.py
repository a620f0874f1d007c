"""Users' templates and conditions: Jinja, sandboxed and strict about what is undefined."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from dot_provider.api.errors import DotUsageError


@lru_cache(maxsize=1)
def strict_environment() -> Any:
    """Return Jinja's environment, sandboxed and strict.

    Raises:
        DotUsageError: Jinja is not installed.
    """
    try:
        from jinja2 import StrictUndefined
        from jinja2.sandbox import SandboxedEnvironment
    except ModuleNotFoundError:
        raise DotUsageError("Templates and check need Jinja: pip install 'dot-provider[evaluations]'.") from None
    return SandboxedEnvironment(undefined=StrictUndefined)


def _refuse_none(value: Any) -> Any:
    """Return what an expression comes to; Jinja would write ``None`` as a word."""
    if value is None:
        raise DotUsageError("an expression comes to nothing (none)")
    return value


def syntax_error(template: str) -> str | None:
    """Return what is wrong with a template before it is rendered, or None."""
    from jinja2 import TemplateSyntaxError

    try:
        strict_environment().parse(template)
    except (TemplateSyntaxError, RecursionError) as error:
        return f"the template is wrong: {getattr(error, 'message', None) or 'nested too deeply'}"
    return None


def render(template: str, variables: dict[str, Any], environment: Any = None) -> str:
    """Return the rendered template.

    Raises:
        ValueError: it cannot be rendered; the message says why, and never shows a value.
    """
    if "{" not in template:
        return template
    from jinja2 import TemplateError

    try:
        strict = (environment or strict_environment()).overlay(finalize=_refuse_none)
        return str(strict.from_string(template).render(variables))
    except DotUsageError as error:
        raise ValueError(str(error)) from None
    except TemplateError as error:
        raise ValueError(f"the template cannot be rendered: {error.message or type(error).__name__}") from None
    except Exception as error:  # whatever an expression of the user's raises
        raise ValueError(f"the template cannot be rendered: {type(error).__name__}: {error}"[:300]) from None
