"""maskwatch bundle: classifiers from elsewhere."""

from pathlib import Path
from typing import Annotated

import typer

from maskwatch.cli.guard import guarded, say, set_up_log
from maskwatch.errors import UsageError

bundle_app = typer.Typer(
    help="Bring classifiers from elsewhere.", no_args_is_help=True, rich_markup_mode=None
)
File = Annotated[Path, typer.Argument(help="A Keras model saved whole, as .h5.")]
Labels = Annotated[str, typer.Option(help="What its outputs mean, in their order.")]
Preprocess = Annotated[
    str, typer.Option(help="The Keras module whose preprocess_input it was trained with; or unit.")
]
Out = Annotated[Path | None, typer.Option(help="The bundle's folder; else the file's name.")]
Name = Annotated[str | None, typer.Option(help="Of the bundle; else the file's.")]


@bundle_app.command("import")
@guarded
def import_(
    file: File,
    labels: Labels = "mask,no_mask",
    preprocess: Preprocess = "mobilenet_v2",
    out: Out = None,
    name: Name = None,
) -> None:
    r"""Read a Keras MobileNetV2, ResNet50 or InceptionV3 with dense layers; without TensorFlow.

    \b
    Examples:
      maskwatch bundle import model.h5 --labels mask,no_mask --preprocess mobilenet_v2
      maskwatch detect photo.jpg --classifier model
    """
    set_up_log()
    from maskwatch.cli.starting import check_training

    check_training()
    from maskwatch.training.workshop.importing import import_bundle

    if not file.is_file():
        raise UsageError(f"{file} is not there: name a Keras model saved as .h5")
    folder = out or file.with_suffix("")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already: name another with --out")
    words = tuple(word.strip() for word in labels.split(","))
    import_bundle(file, folder, labels=words, preprocess=preprocess, name=name or file.stem)
    # A folder called as a shipped classifier is found by its path alone.
    path = f"./{folder}" if len(folder.parts) == 1 else folder
    say(f"the bundle is {folder}: maskwatch detect photo.jpg --classifier {path}")
