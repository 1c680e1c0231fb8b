plugins {
    id("com.android.application")
}

android {
    namespace = "org.maskwatch.example"
    compileSdk = 35

    defaultConfig {
        applicationId = "org.maskwatch.example"
        minSdk = 28
        targetSdk = 35
        versionCode = 1
        versionName = "1.0"
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    // The model is mapped into memory as it lies in the package.
    androidResources { noCompress += "tflite" }
}

dependencies {
    implementation("com.google.ai.edge.litert:litert:1.4.2")
    // Finds the faces, on the phone itself; any other detector of boxes will do.
    implementation("com.google.mlkit:face-detection:16.1.7")
}
