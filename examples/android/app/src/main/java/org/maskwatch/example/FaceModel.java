package org.maskwatch.example;

import android.content.res.AssetFileDescriptor;
import android.content.res.AssetManager;
import android.graphics.Bitmap;
import android.graphics.RectF;
import java.io.DataInputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;
import org.tensorflow.lite.DataType;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.Tensor;

/** A classifier as `maskwatch export --format litert-int8` writes it, from the app's assets. */
final class FaceModel implements AutoCloseable {
    /** What is told of a face: the place of its state among `labels`, -1 for unknown. */
    record Answer(RectF box, int state, float[] shares) {}

    final String[] labels;
    private final FaceMath.Spec spec;
    private final Interpreter interpreter;

    FaceModel(AssetManager assets) throws IOException, JSONException {
        JSONObject about = new JSONObject(text(assets, "description.json"));
        JSONArray names = about.getJSONArray("labels");
        labels = new String[names.length()];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = names.getString(i);
        }
        spec = spec(about);
        Interpreter.Options options = new Interpreter.Options().setNumThreads(2);
        interpreter = new Interpreter(mapped(assets, "model.tflite"), options);
    }

    Answer ask(Bitmap photo, RectF face) {
        int width = photo.getWidth();
        int height = photo.getHeight();
        int[] argb = new int[width * height];
        photo.getPixels(argb, 0, width, 0, 0, width, height);
        float[] box = {face.left, face.top, face.right, face.bottom};
        float[] values = FaceMath.input(argb, width, height, box, spec);
        float[] shares = FaceMath.probabilities(run(values), spec);
        return new Answer(face, FaceMath.state(shares, box, spec), shares);
    }

    /** The outputs for one face; a network of integers takes and gives bytes. */
    private float[] run(float[] values) {
        if (interpreter.getInputTensor(0).dataType() != DataType.INT8) {
            ByteBuffer input = buffer(4 * values.length);
            input.asFloatBuffer().put(values);
            float[][] outputs = new float[1][labels.length];
            interpreter.run(input, outputs);
            return outputs[0];
        }
        Tensor.QuantizationParams given = interpreter.getInputTensor(0).quantizationParams();
        Tensor.QuantizationParams told = interpreter.getOutputTensor(0).quantizationParams();
        byte[] bytes = FaceMath.quantised(values, given.getScale(), given.getZeroPoint());
        ByteBuffer input = buffer(bytes.length).put(bytes);
        input.rewind();
        byte[][] outputs = new byte[1][labels.length];
        interpreter.run(input, outputs);
        return FaceMath.plain(outputs[0], told.getScale(), told.getZeroPoint());
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }

    @Override
    public void close() {
        interpreter.close();
    }

    private static FaceMath.Spec spec(JSONObject about) throws JSONException {
        JSONObject input = about.getJSONObject("input");
        JSONObject unknown = about.getJSONObject("unknown");
        return new FaceMath.Spec(
                input.getInt("width"),
                input.getString("crop").equals("square"),
                (float) input.getDouble("margin"),
                input.getString("colour").equals("bgr"),
                floats(input.getJSONArray("mean")),
                floats(input.getJSONArray("std")),
                (float) about.getDouble("temperature"),
                (float) unknown.getDouble("min_side"),
                (float) unknown.getDouble("threshold"));
    }

    private static float[] floats(JSONArray array) throws JSONException {
        float[] values = new float[array.length()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) array.getDouble(i);
        }
        return values;
    }

    private static String text(AssetManager assets, String name) throws IOException {
        try (InputStream stream = assets.open(name)) {
            byte[] bytes = new byte[stream.available()];
            new DataInputStream(stream).readFully(bytes);
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    private static ByteBuffer mapped(AssetManager assets, String name) throws IOException {
        try (AssetFileDescriptor file = assets.openFd(name);
                FileInputStream stream = new FileInputStream(file.getFileDescriptor())) {
            return stream.getChannel().map(
                    FileChannel.MapMode.READ_ONLY, file.getStartOffset(), file.getLength());
        }
    }
}
