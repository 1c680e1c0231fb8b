"""The classic training, as published: Keras's ImageDataGenerator through a frozen MobileNetV2.

Runs in the classic environment (benchmarks/setup_classic). Prints as JSON the seconds of loading
all pictures, of building, and of each epoch with its validation, and the accuracies.

    python classic_training.py SPLIT WEIGHTS.npz EPOCHS    # SPLIT holds train/ and val/ by class
"""

import json
import sys
from pathlib import Path
from time import perf_counter

import keras
import numpy as np
from keras import layers
from keras.applications.mobilenet_v2 import MobileNetV2, preprocess_input
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from keras.utils import img_to_array, load_img

SIDE, BATCH, RATE, ALL_EPOCHS = 224, 30, 1e-4, 12


class Times(keras.callbacks.Callback):
    """The seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self._start = perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.seconds.append(perf_counter() - self._start)


def main(split: Path, weights: Path, epochs: int) -> None:
    """Load, build, train, print."""
    start = perf_counter()
    parts = {name: loaded(split / name) for name in ("train", "val")}
    read = perf_counter()
    change = ImageDataGenerator(
        rotation_range=30,
        zoom_range=0.2,
        width_shift_range=0.4,
        height_shift_range=0.4,
        shear_range=0.18,
        horizontal_flip=True,
        fill_mode="nearest",
    )
    base = MobileNetV2(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
    fill(base, dict(np.load(weights)))
    base.trainable = False
    middle = layers.Flatten()(layers.AveragePooling2D((7, 7))(base.output))
    middle = layers.Dropout(0.5)(layers.Dense(128, activation="relu")(middle))
    model = keras.Model(base.input, layers.Dense(2, activation="softmax")(middle))
    schedule = keras.optimizers.schedules.InverseTimeDecay(RATE, 1, RATE / ALL_EPOCHS)
    model.compile(keras.optimizers.Adam(schedule), "binary_crossentropy", metrics=["accuracy"])
    times, (pictures, labels) = Times(), parts["train"]
    built = perf_counter()
    done = model.fit(
        change.flow(pictures, labels, batch_size=BATCH),
        validation_data=parts["val"],
        epochs=epochs,
        callbacks=[times],
        verbose=0,
    )
    print(
        json.dumps(
            {
                "load_s": read - start,
                "build_s": built - read,
                "epoch_s": times.seconds,
                "val_accuracy": done.history["val_accuracy"][-1],
                "train_accuracy": done.history["accuracy"][-1],
            }
        )
    )


def fill(base: keras.Model, weights: dict[str, np.ndarray]) -> None:
    """Give each layer its variables, which are named LAYER/VARIABLE."""
    order = ("kernel", "depthwise_kernel", "gamma", "beta", "moving_mean", "moving_variance")
    for layer in base.layers:
        if layer.weights:
            names = [f"{layer.name}/{name}" for name in order]
            layer.set_weights([weights[name] for name in names if name in weights])


def loaded(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """All pictures of a part in memory, preprocessed, and their labels one-hot."""
    pictures, labels = [], []
    for number, state in enumerate(("mask", "no_mask")):
        for file in sorted((folder / state).iterdir()):
            image = img_to_array(load_img(file, target_size=(SIDE, SIDE)))
            pictures.append(preprocess_input(image))
            labels.append(number)
    return np.array(pictures, np.float32), np.eye(2, dtype=np.float32)[labels]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
