import Files
import Foundation
import ImageCoding
import Records
import Tensors
import TokenReduction
import VisionModels

/// One model with one method, for single images.
package final class Predictor {
  package let model: PlannedModel
  package let method: PlannedMethod
  let device: PlannedDevice
  let precision: String
  private let pool: ModelPool

  /// Opens the first model, method and device of a spec.
  ///
  /// - Throws: Those of `Planner`, and `ExperimentsError.impossible` if `r` would have to be
  ///   measured first.
  package init(_ planner: Planner) throws {
    model = planner.models[0]
    device = planner.devices[0]
    precision = planner.spec.precisions.first ?? Precision.float32.rawValue
    let choice = planner.spec.methods[0]
    guard choice.search == nil else {
      throw ExperimentsError.impossible(
        subject: "--method",
        message: "r is not given, and only a run can choose it; give r, such as {\"method\": "
          + "\"\(choice.method.name)\", \"r\": \(model.info.tokens.patchTokens / 2)}")
    }
    method = try model.method(choice)
    pool = ModelPool()
  }

  private init(_ other: Predictor, _ method: PlannedMethod) {
    model = other.model
    device = other.device
    precision = other.precision
    pool = other.pool
    self.method = method
  }

  /// The same model with every token, sharing its weights.
  package func unreduced() throws -> Predictor { Predictor(self, try model.unreduced()) }

  /// The logits of image files, preprocessed for the model; one row each.
  ///
  /// - Throws: `ImageError`, `LogitsNotFinite`, and those of weights.
  package func logits(files: [String]) throws -> [[Float]] {
    let preprocessing = model.choice.entry.preprocessing
    let pass = try makePass(batchSize: 1)
    return try files.enumerated().map { index, file in
      try ImageDecoder.withShared { decoder in
        try decoder.load(path: PathBytes(file), preprocessing: preprocessing, into: pass.input)
      }
      return try run(pass, key: index, image: file)
    }
  }

  /// The logits of normalized images, NCHW; one row each.
  ///
  /// The images form one batch, as the caller grouped them.
  package func logits(images: [Float]) throws -> [[Float]] {
    let imageFloats = model.choice.entry.preprocessing.elementCount
    let count = images.count / imageFloats
    let classes = model.info.classes
    let pass = try makePass(batchSize: count)
    images.withUnsafeBufferPointer { source in
      if let base = source.baseAddress {
        pass.input.baseAddress?.update(from: base, count: source.count)
      }
    }
    pass.run()
    try check(pass) { "image \($0)" }
    return (0..<count).map { Array(pass.logits[($0 * classes)..<(($0 + 1) * classes)]) }
  }

  /// At the spec's first precision.
  func makePass(batchSize: Int) throws -> PassRunner {
    try pool.pass(model, on: device, method, batchSize: batchSize, precision: precision)
  }

  private func run(_ pass: PassRunner, key: Int, image: String) throws -> [Float] {
    withUnsafePointer(to: UInt64(key)) { pass.run(imageKeys: $0) }
    try check(pass) { _ in image }
    return Array(pass.logits)
  }

  /// Throws if the last run failed on the device or produced NaN.
  func check(_ pass: PassRunner, image: (Int) -> String) throws {
    try pass.model.backend.check()
    try LogitsNotFinite.check(
      pass.logits, images: pass.batchSize, model: model.setting.name, image: image)
  }

  /// The images of a safetensors file: its tensor `images`, or its only one, of shape [B, 3, side,
  /// side].
  ///
  /// - Throws: `TensorsError`, and `ExperimentsError.impossible` for another shape.
  package func images(of file: SafetensorsFile) throws -> [Float] {
    let side = model.info.imageSize
    let name =
      file.entries["images"] != nil || file.entries.count != 1
      ? "images" : file.entries.keys.first ?? "images"
    let values = try file.floats(name)
    let shape = file.entries[name]?.shape ?? []
    guard shape.count == 4, shape[0] > 0, Array(shape[1...]) == [3, side, side] else {
      throw ExperimentsError.impossible(
        subject: "\(file.path)",
        message: "the tensor '\(name)' is \(shape); \(model.setting.name) reads "
          + "[images, 3, \(side), \(side)], normalized")
    }
    return values
  }
}
