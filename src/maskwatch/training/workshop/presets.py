"""The trainings that projects of this field published in Keras, as settings. No torch here."""

from dataclasses import dataclass

from maskwatch.data.augment import Augmentation
from maskwatch.training.workshop.choices import Keep, Loss, Pool, Preprocess, PresetName, Resize
from maskwatch.training.workshop.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings, what was published of them, and what had to be assumed."""

    settings: TrainSettings
    published: str
    assumed: str = ""


_MILD = Augmentation(rotation=20, zoom=(0.9, 1.1), shift_x=0.1, shift_y=0.1, shear=0.2, hflip=True)
_WIDE = Augmentation(rotation=60, zoom=(0.4, 1.0), shift_x=0.3, shift_y=0.3, shear=0.15, hflip=True)
_STRONG = Augmentation(
    rotation=30, zoom=(0.8, 1.2), shift_x=0.4, shift_y=0.4, shear=0.18, hflip=True
)
_FLIPS = Augmentation(rotation=20, zoom=(0.8, 1.2), hflip=True, vflip=True)
_THREE = Augmentation(rotation=30, zoom=(0.8, 1.2), shift_x=0.2, shift_y=0.2, shear=0.2, hflip=True)
_KERAS = TrainSettings(
    preprocess=Preprocess.TF,
    resize=Resize.NEAREST,
    classes=2,
    loss=Loss.BINARY,
    units=(128,),
    dropout=0.5,
    keep=Keep.LAST,
    views=4,
)
_AVGPOOL = _KERAS.but(lr=1e-4, decay=1e-4 / 12, batch=30, epochs=12, augment=_STRONG, views=2)
_THREE_CLASS = _KERAS.but(
    preprocess=Preprocess.UNIT,
    classes=3,
    loss=Loss.CATEGORICAL,
    augment=_THREE,
    patience=8,
    plateau=3,
    epochs=40,
    keep=Keep.BEST,
)

PRESETS: dict[str, Preset] = {
    PresetName.MOBILENETV2_MAXPOOL: Preset(
        # With 4 views it learns them by heart, and tells 94.5% right instead of 99%.
        _KERAS.but(pool=Pool.MAX, dropout=0.2, epochs=10, augment=_MILD, views=10),
        "0.99 accuracy on 767; precision and recall .98/.99 and .99/.98",
    ),
    PresetName.MOBILENETV2_WIDE_AUG: Preset(
        _KERAS.but(
            resize=Resize.BICUBIC, lr=1e-4, epochs=50, augment=_WIDE, patience=5, keep=Keep.BEST
        ),
        "98.69% (4 wrong of 306), stopped after 11 epochs, 23 min 39 s",
        "frozen base, Adam, loss, patience 5, fill mode; its 1,006 pictures are not to be had",
    ),
    PresetName.MOBILENETV2_AVGPOOL: Preset(_AVGPOOL, "val 99.22%, 18 min; training 97.33%"),
    PresetName.RESNET50_AVGPOOL: Preset(
        _AVGPOOL.but(backbone="resnet50"),
        "val 99.48%, 53 min; training 99.08%",
        "MobileNetV2's preprocessing, the only one published",
    ),
    PresetName.INCEPTIONV3_AVGPOOL: Preset(
        _AVGPOOL.but(backbone="inceptionv3"),
        "val 98.44%, 34 min; training 92.75%",
        "MobileNetV2's preprocessing; all of its 5x5 cells pooled, since 7x7 cannot be",
    ),
    PresetName.MOBILENETV2_SLOW: Preset(
        _KERAS.but(units=(), dropout=0.0, lr=1e-5, epochs=15, augment=_FLIPS),
        "1 error in 74, loss 0.058",
        "224 px, average pool, batch 32, ranges of zoom 0.2 and rotation 20; its pictures are not "
        "to be had",
    ),
    PresetName.CNN_3CLASS: Preset(
        _THREE_CLASS.but(
            backbone="cnn", weights="none", input_size=128, pool=Pool.FLATTEN, units=(256,)
        ),
        "97% on 458; wrong_mask precision and recall 100/97",
        "128 px, layers 32-64-128-256, dense 256, dropout 0.5, Adam 1e-3, batch 32, patience 8 and "
        "3; its pictures are not to be had",
    ),
    PresetName.MOBILENETV2_3CLASS: Preset(
        _THREE_CLASS,
        "97% on 458; wrong_mask precision and recall 97/93",
        "average pool, dense 128, dropout 0.5, Adam 1e-3, batch 32, patience 8 and 3; its pictures "
        "are not to be had",
    ),
}
