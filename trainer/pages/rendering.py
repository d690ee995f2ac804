"""Renders a template to one HTML file."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def render(template: str, **values: Any) -> bytes:
    """Return the page in UTF-8. All values are escaped but those that `svg` and `picture` return.

    Args:
        template: name of a file in `templates/`; it extends `page.html`, which has the style.
        values: what the template names; one that it names and that is not given is an error.
    """
    return _environment().get_template(template).render(**values).encode()


def svg(drawing: str) -> Markup:
    """A chart of `trainer.pages.charts`, to be put into a page as it is."""
    return Markup(drawing)  # noqa: S704 - drawn here; labels in it were escaped by the one who drew


def picture(jpeg: bytes) -> str:
    """A preview as the address of an image: the bytes themselves; empty for no bytes."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" if jpeg else ""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trainer.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    environment.filters["picture"] = picture
    return environment


def _percent(share: float | None, digits: int = 1) -> str:
    """A share from 0 to 1 as people write it; a dash where there is none."""
    return "-" if share is None else f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"
