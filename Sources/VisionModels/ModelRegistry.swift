import Records

/// Every model that a spec can name.
package enum ModelRegistry {
  /// Every family of models.
  package static let families: [any ModelArchitecture.Type] = [
    ViTArchitecture.self, EfficientViTM.self, EfficientViTB.self, ReduceFormer.self, ConvNeXt.self,
    Swin.self, CoAtNet.self, MobileNetV3.self, MobileViT.self,
  ]

  /// The family of an `architecture` without a family name.
  package static let defaultFamily = ViTArchitecture.family

  package static let all: [ModelEntry] = families.flatMap { $0.entries }

  package static func entry(named name: String) -> ModelEntry? { all.first { $0.name == name } }

  package static func family(named name: String) -> (any ModelArchitecture.Type)? {
    families.first { $0.family == name }
  }

  /// A model with the sizes of a spec, and DeiT's preprocessing at its own image size.
  package static func custom(
    _ architecture: any ModelArchitecture, name: String = "custom"
  ) -> ModelEntry {
    ModelEntry(
      name: name, displayName: name, architecture: architecture,
      preprocessing: .imageNet(crop: architecture.imageSize, fraction: 0.9), source: "the spec")
  }
}
