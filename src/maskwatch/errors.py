"""Every error that maskwatch raises on purpose.

    MaskwatchError
    ├── UsageError          an argument or option is out of its range (also a ValueError)
    ├── MissingExtra        an optional part is not installed; the message says how to
    ├── ModelError          a model file cannot be used
    │   ├── ModelNotFound   there is no such model, or its file is nowhere
    │   └── ModelInvalid    the file is not what it claims to be (checksum, shape, schema)
    ├── SourceError         a picture, video, camera or address cannot be read
    ├── SinkError           an output cannot be written
    ├── StoreError          the database cannot be opened, read or written
    └── DeliveryError       a channel could not tell an alert now
        └── DeliveryRefused the other side will not take it, however often it is tried

A message says what was expected, what came and what to do, in one sentence fit for a user.
"""


class MaskwatchError(Exception):
    """The root of the tree: catch this to catch them all."""


class UsageError(MaskwatchError, ValueError):
    """An argument or option is out of its range."""


class MissingExtra(MaskwatchError):
    """An optional part is not installed."""


class ModelError(MaskwatchError):
    """A model cannot be used."""


class ModelNotFound(ModelError):
    """No model of that name, or its file is in none of the places that are searched."""


class ModelInvalid(ModelError):
    """A model file is damaged, tampered with, or of another kind than expected."""


class SourceError(MaskwatchError):
    """A picture, video, camera or address cannot be read."""


class SinkError(MaskwatchError):
    """An output cannot be written."""


class StoreError(MaskwatchError):
    """The database cannot be opened, read or written."""


class DeliveryError(MaskwatchError):
    """A channel could not tell an alert now."""


class DeliveryRefused(DeliveryError):
    """The other side has said that it will not take an alert, now or later."""
