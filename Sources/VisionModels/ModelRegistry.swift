/// Every model that a spec can name.
package enum ModelRegistry {
  package static let all: [ModelEntry] =
    DemoViT.entries + AugRegViT.entries + DeiT.entries + DINOv2.entries

  package static func entry(named name: String) -> ModelEntry? { all.first { $0.name == name } }

  /// A model of sizes that a spec gives, with DeiT's preprocessing at its own size.
  package static func custom(_ architecture: ViTArchitecture, name: String = "custom") -> ModelEntry
  {
    ModelEntry(
      name: name, displayName: name, architecture: architecture,
      preprocessing: .imageNet(crop: architecture.imageSize, fraction: 0.9), source: "the spec")
  }
}
