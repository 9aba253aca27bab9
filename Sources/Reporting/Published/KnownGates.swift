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

  /// Off-the-shelf token reduction: no weight was trained with the method.
  private static let methods: [KnownGate] = [tome, tomeOnDeiT, diffRate, ppt, gtp].flatMap { $0 }

  /// ToMe's README, with AugReg weights.
  ///
  /// ToMe resizes to 256 for a crop of 224, and numbers of two digits are rounded.
  private static let tome: [KnownGate] = [
    ("vit_small_patch16_224", 13, 79.30), ("vit_base_patch16_224", 13, 82.60),
    ("vit_large_patch16_224", 7, 84.26),
  ].map { model, r, top1 in
    KnownGate(
      model, top1, resize: 256, method: "tome", parameters: ["r": .integer(r)], tolerance: 0.1,
      source: "ToMe's README, r=\(r)")
  }

  /// A later study of ToMe on DeiT-S, whose unreduced model gives 79.82: DeiT's own resize to 256.
  private static let tomeOnDeiT: [KnownGate] = [
    (8, 79.43), (10, 79.228), (13, 78.902), (16, 78.174),
  ].map { r, top1 in
    KnownGate(
      "deit_small_patch16_224", top1, resize: 256, method: "tome",
      parameters: ["r": .integer(r)], tolerance: 0.1, source: "a study of ToMe on DeiT-S, r=\(r)")
  }

  /// DiffRate's `compression_rate.json`: the tokens of each block that are not dropped, and that
  /// leave it.
  ///
  /// Its evaluation is DeiT's, with a resize to 256.
  private static let diffRate: [KnownGate] = [
    (
      "deit_small_patch16_224", 79.538, "2.9 G",
      [197, 196, 190, 168, 150, 139, 129, 117, 99, 78, 58, 3],
      [197, 194, 176, 156, 141, 133, 121, 107, 88, 64, 56, 3]
    ),
    (
      "deit_base_patch16_224", 81.498, "11.5 G",
      [197, 197, 197, 188, 170, 154, 139, 123, 107, 72, 43, 3],
      [197, 197, 192, 178, 158, 145, 127, 111, 94, 50, 35, 3]
    ),
  ].map { (model: String, top1: Double, size: String, prune: [Int], merge: [Int]) in
    KnownGate(
      model, top1, resize: 256, method: "diffrate",
      parameters: [
        "prune": .array(prune.map { .integer($0) }), "tokens": .array(merge.map { .integer($0) }),
      ], tolerance: 0.1, source: "DiffRate's schedule of \(size)")
  }

  /// PPT's README: 50 tokens at blocks 3, 6 and 9, which are its defaults on twelve blocks.
  private static let ppt = [
    KnownGate(
      "deit_small_patch16_224", 79.498, resize: 256, method: "ppt",
      parameters: ["r": .integer(50), "tau": .number(7e-5)], tolerance: 0.1,
      source: "PPT's README, r=50")
  ]

  /// GTP-ViT's table for DeiT-B, with a crop of 0.9: tokens of each block, the share of the
  /// attention map that is kept, and the share of a token that flows on.
  private static let gtp: [KnownGate] = [
    (1, 0.8, 0.1, 81.93), (4, 1, 0.4, 81.76), (7, 0.6, 0.1, 81.57), (10, 0.5, 0.2, 81.22),
    (14, 0.8, 0.3, 80.11),
  ].map { (r: Int, sparsity: Double, propagation: Double, top1: Double) in
    KnownGate(
      "deit_base_patch16_224", top1, resize: 248, method: "gtp",
      parameters: [
        "r": .integer(r), "sparsity": .number(sparsity), "propagation": .number(propagation),
      ], tolerance: 0.1, source: "GTP-ViT's table, r=\(r)")
  }
}
