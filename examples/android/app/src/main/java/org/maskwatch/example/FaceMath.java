package org.maskwatch.example;

/**
 * What lies between a photo and a network's answer: which pixels it is shown, as which numbers, and
 * what its numbers mean. Nothing here knows Android, so that it runs and is tested anywhere.
 */
public final class FaceMath {
    /** How a face becomes the network's input, and its output states: `description.json`. */
    public static final class Spec {
        public final int side;
        public final boolean square;
        public final float margin;
        public final boolean bgr;
        public final float[] mean;
        public final float[] std;
        public final float temperature;
        public final float leastSide;
        public final float threshold;

        /**
         * @param side width and height of the input in pixels
         * @param square whether a square around the face is cut out, or its box
         * @param margin on each side, as a share of the longer side
         * @param bgr whether blue comes first
         * @param mean of each channel, of pixels 0 to 255
         * @param std of each channel
         * @param temperature what outputs are divided by
         * @param leastSide faces with a shorter side in pixels are unknown
         * @param threshold answers less sure than this are unknown
         */
        public Spec(int side, boolean square, float margin, boolean bgr, float[] mean,
                float[] std, float temperature, float leastSide, float threshold) {
            this.side = side;
            this.square = square;
            this.margin = margin;
            this.bgr = bgr;
            this.mean = mean;
            this.std = std;
            this.temperature = temperature;
            this.leastSide = leastSide;
            this.threshold = threshold;
        }
    }

    private FaceMath() {}

    /**
     * A face as the network wants it: numbers in the order height, width, channel.
     *
     * @param argb the photo's pixels, row by row, as Android and Java keep them
     * @param box left, top, right, bottom of the face in pixels
     */
    public static float[] input(int[] argb, int width, int height, float[] box, Spec spec) {
        float[] region = region(box, spec);
        float stepX = (region[2] - region[0]) / spec.side;
        float stepY = (region[3] - region[1]) / spec.side;
        // Large faces are averaged down by whole pixels first: single ones would not stand for them.
        int across = Math.max(1, (int) stepX);
        int down = Math.max(1, (int) stepY);
        int left = clip((int) Math.floor(region[0]) - across, 0, width - 1);
        int top = clip((int) Math.floor(region[1]) - down, 0, height - 1);
        int right = clip((int) Math.ceil(region[2]) + across, left + 1, width);
        int bottom = clip((int) Math.ceil(region[3]) + down, top + 1, height);
        int columns = Math.max(1, (right - left) / across);
        int rows = Math.max(1, (bottom - top) / down);
        float[] out = new float[spec.side * spec.side * 3];
        for (int channel = 0; channel < 3; channel++) {
            int shift = 8 * (spec.bgr ? channel : 2 - channel);
            float[] plane = new float[rows * columns];
            for (int i = 0; i < plane.length; i++) {
                int x = left + i % columns * across;
                int y = top + i / columns * down;
                int farX = Math.min(x + across, right);
                int farY = Math.min(y + down, bottom);
                plane[i] = mean(argb, width, x, y, farX, farY, shift);
            }
            for (int i = 0; i < spec.side * spec.side; i++) {
                float x = ((i % spec.side + 0.5f) * stepX + region[0] - left) / across - 0.5f;
                float y = ((i / spec.side + 0.5f) * stepY + region[1] - top) / down - 0.5f;
                float value = Math.round(between(plane, columns, rows, x, y));
                out[3 * i + channel] = (value - spec.mean[channel]) / spec.std[channel];
            }
        }
        return out;
    }

    /** What is cut out for a face: left, top, right, bottom; it may reach beyond the photo. */
    static float[] region(float[] box, Spec spec) {
        float wide = box[2] - box[0];
        float high = box[3] - box[1];
        if (spec.square) {
            wide = high = Math.max(wide, high);
        }
        float x = (box[0] + box[2]) / 2;
        float y = (box[1] + box[3]) / 2;
        float halfWide = wide * (0.5f + spec.margin);
        float halfHigh = high * (0.5f + spec.margin);
        return new float[] {x - halfWide, y - halfHigh, x + halfWide, y + halfHigh};
    }

    /** The mean of a block of pixels in one colour, which lies `shift` bits up. */
    private static float mean(
            int[] argb, int width, int left, int top, int right, int bottom, int shift) {
        int sum = 0;
        for (int y = top; y < bottom; y++) {
            for (int x = left; x < right; x++) {
                sum += argb[y * width + x] >> shift & 255;
            }
        }
        return Math.round((float) sum / ((right - left) * (bottom - top)));
    }

    /** A value between four; beyond the plane its border repeats. */
    private static float between(float[] plane, int columns, int rows, float x, float y) {
        int left = (int) Math.floor(x);
        int top = (int) Math.floor(y);
        float right = x - left;
        float below = y - top;
        float sum = 0;
        for (int j = 0; j < 2; j++) {
            for (int i = 0; i < 2; i++) {
                float share = (i == 0 ? 1 - right : right) * (j == 0 ? 1 - below : below);
                int row = clip(top + j, 0, rows - 1);
                sum += share * plane[row * columns + clip(left + i, 0, columns - 1)];
            }
        }
        return sum;
    }

    private static int clip(int value, int least, int most) {
        return Math.max(least, Math.min(most, value));
    }

    /** Numbers in 8 bits, for a network that takes those: number / scale + zero. */
    public static byte[] quantised(float[] values, float scale, int zero) {
        byte[] out = new byte[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (byte) clip(Math.round(values[i] / scale) + zero, -128, 127);
        }
        return out;
    }

    /** What a network's 8-bit outputs stand for. */
    public static float[] plain(byte[] values, float scale, int zero) {
        float[] out = new float[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (values[i] - zero) * scale;
        }
        return out;
    }

    /** What the network's outputs mean: shares that sum to 1. */
    public static float[] probabilities(float[] outputs, Spec spec) {
        float top = Float.NEGATIVE_INFINITY;
        for (float output : outputs) {
            top = Math.max(top, output);
        }
        float[] shares = new float[outputs.length];
        float sum = 0;
        for (int i = 0; i < outputs.length; i++) {
            shares[i] = (float) Math.exp((outputs[i] - top) / spec.temperature);
            sum += shares[i];
        }
        for (int i = 0; i < outputs.length; i++) {
            shares[i] /= sum;
        }
        return shares;
    }

    /** Which state is told of a face, by its place among the shares; -1 is unknown. */
    public static int state(float[] shares, float[] box, Spec spec) {
        int best = 0;
        for (int i = 1; i < shares.length; i++) {
            best = shares[i] > shares[best] ? i : best;
        }
        float shortSide = Math.min(box[2] - box[0], box[3] - box[1]);
        boolean unsure = shares[best] < spec.threshold || shortSide < spec.leastSide;
        return unsure ? -1 : best;
    }
}
