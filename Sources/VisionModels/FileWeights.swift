/// Weights from files, which are checked completely before the first tensor is read.
struct FileWeights: WeightReader {
  let fit: WeightFit
  private let files: CheckpointFiles

  /// Compares every key and shape.
  ///
  /// - Throws: `VisionModelsError.weightsDoNotFit` with all that is wrong, `.noHead`, or
  ///   `.noCheckpointKey`.
  init(
    _ files: CheckpointFiles, checkpointKey: String? = nil, model: String,
    _ expected: [WeightSpecification], layouts: [any CheckpointLayout]
  ) throws {
    self.files = files
    if let checkpointKey, !WeightCopies.hold(files.names, under: checkpointKey) {
      throw VisionModelsError.noCheckpointKey(
        path: files.path, key: checkpointKey, known: WeightCopies.keys(of: files.names))
    }
    fit = WeightFit(files, expected, layouts: layouts, checkpointKey: checkpointKey)
    guard !fit.fits else { return }
    let isHeadAlone = fit.missing.allSatisfy { $0.hasPrefix("head.") || $0.hasPrefix("head_dist.") }
    if isHeadAlone, !fit.missing.isEmpty, fit.wrongShape.isEmpty, fit.extra.isEmpty {
      throw VisionModelsError.noHead(path: files.path, model: model, missing: fit.missing)
    }
    guard fit.missing.count < expected.count else {
      throw VisionModelsError.weightsOfAnother(
        path: files.path, format: files.format, model: model, expected: expected.map(\.key),
        found: files.names.sorted())
    }
    if let classes = fit.otherClasses {
      throw VisionModelsError.otherClasses(path: files.path, model: model, classes: classes)
    }
    throw VisionModelsError.weightsDoNotFit(
      path: files.path, model: model, layout: fit.layout.name, missing: fit.missing,
      extra: fit.extra, wrongShape: fit.wrongShape)
  }

  private func source(_ specification: WeightSpecification) -> TensorSource {
    fit.layout.source(of: specification.key)
  }

  func values(_ specification: WeightSpecification) throws -> [Float] {
    try source(specification).values(
      { try files.floats(fit.wrapper + $0) }, { files.shape(fit.wrapper + $0) })
  }

  func withValues<Result>(
    _ specification: WeightSpecification, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    guard case .tensor(let key) = source(specification) else {
      return try values(specification).withUnsafeBufferPointer(body)
    }
    return try files.withFloats(fit.wrapper + key, body)
  }

  func methodValues(_ specification: WeightSpecification) throws -> [Float] {
    let name = fit.wrapper + specification.key
    guard let shape = files.shape(name), shape == specification.shape else {
      throw VisionModelsError.noMethodTensor(
        path: files.path, key: specification.key, shape: specification.shape,
        found: files.shape(name))
    }
    return try files.floats(name)
  }

  func shape(_ specification: WeightSpecification) -> [Int] {
    source(specification).shape { files.shape(fit.wrapper + $0) } ?? specification.shape
  }
}
