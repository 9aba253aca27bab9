import Datasets
import ImageCoding
import Records
import VisionModels

/// What the methods of a run do to a few images of its data set, for the report.
package struct SampleTraces {
  /// The model's input, before normalization.
  package struct Picture {
    package let image: RGBImage
    /// Its class.
    package let label: String
  }

  /// The final state of the patches of each image.
  package struct Traced {
    package let method: MethodSetting
    package let fates: [[TokenTrace.Fate]]
  }

  package let model: ModelSetting
  /// Patches along a side.
  package let grid: Int
  package let pictures: [Picture]
  package let methods: [Traced]
}

extension Planner {
  /// The maximum number of methods on the page.
  private static let maxTracedMethods = 48

  /// Traces of the methods of the rows of `plan` on `count` images of each model's data set.
  ///
  /// One for each model whose accuracy is measured and whose patches form a square. Methods that
  /// reduce nothing are left out, and those that only a search for R measures.
  /// - Throws: `ImageError`, `LogitsNotFinite`, and those of weights.
  package func sampleTraces(of plan: Plan, count: Int = 3) throws -> [SampleTraces] {
    let pool = ModelPool()
    return try Self.shown(in: plan).compactMap { work in
      guard work.dataset.images.count >= count, let grid = work.model.info.stages.first?.grid,
        work.model.info.geometry != nil, grid * grid == work.model.info.tokens.patchTokens
      else { return nil }
      let pictures = try Self.pictures(of: work, count: count)
      let methods = try work.methods.prefix(Self.maxTracedMethods).compactMap { method in
        try Self.fates(of: method.method, work, pictures, pool).map {
          SampleTraces.Traced(method: method.method.setting, fates: $0)
        }
      }
      return methods.isEmpty
        ? nil
        : SampleTraces(
          model: work.model.setting, grid: grid, pictures: pictures, methods: methods)
    }
  }

  /// Of each model the work that measures most of its rows, with the methods of these alone.
  private static func shown(in plan: Plan) -> [AccuracyWork] {
    let rows = Dictionary(grouping: plan.rows, by: \.model).mapValues { Set($0.map(\.method)) }
    var models: [ModelSetting] = []
    var works: [ModelSetting: AccuracyWork] = [:]
    for work in plan.accuracy where work.shards.first?.lowerBound == 0 {
      let model = work.model.setting
      let part = work.keeping { rows[model]?.contains($0.method) == true }
      if works[model] == nil { models.append(model) }
      if part.methods.count > works[model]?.methods.count ?? 0 { works[model] = part }
    }
    return models.compactMap { works[$0] }
  }

  /// Images distributed over the data set, of different classes if there are enough.
  private static func pictures(of work: AccuracyWork, count: Int) throws -> [SampleTraces.Picture] {
    let images = work.dataset.images
    let preprocessing = work.model.choice.entry.preprocessing
    let side = preprocessing.crop
    var shown: Set<Int> = []
    return try (0..<count).map { place in
      let start = (2 * place + 1) * images.count / (2 * count)
      let index =
        (start..<min(start + 64, images.count)).first { !shown.contains(images.label(at: $0)) }
        ?? start
      shown.insert(images.label(at: index))
      var pixels = [UInt8](repeating: 0, count: preprocessing.elementCount)
      try pixels.withUnsafeMutableBufferPointer {
        try images.decode(at: index, preprocessing: preprocessing, into: $0)
      }
      return SampleTraces.Picture(
        image: RGBImage(width: side, height: side, pixels: pixels),
        label: images.classNames[images.label(at: index)])
    }
  }

  /// The final state of the patches of each image; `nil` for a method that reduces nothing.
  private static func fates(
    of method: PlannedMethod, _ work: AccuracyWork, _ pictures: [SampleTraces.Picture],
    _ pool: ModelPool
  ) throws -> [[TokenTrace.Fate]]? {
    let pass = try pool.pass(
      work.model, on: work.device, method, batchSize: 1, precision: work.precision)
    let normalization = PixelNormalization(work.model.choice.entry.preprocessing)
    let fates = try pictures.enumerated().map { index, picture in
      picture.image.pixels.withUnsafeBufferPointer { normalization.apply(to: $0, into: pass.input) }
      let trace = withUnsafePointer(to: UInt64(index)) { pass.runTracing(imageKeys: $0) }
      try pass.model.backend.check()
      return trace.stages.last?.fates
    }
    let known = fates.compactMap { $0 }
    return known.count == pictures.count ? known : nil
  }
}
