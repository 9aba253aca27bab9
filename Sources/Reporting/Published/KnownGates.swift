import Records

extension KnownGate {
  /// Every published accuracy that a run can be held to.
  package static let all: [KnownGate] = plain + methods

  private static let plain: [KnownGate] =
    [deit, augReg, dinov2, efficientViT, deitRepository].flatMap { $0 }

  /// One of a family whose members differ in their name and number.
  private typealias Member = (model: String, top1: Double)

  // timm's `results-imagenet.csv`, commit aa4b5850, for weights as timm publishes them.
  private static let deit: [KnownGate] = {
    let members: [Member] = [
      ("deit_tiny_patch16_224", 72.190), ("deit_small_patch16_224", 79.856),
      ("deit_base_patch16_224", 81.980), ("deit_tiny_distilled_patch16_224", 74.538),
      ("deit_small_distilled_patch16_224", 81.204), ("deit_base_distilled_patch16_224", 83.384),
    ]
    return members.map {
      KnownGate($0.model, $0.top1, resize: 248, source: "timm's \($0.model).fb_in1k")
    }
  }()

  private static let augReg: [KnownGate] = {
    let members: [Member] = [
      ("vit_tiny_patch16_224", 75.452), ("vit_small_patch16_224", 81.402),
      ("vit_base_patch16_224", 84.534), ("vit_large_patch16_224", 85.856),
    ]
    return members.map {
      KnownGate(
        $0.model, $0.top1, resize: 248, source: "timm's \($0.model).augreg_in21k_ft_in1k")
    }
  }()

  private static let efficientViT: [KnownGate] = {
    let members: [Member] = [
      ("efficientvit_m0", 63.304), ("efficientvit_m1", 68.340), ("efficientvit_m2", 70.796),
      ("efficientvit_m3", 73.394), ("efficientvit_m4", 74.344), ("efficientvit_m5", 77.092),
    ]
    let small = members.map {
      KnownGate($0.model, $0.top1, resize: 256, source: "timm's \($0.model).r224_in1k")
    }
    return small + [
      KnownGate("efficientvit_b1", 79.254, resize: 235, source: "timm's efficientvit_b1.r224_in1k")
    ]
  }()

  /// DINOv2's model card: a linear classifier on class token and mean patch token.
  private static let dinov2: [KnownGate] = {
    let members: [Member] = [
      ("vit_small_patch14_dinov2", 81.1), ("vit_base_patch14_dinov2", 84.5),
      ("vit_large_patch14_dinov2", 86.3), ("vit_giant_patch14_dinov2", 86.5),
      ("vit_small_patch14_reg4_dinov2", 80.9), ("vit_base_patch14_reg4_dinov2", 84.6),
      ("vit_large_patch14_reg4_dinov2", 86.7), ("vit_giant_patch14_reg4_dinov2", 87.1),
    ]
    return members.map {
      KnownGate(
        $0.model, $0.top1, resize: 256, tolerance: 0.1,
        source: "DINOv2's model card, with its linear classifier")
    }
  }()

  /// DeiT's repository, whose resize is another than timm's; rounded to a tenth but for the base.
  private static let deitRepository: [KnownGate] = {
    let members: [Member] = [
      ("deit_base_patch16_224", 81.846), ("deit_small_patch16_224", 79.9),
      ("deit_tiny_patch16_224", 72.2),
    ]
    return members.map {
      KnownGate(
        $0.model, $0.top1, resize: 256, tolerance: $0.top1 == 81.846 ? 0.05 : 0.1,
        source: "DeiT's repository")
    }
  }()

  /// Off-the-shelf token reduction: ToMe's README with AugReg weights.
  ///
  /// ToMe resizes to 256 for a crop of 224, and numbers of two digits are rounded.
  private static let methods: [KnownGate] = [
    ("vit_small_patch16_224", 13, 79.30), ("vit_base_patch16_224", 13, 82.60),
    ("vit_large_patch16_224", 7, 84.26),
  ].map { model, r, top1 in
    KnownGate(
      model, top1, resize: 256, method: "tome", parameters: ["r": .integer(r)], tolerance: 0.1,
      source: "ToMe's README, r=\(r)")
  }
}
