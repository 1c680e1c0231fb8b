"""What a training lets a user choose; imports nothing heavy, as each start reads it."""

from enum import StrEnum


class PresetName(StrEnum):
    """Trainings that were published; `presets` has their settings."""

    MOBILENETV2_MAXPOOL = "mobilenetv2-maxpool"
    MOBILENETV2_WIDE_AUG = "mobilenetv2-wide-aug"
    MOBILENETV2_AVGPOOL = "mobilenetv2-avgpool"
    RESNET50_AVGPOOL = "resnet50-avgpool"
    INCEPTIONV3_AVGPOOL = "inceptionv3-avgpool"
    MOBILENETV2_SLOW = "mobilenetv2-slow"
    CNN_3CLASS = "cnn-3class"
    MOBILENETV2_3CLASS = "mobilenetv2-3class"


class Pool(StrEnum):
    """How a map of features becomes a vector."""

    MAX = "max"
    AVG = "avg"
    FLATTEN = "flatten"


class Optimizer(StrEnum):
    """Which rule moves the weights."""

    ADAM = "adam"
    ADAMW = "adamw"
    SGD = "sgd"
    RMSPROP = "rmsprop"


class ExportForm(StrEnum):
    """Forms of a trained network."""

    ONNX = "onnx"
    ONNX_INT8 = "onnx-int8"
    LITERT = "litert"
    LITERT_INT8 = "litert-int8"


class Loss(StrEnum):
    """What training makes small.

    `binary` is what Keras makes of binary cross-entropy over a softmax: it takes the softmax's
    inputs for those of a sigmoid, one for each output.
    """

    CATEGORICAL = "categorical"
    BINARY = "binary"


class Preprocess(StrEnum):
    """How pixels of 0 to 255 become the network's input; the names are those of Keras.

    `own` is what the backbone's weights were made with; `tf` -1 to 1, `unit` 0 to 1, `torch`
    ImageNet's mean and deviation, `caffe` ImageNet's mean of BGR, `none` the pixels themselves.
    """

    OWN = "own"
    TF = "tf"
    UNIT = "unit"
    TORCH = "torch"
    CAFFE = "caffe"
    NONE = "none"


class Resize(StrEnum):
    """How a face is brought to the input's size, its shape given up: as `load_img` does it."""

    NEAREST = "nearest"
    BICUBIC = "bicubic"
    AREA = "area"


class Keep(StrEnum):
    """Which epoch's weights become the bundle."""

    BEST = "best"
    LAST = "last"


class ClassWeights(StrEnum):
    """How rare states count."""

    NONE = "none"
    BALANCED = "balanced"
