"""Running models with ONNX Runtime: bundles, the classifier, the face detectors. No torch."""
