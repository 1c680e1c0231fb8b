"""The table [detect]: the settings of `maskwatch detect` that are about models."""

from dataclasses import fields
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, create_model

from maskwatch.app.settings import Settings, check_classifier
from maskwatch.app.site.table import Table
from maskwatch.app.site.values import SitePath, in_folder
from maskwatch.app.site.words import choice, meant
from maskwatch.errors import UsageError
from maskwatch.models import catalogue

Kind = Literal["classifier", "detector"]


def _model(name: str, info: ValidationInfo) -> str:
    """A shipped or known model by its name, another by its path."""
    kind: Kind = "detector" if info.field_name == "detector" else "classifier"
    known = catalogue.names(kind)
    path = in_folder(name, info)
    if name in known or path.exists():
        return name if name in known else str(path)
    raise ValueError(
        f"expected {choice(known)}, or a {kind} that is a folder or file, got {name!r}, "
        f"and {path} is not there{meant(name, known)}"
    )


_KINDS: dict[str, Any] = {
    "classifier": Annotated[str, AfterValidator(_model)],
    "detector": Annotated[str, AfterValidator(_model)] | None,
    "detector_weights": SitePath | None,
}


def _field(field: Any, kind: Any) -> tuple[Any, Any]:
    least, most = field.metadata["least"], field.metadata["most"]
    described = Field(default=field.default, ge=least, le=most, description=field.metadata["help"])
    return _KINDS.get(field.name, kind), described


def _detect_table() -> type[Table]:
    hints = get_type_hints(Settings)
    chosen = [field for field in fields(Settings) if field.metadata["group"] == "Models"]
    kinds: dict[str, Any] = {field.name: _field(field, hints[field.name]) for field in chosen}
    return create_model("DetectTable", __base__=Table, **kinds)


DetectTable = _detect_table()
"""Names, ranges and help are those of `Settings`."""


def _settings(value: Any, info: ValidationInfo) -> Settings:
    if isinstance(value, Settings):
        return value
    settings = Settings(**DetectTable.model_validate(value, context=info.context).model_dump())
    try:
        check_classifier(settings)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return settings


DetectSettings = Annotated[Settings, PlainValidator(_settings)]
