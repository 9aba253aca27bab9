import Foundation
import Records
import Support
import Tensors
import TokenReduction
import VisionModels

/// Compares passes on a device with stored passes of published implementations, or with passes of
/// another device on the same random weights and images.
package struct DeviceCheck {
  /// The device to check, by its name in a spec.
  package let device: String
  private let backend: any Backend
  /// Runs only comparisons whose line contains this text; empty for all.
  private let only: String

  package init(device: String, backend: any Backend, only: String = "") {
    self.device = device
    self.backend = backend
    self.only = only
  }

  /// The outcome of the comparisons.
  package struct Report {
    package fileprivate(set) var failures = 0
    package fileprivate(set) var comparisons = 0
    package var isGood: Bool { failures == 0 && comparisons > 0 }
  }

  /// Models with all relevant sizes: head widths of 64 and others, a distillation token, registers,
  /// a gate.
  private static let models: [(name: String, architecture: ViTArchitecture)] = [
    (
      "gelu, 197 tokens",
      ViTArchitecture(
        imageSize: 224, patchSize: 16, embedDim: 384, depth: 4, numHeads: 6, numClasses: 1000)
    ),
    (
      "distilled, 146 tokens",
      ViTArchitecture(
        imageSize: 96, patchSize: 8, embedDim: 192, depth: 4, numHeads: 3, distilled: true,
        numClasses: 10)
    ),
    (
      "gated, registers, patch 14",
      ViTArchitecture(
        imageSize: 126, patchSize: 14, embedDim: 256, depth: 4, numHeads: 4, hiddenDim: 512,
        mlp: .swiglu, registers: 4, layerScale: true, head: .tokenAndPatchMean, numClasses: 100)
    ),
    // More tokens than a single-kernel step supports, and enough attention tiles to fill a GPU.
    (
      "577 tokens",
      ViTArchitecture(
        imageSize: 384, patchSize: 16, embedDim: 128, depth: 3, numHeads: 2, numClasses: 10)
    ),
  ]

  private static let methods: [(String, [String: JSONValue])] = [
    ("none", [:]), ("random", ["r": .integer(30)]), ("topk", ["r": .integer(5)]),
    ("evit", ["keep_rate": .number(0.7), "layers": .array([.integer(1), .integer(2)])]),
    ("tome", ["r": .integer(7)]), ("tail_effect", ["r": .integer(40), "layer": .integer(1)]),
    (
      "tail_effect",
      [
        "r": .integer(20), "layer": .integer(2), "normalization": .string("batch"),
        "feature": .string("k"),
      ]
    ),
    (
      "compose",
      [
        "score": .string("class_attention"), "disposal": .string("merge"),
        "schedule": .string("progressive"), "r": .integer(6),
      ]
    ),
  ]

  /// One model of each non-ViT family, at its default size.
  private static let pictureModels = [
    "mobilenetv3_small_100", "mobilevit_xxs", "efficientvit_m0", "efficientvit_b0",
    "reduceformer_b1", "convnext_tiny", "swin_tiny_patch4_window7_224", "coatnet_0_rw_224",
  ]

  /// The device, its driver if it has one, and its libraries.
  private var opening: String {
    let parts = [backend.hardware, backend.driver, backend.libraryDescription].compactMap { $0 }
    return "\(device): \(parts.joined(separator: ", "))"
  }

  /// Every stored pass of a published implementation on the device, in each of its precisions.
  package func run(goldens folder: URL, say: (String) -> Void) throws -> Report {
    var report = Report()
    let cases = try GoldenCase.all(in: folder)
    say(opening)
    for precision in Precision.allCases {
      guard let backend = computing(at: precision, say) else { continue }
      let libraries = backend.libraryDescription
      for golden in cases {
        guard precision == .float32 || golden.recordsKeptTokens else { continue }
        judge("\(precision.rawValue), \(golden.name)", &report, say) {
          let comparison = try PassComparison(golden, try GoldenRun(golden, backend: backend))
          return (comparison.isGood(precision), comparison.text)
        }
      }
      sayIfChanged(libraries, backend, precision, say)
    }
    say("\(report.comparisons) comparisons with published passes, \(report.failures) failures")
    return report
  }

  /// `nil`, with the reason said, for a precision that the device does not have.
  private func computing(
    at precision: Precision, _ say: (String) -> Void
  ) -> (any Backend)? {
    do {
      return try backend.computing(at: precision)
    } catch {
      say("\(precision.rawValue): left out: \(error)")
      return nil
    }
  }

  /// Every method of every model on the device, in each of its precisions, and in float32 on
  /// `reference`.
  package func run(reference: any Backend, say: (String) -> Void) throws -> Report {
    var report = Report()
    var references: [String: [Float]] = [:]
    say(opening)
    for precision in Precision.allCases {
      guard let backend = computing(at: precision, say) else { continue }
      let libraries = backend.libraryDescription
      for model in Self.models {
        for (name, parameters) in Self.methods {
          judge("\(precision.rawValue), \(model.name), \(name)", &report, say) {
            try compare(backend, reference, model.architecture, name, parameters, precision).map {
              ($0.isGood(precision), $0.text)
            }
          }
        }
      }
      // 8-bit weights exist only on a CPU.
      for name in Self.pictureModels where precision != .int8 {
        judge("\(precision.rawValue), picture, \(name)", &report, say) {
          let expected = try references[name] ?? pictureLogits(name, reference)
          references[name] = expected
          let furthest = Self.largestDifference(try pictureLogits(name, backend), expected)
          return (
            furthest <= Self.pictureLimit(precision),
            "logits within \(String(format: "%.1e", furthest)) of the largest"
          )
        }
      }
      sayIfChanged(libraries, backend, precision, say)
    }
    say("\(report.comparisons) comparisons, \(report.failures) failures")
    return report
  }

  /// Says what a device has found out about its libraries and kernels in the passes of a precision,
  /// such as a kernel that it refuses.
  private func sayIfChanged(
    _ libraries: String, _ backend: any Backend, _ precision: Precision, _ say: (String) -> Void
  ) {
    guard backend.libraryDescription != libraries else { return }
    say("     \(precision.rawValue): \(backend.libraryDescription)")
  }

  /// Counts a comparison, and says its result.
  ///
  /// - Parameter compare: Whether the passes agree, and their difference as text; `nil` if the
  ///   comparison is not possible, which then does not count.
  private func judge(
    _ label: String, _ report: inout Report, _ say: (String) -> Void,
    _ compare: () throws -> (isGood: Bool, text: String)?
  ) {
    guard only.isEmpty || label.contains(only) else { return }
    do {
      guard let (isGood, text) = try compare() else { return }
      report.comparisons += 1
      if !isGood { report.failures += 1 }
      say("\(isGood ? "ok  " : "FAIL") \(label): \(text)")
    } catch {
      report.comparisons += 1
      report.failures += 1
      say("FAIL \(label): \(error)")
    }
  }

  /// The largest difference of logits, relative to the largest expected one; NaN counts as
  /// infinite.
  private static func largestDifference(_ found: [Float], _ expected: [Float]) -> Float {
    let largest = expected.map(abs).max() ?? 1
    var furthest: Float = 0
    for (ours, theirs) in zip(found, expected) {
      let apart = abs(ours - theirs) / largest
      if !(apart <= furthest) { furthest = apart.isNaN ? .infinity : apart }
    }
    return furthest
  }

  /// Rounding errors accumulate over more layers than in the plain ViTs of the other comparisons.
  private static func pictureLimit(_ precision: Precision) -> Float {
    switch precision {
    case .float32: 1e-4
    case .tf32, .float16: 5e-2
    case .bfloat16, .int8: 0.3
    }
  }

  /// The logits of two random images with random weights.
  private func pictureLogits(_ name: String, _ backend: any Backend) throws -> [Float] {
    guard let entry = ModelRegistry.entry(named: name) else {
      preconditionFailure("\(name) is no model")
    }
    let model = try entry.architecture.load(
      name: name, weights: .random(seed: 1), backend: backend)
    let pass = try PassRunner(model: model, composition: .unreduced(.none), batchSize: 2)
    var random = SplitMix64(seed: 7)
    for index in pass.input.indices { pass.input[index] = 2 * random.nextUniform() - 1 }
    pass.run()
    try backend.check()
    return Array(pass.logits)
  }

  /// The difference of two passes.
  private struct Difference {
    /// Over the largest logit.
    var relative: Float
    /// Images whose kept tokens differ in some block, of all.
    var differing: Int
    var images: Int
    /// Images in which tokens whose scores differ stand in another order.
    var disordered = 0
    /// Images in which a near tie decided which token was kept; their logits say nothing.
    var undecided = 0
    /// Tokens that near ties have exchanged.
    var nearTies = 0

    func isGood(_ precision: Precision) -> Bool {
      switch precision {
      case .float32:
        relative <= 1e-4 && differing == 0 && disordered == 0 && undecided < images
      // Rounding may turn a near tie: the tokens kept are reported, and the logits of images
      // that kept the same must agree.
      case .tf32, .float16: relative <= 1e-2
      case .bfloat16: relative <= 4e-2
      case .int8: relative <= 0.1
      }
    }

    var text: String {
      "logits within \(String(format: "%.1e", relative)) of the largest"
        + (differing > 0 ? ", other tokens kept in \(differing) of \(images) images" : "")
        + (disordered > 0 ? ", in another order in \(disordered) of \(images) images" : "")
        + (undecided > 0 ? ", \(undecided) of \(images) images decided by a near tie" : "")
        + (nearTies > 0 ? ", \(counted(nearTies, "near tie"))" : "")
    }
  }

  private func compare(
    _ backend: any Backend, _ other: any Backend, _ architecture: ViTArchitecture,
    _ name: String, _ parameters: [String: JSONValue], _ precision: Precision
  ) throws -> Difference? {
    guard let method = TokenReductionRegistry.method(named: name) else { return nil }
    let geometry = architecture.info.tokens
    let setting = try TokenReductionRegistry.resolve(
      method: method, parameters: parameters, geometry: geometry)
    let composition = try TokenReductionRegistry.composition(for: setting, geometry: geometry)
    let batch = 3
    let ours = try pass(backend, architecture, composition, batch)
    let theirs = try pass(other, architecture, composition, batch)
    // Once as it runs in a measurement, as a graph; once watched.
    ours.pass.run()
    try backend.check()
    let replayed = Array(ours.pass.logits)
    let watched = try ours.watch()
    let expected = try theirs.watch()
    let classes = architecture.numClasses
    let maximum = expected.logits.map(abs).max() ?? 1
    var difference = Difference(relative: 0, differing: 0, images: batch)
    for image in 0..<batch {
      let agreement = Self.agreement(watched.steps, expected.steps, image)
      let same = agreement.hasSameTokens && !agreement.isUndecided
      difference.nearTies += precision == .float32 ? agreement.nearTies : 0
      if !agreement.hasSameTokens { difference.differing += 1 }
      if agreement.isUndecided { difference.undecided += 1 }
      // Rounded scores have another order wherever they are close.
      if precision == .float32, !agreement.hasSameOrder { difference.disordered += 1 }
      for index in (image * classes)..<((image + 1) * classes) {
        // Two ways of the same device must agree whatever the precision.
        var apart =
          abs(replayed[index] - watched.logits[index]) > 1e-6 * maximum ? Float.infinity : 0
        if same || precision == .float32 && !agreement.isUndecided {
          apart = max(apart, abs(watched.logits[index] - expected.logits[index]) / maximum)
        }
        if !apart.isFinite || !watched.logits[index].isFinite { apart = .infinity }
        difference.relative = max(difference.relative, apart)
      }
    }
    return difference
  }

  /// How one image's tokens agree, reduction by reduction.
  private static func agreement(
    _ ours: [[TokenAgreement.Step]], _ theirs: [[TokenAgreement.Step]], _ image: Int
  ) -> TokenAgreement {
    precondition(ours.count == theirs.count, "both passes are of one plan")
    var agreement = TokenAgreement()
    for (our, their) in zip(ours, theirs) { agreement.compare(our[image], their[image]) }
    return agreement
  }

  private struct Subject {
    let pass: PassRunner
    let backend: any Backend

    /// Logits, and every reduction of each image.
    func watch() throws -> (logits: [Float], steps: [[TokenAgreement.Step]]) {
      var steps: [[TokenAgreement.Step]] = []
      pass.onReduction = { event in
        steps.append(TokenAgreement.Step.ofImages(event, backend))
      }
      pass.run()
      try backend.check()
      pass.onReduction = nil
      return (Array(pass.logits), steps)
    }
  }

  private func pass(
    _ backend: any Backend, _ architecture: ViTArchitecture, _ composition: Composition,
    _ batch: Int
  ) throws -> Subject {
    let model = try architecture.load(weights: .random(seed: 1), backend: backend)
    let pass = try PassRunner(model: model, composition: composition, batchSize: batch)
    var random = SplitMix64(seed: 7)
    for index in pass.input.indices { pass.input[index] = 2 * random.nextUniform() - 1 }
    return Subject(pass: pass, backend: backend)
  }
}
