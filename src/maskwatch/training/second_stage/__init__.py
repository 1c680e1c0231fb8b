"""Training the second stage of a face detector: what is a face among what was taken for one."""
