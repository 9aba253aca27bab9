import VisionModels

/// Small timm models that differ from ViT in one part; their weights and logits are in
/// `Fixtures/variants` (`Fixtures/make_variants.py`).
package enum ViTVariants {
  package static func sizes(_ change: (inout ViTArchitecture) -> Void) -> ViTArchitecture {
    var a = ViTArchitecture(
      imageSize: 32, patchSize: 8, embedDim: 16, depth: 2, numHeads: 2, numClasses: 5)
    change(&a)
    return a
  }

  package static let all: [(name: String, sizes: ViTArchitecture)] = [
    (
      "deit3",
      sizes {
        $0.layerScale = true
        $0.noEmbedClass = true
      }
    ),
    ("patch4", sizes { $0.patchSize = 4 }),
    (
      "mean",
      sizes {
        $0.classToken = false
        $0.head = .patchMean
      }
    ),
    (
      "mean_of_all",
      sizes {
        $0.registers = 2
        $0.head = .patchMean
        $0.poolIncludePrefix = true
        $0.fcNorm = false
      }
    ),
    (
      "registers",
      sizes {
        $0.classToken = false
        $0.registers = 1
        $0.noEmbedClass = false
        $0.layerScale = true
        $0.head = .patchMean
      }
    ),
    ("token_fc_norm", sizes { $0.fcNorm = true }),
    (
      "heads",
      sizes {
        $0.qkvBias = false
        $0.qkNorm = true
      }
    ),
    (
      "norm_pre",
      sizes {
        $0.normPre = true
        $0.normEpsilon = 1e-5
      }
    ),
    (
      "pool",
      sizes {
        $0.classToken = false
        $0.registers = 1
        $0.noEmbedClass = false
        $0.head = .attentionPool
        $0.poolIncludePrefix = true
        $0.mlpRatio = 2
      }
    ),
    (
      "pool_of_patches",
      sizes {
        $0.registers = 1
        $0.head = .attentionPool
      }
    ),
    (
      "last_four",
      sizes {
        $0.depth = 5
        $0.layerScale = true
        $0.head = .lastTokensAndPatchMean
      }
    ),
  ]
}
