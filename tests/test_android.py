"""The arithmetic of the Android example, compiled here and compared with ours."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from string import Template

import numpy as np
import pytest

from maskwatch.images import planes
from maskwatch.models import bundle as bundles
from maskwatch.models.bundle import Bundle
from maskwatch.models.catalogue import SHIPPED
from maskwatch.models.classifier import MaskClassifier, softmax, states_of
from maskwatch.models.runtime import Network

data = pytest.importorskip("skimage.data")
JAVAC, JAVA = shutil.which("javac"), shutil.which("java")
pytestmark = pytest.mark.skipif(not (JAVAC and JAVA), reason="no Java compiler here")
SOURCES = Path(__file__).parents[1] / "examples/android/app/src/main/java/org/maskwatch/example"
BOXES = np.array(
    [
        [180, 70, 270, 190],
        [200, 100, 240, 140],
        [-20, -30, 60, 50],
        [100, 20, 440, 500],
        [190, 90, 200, 100],
    ],
    np.float32,
)
DRIVER = Template("""
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.maskwatch.example.FaceMath;

public class Driver {
    public static void main(String[] words) throws Exception {
        var numbers = ByteBuffer.wrap(Files.readAllBytes(Path.of(words[0])));
        int width = numbers.getInt();
        int height = numbers.getInt();
        int[] argb = new int[width * height];
        numbers.asIntBuffer().get(argb);
        float[] mean = {$mean};
        float[] std = {$std};
        var spec = new FaceMath.Spec($side, true, ${margin}f, false, mean, std,
                ${temperature}f, ${least}f, ${threshold}f);
        float[][] boxes = {$boxes};
        float[][] logits = {$logits};
        for (int i = 0; i < boxes.length; i++) {
            float[] input = FaceMath.input(argb, width, height, boxes[i], spec);
            var out = ByteBuffer.allocate(4 * input.length);
            out.asFloatBuffer().put(input);
            Files.write(Path.of(words[1], i + ".bin"), out.array());
            float[] shares = FaceMath.probabilities(logits[i], spec);
            System.out.print(FaceMath.state(shares, boxes[i], spec));
            for (float share : shares) System.out.print(" " + share);
            byte[] bytes = FaceMath.quantised(logits[i], 0.02f, 5);
            for (float value : FaceMath.plain(bytes, 0.02f, 5)) System.out.print(" " + value);
            System.out.println();
        }
    }
}
""")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return bundles.read(SHIPPED / "standard")


def test_photos_become_the_same_numbers_and_states(bundle: Bundle, tmp_path: Path) -> None:
    photo = data.astronaut()
    classifier, spec = MaskClassifier(bundle), bundle.input
    crops = classifier.crops(photo, BOXES)
    wanted = planes(crops, (spec.width, spec.height), mean=spec.mean, std=spec.std)
    logits = Network(bundle.model_path)(wanted)["logits"]
    lines = java(photo, logits, bundle, tmp_path)

    side = spec.width
    told = [np.fromfile(tmp_path / f"{i}.bin", ">f4") for i in range(len(BOXES))]
    pixels = np.stack([v.reshape(side, side, 3).transpose(2, 0, 1) for v in told])
    # OpenCV rounds the places between pixels to 1/32 of one.
    assert np.abs(pixels - wanted).max() < 0.1
    assert np.abs(pixels - wanted).mean() < 0.003
    shares = softmax(logits / bundle.temperature)
    numbers = np.array([line[1:] for line in lines], float)
    assert np.allclose(numbers[:, :3], shares, atol=1e-5)
    rounded = (np.clip(np.round(logits / 0.02) + 5, -128, 127) - 5) * 0.02
    assert np.allclose(numbers[:, 3:], rounded, atol=1e-5)
    states = ["unknown" if line[0] == "-1" else bundle.labels[int(line[0])] for line in lines]
    assert states == states_of(shares, BOXES, bundle.unknown).tolist()
    assert set(states) >= {"no_mask", "unknown"}


def java(photo: np.ndarray, logits: np.ndarray, bundle: Bundle, folder: Path) -> list[list[str]]:
    """Run the example's class on these boxes and logits; its inputs as files, its lines."""
    height, width = photo.shape[:2]
    red, green, blue = (photo[..., channel].astype(np.uint32) for channel in range(3))
    argb = (0xFF << 24) | (red << 16) | (green << 8) | blue
    header = np.array([width, height], ">u4").tobytes()
    (folder / "photo.bin").write_bytes(header + argb.astype(">u4").tobytes())
    spec, rule = bundle.input, bundle.unknown
    text = DRIVER.substitute(
        mean=java_array(spec.mean), std=java_array(spec.std), side=spec.width, margin=spec.margin,
        temperature=bundle.temperature, least=rule.min_side, threshold=rule.threshold,
        boxes=", ".join(f"{{{java_array(row)}}}" for row in BOXES),
        logits=", ".join(f"{{{java_array(row)}}}" for row in logits),
    )  # fmt: skip
    (folder / "Driver.java").write_text(text)
    run = [JAVAC, "-d", folder, SOURCES / "FaceMath.java", folder / "Driver.java"]
    subprocess.run([str(word) for word in run], check=True)
    done = subprocess.run(
        [str(JAVA), "-cp", str(folder), "Driver", str(folder / "photo.bin"), str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    return [line.split() for line in done.stdout.splitlines()]


def java_array(numbers: Iterable[float]) -> str:
    return ", ".join(f"{float(number)}f" for number in numbers)
