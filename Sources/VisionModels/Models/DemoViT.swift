import Records

/// The embedded default: an ordinary ViT trained on the demo data set (`Datasets/demo/README.md`).
enum DemoViT {
  static let entries = [
    ModelEntry(
      name: "demo_vit", displayName: "demo ViT",
      architecture: ViTArchitecture(
        imageSize: 96, patchSize: 8, embedDim: 96, numHeads: 3, numClasses: 10),
      // The data set is drawn at the model's size.
      preprocessing: Preprocessing(
        resize: 96, crop: 96, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]),
      source: "Datasets/demo/README.md")
  ]
}
