"""What Keras itself does, for `keras_parity.py` to compare with; runs in the classic environment.

Writes a model of each backbone with random weights (.h5) and its answers, pictures as `load_img`
and `ImageDataGenerator` give them, and a head's weights after some steps of Adam.
"""

import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from keras.utils import img_to_array, load_img

SIDE, STEPS, CHANGES = 224, 20, 12


def main(out: Path) -> None:
    """Write everything into a folder; `picture.png` lies there already."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)
    values = {"pixels": pixels}
    for name, make in (
        ("mobilenetv2", keras.applications.MobileNetV2),
        ("resnet50", keras.applications.ResNet50),
        ("inceptionv3", keras.applications.InceptionV3),
    ):
        keras.utils.set_random_seed(0)
        base = make(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
        for layer in base.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.set_weights([_like(weight, rng) for weight in layer.get_weights()])
        pool = (
            layers.MaxPooling2D((7, 7))
            if name == "mobilenetv2"
            else (layers.GlobalAveragePooling2D())
        )
        middle = layers.Dense(128, activation="relu")(layers.Flatten()(pool(base.output)))
        answer = layers.Dense(2, activation="softmax")(layers.Dropout(0.5)(middle))
        model = keras.Model(base.input, answer)
        model.save(out / f"{name}.h5")
        values[f"{name}_features"] = base.predict(pixels / 127.5 - 1, verbose=0)
        values[f"{name}_answers"] = model.predict(pixels / 127.5 - 1, verbose=0)
    for method in ("nearest", "bicubic"):
        picture = load_img(out / "picture.png", target_size=(SIDE, SIDE), interpolation=method)
        values[f"loaded_{method}"] = img_to_array(picture)
    values |= _changed(values["loaded_nearest"])
    values |= _trained(rng)
    np.savez(out / "keras.npz", **values)


def _like(weight: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Values that a trained batch norm might have."""
    return (weight + rng.uniform(-0.2, 0.2, weight.shape)).astype(np.float32)


def _changed(image: np.ndarray) -> dict[str, np.ndarray]:
    """A picture changed by parameters that are kept beside it."""
    generator = ImageDataGenerator(
        rotation_range=30,
        zoom_range=0.2,
        width_shift_range=0.4,
        height_shift_range=0.4,
        shear_range=0.18,
        horizontal_flip=True,
        fill_mode="nearest",
    )
    changes = [generator.get_random_transform(image.shape, seed=seed) for seed in range(CHANGES)]
    names = ("theta", "tx", "ty", "shear", "zx", "zy", "flip_horizontal")
    return {
        "changes": np.array([[float(change[name]) for name in names] for change in changes]),
        "changed": np.stack([generator.apply_transform(image, change) for change in changes]),
    }


def _trained(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A dense head after steps of Adam with the old decay, on fixed features."""
    features = rng.normal(size=(STEPS, 30, 64)).astype(np.float32)
    labels = rng.integers(0, 2, (STEPS, 30))
    head = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(2, "softmax")])
    head.build((None, 64))
    start = [weight.copy() for weight in head.get_weights()]
    lr, decay = 1e-2, 1e-2 / 12
    schedule = keras.optimizers.schedules.InverseTimeDecay(lr, 1, decay)
    head.compile(keras.optimizers.Adam(schedule, epsilon=1e-7), "binary_crossentropy")
    for batch, truth in zip(features, labels, strict=True):
        head.train_on_batch(batch, np.eye(2, dtype=np.float32)[truth])
    ends = head.get_weights()
    return {
        "train_features": features,
        "train_labels": labels,
        **{f"start_{i}": weight for i, weight in enumerate(start)},
        **{f"end_{i}": weight for i, weight in enumerate(ends)},
        "train_lr": np.array([lr, decay]),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
