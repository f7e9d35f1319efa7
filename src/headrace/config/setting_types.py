"""How one setting is read: as CloudFormation converts it, and as nothing else."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from headrace.config.parameters import as_text

_WHOLE = re.compile(r"[-+]?[0-9]{1,18}")


def _integer(value: object) -> object:
    # CloudFormation takes "10" and 10.0 for 10; Python would take True for 1 as well.
    if isinstance(value, bool):
        raise ValueError  # noqa: TRY004 - pydantic turns only ValueError into a finding
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _boolean(value: object) -> object:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    return value


def _text(value: object) -> object:
    text = as_text(value)
    return value if text is None else text


Integer = Annotated[int, Field(strict=True), BeforeValidator(_integer)]
Boolean = Annotated[bool, Field(strict=True), BeforeValidator(_boolean)]
Text = Annotated[str, Field(strict=True), BeforeValidator(_text)]


class Settings(BaseModel):
    """Settings under AWS's own names; a name that is not declared is refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        field_title_generator=lambda name, field: field.alias or name,
    )
