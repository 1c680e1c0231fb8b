"""Training mask classifiers with PyTorch and timm; the only folder that imports them."""
