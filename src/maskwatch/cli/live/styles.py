"""The colours of states in a terminal."""

from maskwatch.types import MaskState

STYLES = {
    MaskState.MASK: "bold blue",
    MaskState.NO_MASK: "bold red",
    MaskState.INCORRECT: "bold dark_orange",
    MaskState.UNKNOWN: "bold bright_black",
}
