"""What all tables of the site file have in common."""

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo


class Table(BaseModel):
    """A table; unknown keys are mistakes, and what went wrong never shows its value."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )


def fields_of(table: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys that a table may have, as they are written."""
    return {field.alias or name: field for name, field in table.model_fields.items()}
