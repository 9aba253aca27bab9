import Records
import Testing

@testable import Reporting

/// Reports of models whose accuracy was published.
@Suite struct `Published accuracies` {
  private static let transform =
    "resize 248 (shorter side) bicubic antialiased, center crop 224, mean 0.485/0.456/0.406, "
    + "std 0.229/0.224/0.225"

  private func dataset(_ preprocessing: String = transform, images: Int = 50_000) -> DatasetSetting
  {
    DatasetSetting(
      name: "imagenet", layout: "class folders", fingerprint: "f", images: images, classes: 1000,
      preprocessing: preprocessing)
  }

  /// A record of all images, of which `right` are classified correctly.
  private func record(
    _ model: String, right: Int, _ dataset: DatasetSetting, method: MethodSetting
  ) -> Record {
    let trial = AccuracyTrial(
      model: ModelSetting(
        name: model, architecture: [:], weights: WeightsSetting(name: "w", digest: "d"),
        tokens: 197, prefixTokens: 1), method: method, dataset: dataset, precision: "float32",
      firstImage: 0, imageCount: dataset.images)
    let result = AccuracyResult(
      topFive: (0..<dataset.images).map { [$0 < right ? 1 : 2, 3, 4, 5, 6] },
      labels: Array(repeating: 1, count: dataset.images),
      imageIndices: Array(0..<dataset.images), skipped: [], imagesPerSecond: 1,
      cost: ForwardCost(tokensAfterBlocks: [197], macs: 1, parameters: 1))
    return Record(
      key: "gate", measurement: .accuracy(trial, result), environment: RecordBuilder().environment)
  }

  private static let none = MethodSetting(name: "none", parameters: [:])

  private func notes(
    _ model: String = "deit_small_patch16_224", right: Int, _ dataset: DatasetSetting,
    method: MethodSetting = none
  ) -> [String] {
    let report = Report(
      records: [record(model, right: right, dataset, method: method)], name: "gates")
    return report.groups.flatMap(\.rows).flatMap(\.notes)
  }

  @Test func `the whole list is read`() {
    #expect(KnownGate.all.count == 43)
    #expect(Set(KnownGate.all.map(\.method)) == ["none", "tome", "diffrate", "ppt", "gtp"])
    #expect(KnownGate.all.allSatisfy { (50..<95).contains($0.top1Percent) && !$0.source.isEmpty })
  }

  @Test func `a run that reproduces the published accuracy says so`() {
    #expect(
      notes(right: 39_923, dataset()) == [
        "reproduces the published 79.86 of timm's deit_small_patch16_224.fb_in1k (−0.01, interval "
          + "79.49–80.20)"
      ])
  }

  @Test func `a run that does not reproduce it says what to check`() {
    #expect(
      notes(right: 39_000, dataset()) == [
        "deviates from the published 79.86 of timm's deit_small_patch16_224.fb_in1k (−1.86, interval "
          + "77.63–78.36): look at the weights, the order of the labels, and how images are decoded"
      ])
  }

  @Test func `another resize has its own accuracy`() {
    let at256 = Self.transform.replacing("248", with: "256")
    #expect(
      notes("deit_base_patch16_224", right: 40_923, dataset(at256)).first?.hasPrefix(
        "reproduces the published 81.85 of DeiT's repository (+0.00") == true)
    let squashed = Self.transform.replacing("248 (shorter side)", with: "248x248")
    #expect(
      notes(right: 39_923, dataset(squashed)) == [
        "the published 79.86 (timm's deit_small_patch16_224.fb_in1k) is of resize 248, crop 224, "
          + "and not of this preprocessing"
      ])
  }

  @Test func `a method is compared with its own accuracy`() {
    let tome = MethodSetting(name: "tome", parameters: ["r": .integer(13)])
    let at256 = Self.transform.replacing("248", with: "256")
    #expect(
      notes("vit_base_patch16_224", right: 41_300, dataset(at256), method: tome).first?.hasPrefix(
        "reproduces the published 82.60 of ToMe's README, r=13 (+0.00") == true)
    let other = MethodSetting(name: "tome", parameters: ["r": .integer(12)])
    #expect(
      notes("vit_base_patch16_224", right: 41_300, dataset(at256), method: other).allSatisfy {
        !$0.contains("published")
      })
  }

  /// Settings as in a plan, with all defaults filled in.
  private static let settings: [(model: String, MethodSetting, resize: Int, right: Int, String)] = [
    (
      "deit_small_patch16_224",
      MethodSetting(
        name: "diffrate",
        parameters: [
          "prune": .array(
            [197, 196, 190, 168, 150, 139, 129, 117, 99, 78, 58, 3].map { .integer($0) }),
          "tokens": .array(
            [197, 194, 176, 156, 141, 133, 121, 107, 88, 64, 56, 3].map { .integer($0) }),
          "proportional_attention": .boolean(true),
        ]), 256, 39_769, "reproduces the published 79.54 of DiffRate's schedule of 2.9 G (+0.00, "
    ),
    (
      "deit_small_patch16_224",
      MethodSetting(
        name: "ppt",
        parameters: [
          "r": .integer(50), "tau": .number(7e-5),
          "layers": .array([.integer(3), .integer(6), .integer(9)]),
        ]), 256, 39_700, "reproduces the published 79.50 of PPT's README, r=50 (−0.10, "
    ),
    (
      "deit_base_patch16_224",
      MethodSetting(
        name: "gtp",
        parameters: [
          "r": .integer(4), "sparsity": .number(1), "propagation": .number(0.4),
          "graph": .string("mixed"),
        ]), 248, 40_000, "deviates from the published 81.76 of GTP-ViT's table, r=4 (−1.76, "
    ),
    (
      "deit_small_patch16_224", MethodSetting(name: "tome", parameters: ["r": .integer(16)]), 256,
      39_087, "reproduces the published 78.17 of a study of ToMe on DeiT-S, r=16 ("
    ),
  ]

  @Test(arguments: settings)
  func `published schedules of other methods are compared with their accuracies`(
    _ of: (model: String, MethodSetting, resize: Int, right: Int, String)
  ) {
    let transform = Self.transform.replacing("248", with: "\(of.resize)")
    let found = notes(of.model, right: of.right, dataset(transform), method: of.1)
    #expect(found.first?.hasPrefix(of.4) == true, "\(found)")
    // Another schedule or resize has no published accuracy, or says to which it belongs.
    let other = MethodSetting(name: of.1.name, parameters: ["r": .integer(1)])
    #expect(
      notes(of.model, right: of.right, dataset(transform), method: other).allSatisfy {
        !$0.contains("reproduces")
      })
  }

  @Test func `a resize that the publication does not state is called inferred`() {
    let tome = MethodSetting(name: "tome", parameters: ["r": .integer(16)])
    let at256 = Self.transform.replacing("248", with: "256")
    let model = "deit_small_patch16_224"
    #expect(
      notes(model, right: 39_087, dataset(at256), method: tome).first?.hasSuffix(
        "; its resize of 256 is inferred from its unreduced 79.82)") == true)
    #expect(
      notes(model, right: 39_087, dataset(), method: tome) == [
        "the published 78.17 (a study of ToMe on DeiT-S, r=16) is of resize 256 (inferred from its "
          + "unreduced 79.82), crop 224, and not of this preprocessing"
      ])
  }

  @Test func `a part of the images, or another model, is not compared`() {
    for notes in [
      notes(right: 400, dataset(images: 500)), notes("custom", right: 39_923, dataset()),
    ] {
      #expect(notes.allSatisfy { !$0.contains("published") })
    }
  }
}
