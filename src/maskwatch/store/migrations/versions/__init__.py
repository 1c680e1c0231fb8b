"""One file a step: it is never changed once released."""
