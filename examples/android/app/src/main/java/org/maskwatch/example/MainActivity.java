package org.maskwatch.example;

import android.app.Activity;
import android.content.Intent;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.graphics.Color;
import android.graphics.ImageDecoder;
import android.graphics.Paint;
import android.graphics.RectF;
import android.net.Uri;
import android.os.Bundle;
import android.widget.Button;
import android.widget.ImageView;
import android.widget.LinearLayout;
import android.widget.ScrollView;
import android.widget.TextView;
import com.google.mlkit.vision.common.InputImage;
import com.google.mlkit.vision.face.Face;
import com.google.mlkit.vision.face.FaceDetection;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.json.JSONException;

/** Pick a photo: its faces are drawn, each with its state and the percentages of all of them. */
public final class MainActivity extends Activity {
    private static final int PICKED = 1;
    private static final int LONG_SIDE = 1600;

    private FaceModel model;
    private ImageView picture;
    private TextView words;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        try {
            model = new FaceModel(getAssets());
        } catch (IOException | JSONException error) {
            throw new IllegalStateException("put an export into src/main/assets", error);
        }
        Button pick = new Button(this);
        pick.setText(R.string.pick);
        pick.setOnClickListener(view -> pick());
        picture = new ImageView(this);
        picture.setAdjustViewBounds(true);
        words = new TextView(this);
        words.setPadding(24, 24, 24, 24);
        LinearLayout column = new LinearLayout(this);
        column.setOrientation(LinearLayout.VERTICAL);
        column.setFitsSystemWindows(true);
        column.addView(pick);
        column.addView(picture);
        column.addView(words);
        ScrollView whole = new ScrollView(this);
        whole.addView(column);
        setContentView(whole);
    }

    @Override
    protected void onDestroy() {
        model.close();
        super.onDestroy();
    }

    private void pick() {
        Intent intent = new Intent(Intent.ACTION_OPEN_DOCUMENT).setType("image/*");
        startActivityForResult(intent.addCategory(Intent.CATEGORY_OPENABLE), PICKED);
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        super.onActivityResult(request, result, data);
        if (request != PICKED || result != RESULT_OK || data == null) {
            return;
        }
        try {
            look(read(data.getData()));
        } catch (IOException error) {
            words.setText(R.string.not_readable);
        }
    }

    /** The photo upright, as EXIF says, and no larger than needed. */
    private Bitmap read(Uri uri) throws IOException {
        ImageDecoder.Source source = ImageDecoder.createSource(getContentResolver(), uri);
        return ImageDecoder.decodeBitmap(source, (decoder, info, from) -> {
            int longer = Math.max(info.getSize().getWidth(), info.getSize().getHeight());
            decoder.setTargetSampleSize(Math.max(1, longer / LONG_SIDE));
            // Pixels are read and drawn upon: not those of the graphics processor.
            decoder.setAllocator(ImageDecoder.ALLOCATOR_SOFTWARE);
            decoder.setMutableRequired(true);
        });
    }

    private void look(Bitmap photo) {
        FaceDetection.getClient()
                .process(InputImage.fromBitmap(photo, 0))
                .addOnSuccessListener(faces -> show(photo, faces))
                .addOnFailureListener(error -> words.setText(R.string.not_readable));
    }

    private void show(Bitmap photo, List<Face> faces) {
        List<FaceModel.Answer> answers = new ArrayList<>();
        for (Face face : faces) {
            answers.add(model.ask(photo, new RectF(face.getBoundingBox())));
        }
        StringBuilder lines = new StringBuilder();
        Canvas canvas = new Canvas(photo);
        Paint paint = new Paint();
        paint.setStyle(Paint.Style.STROKE);
        paint.setStrokeWidth(Math.max(3f, photo.getWidth() / 200f));
        for (int i = 0; i < answers.size(); i++) {
            FaceModel.Answer answer = answers.get(i);
            String label = answer.state() < 0 ? "unknown" : model.labels[answer.state()];
            paint.setColor(colour(label));
            canvas.drawRect(answer.box(), paint);
            lines.append(i + 1).append(": ").append(label).append(percentages(answer)).append('\n');
        }
        picture.setImageBitmap(photo);
        if (answers.isEmpty()) {
            words.setText(R.string.no_face);
        } else {
            words.setText(lines);
        }
    }

    private static int colour(String label) {
        return switch (label) {
            case "mask" -> 0xff0072b2;
            case "no_mask" -> 0xffd62728;
            case "incorrect" -> 0xffe69f00;
            default -> Color.GRAY;
        };
    }

    private String percentages(FaceModel.Answer answer) {
        StringBuilder text = new StringBuilder(" (");
        for (int i = 0; i < model.labels.length; i++) {
            String share = String.format(Locale.ROOT, "%.1f%%", 100 * answer.shares()[i]);
            text.append(i == 0 ? "" : ", ").append(model.labels[i]).append(' ').append(share);
        }
        return text.append(')').toString();
    }
}
