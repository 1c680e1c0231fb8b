"""Training the face detector: labels from teachers, scenes, network, losses."""
