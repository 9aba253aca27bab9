import Foundation
import Tensors
import TokenReduction

/// The parts of a composition that run on the host: their scratch memory, and what they are called
/// with.
final class HostReduction {
  private let composition: Composition
  private let scratch: UnsafeMutablePointer<Float>
  private let integers: UnsafeMutablePointer<Int32>
  private let state: UnsafeMutablePointer<Float>
  private let scratchCount: Int
  private let scoreScratch: Int
  private let integerCount: Int
  private let stateCount: Int
  /// Of the pass that runs.
  var imageKeys: UnsafePointer<UInt64>?

  /// - Parameters:
  ///   - isUsed: Whether anything runs on the host; without it no memory is taken.
  ///   - device: Named where the memory cannot be had.
  /// - Throws: `TensorsError.outOfMemory`.
  init(
    _ composition: Composition, _ extents: [StepExtent], batchSize: Int, isUsed: Bool,
    device: String
  ) throws(TensorsError) {
    self.composition = composition
    scoreScratch = extents.map { composition.score?.scratchFloats($0) ?? 0 }.max() ?? 0
    let disposalScratch = extents.map { composition.disposal.scratchFloats($0) }.max() ?? 0
    // Whole cache lines, so that two threads never share one.
    scratchCount = (scoreScratch + disposalScratch + 31) / 16 * 16
    integerCount =
      (ImageStep.integersPerToken * composition.geometry.tokens + 31) / 16 * 16
    stateCount = (composition.disposal.stateFloats(composition.geometry) + 31) / 16 * 16
    let images = isUsed ? batchSize : 0
    let bytes = 4 * images * (scratchCount + integerCount + stateCount)
    guard bytes <= ProcessInfo.processInfo.physicalMemory else {
      throw .outOfMemory(bytes: bytes, device: device)
    }
    scratch = .allocate(capacity: images * scratchCount)
    integers = .allocate(capacity: images * integerCount)
    state = .allocate(capacity: images * stateCount)
  }

  deinit {
    scratch.deallocate()
    integers.deallocate()
    state.deallocate()
  }

  /// Where each operand stands among the addresses.
  private struct Operands {
    var list: [HostStep.Operand] = []

    mutating func add(_ tensor: Tensor?, _ access: HostStep.Access) -> Int? {
      guard let tensor else { return nil }
      list.append(HostStep.Operand(tensor: tensor, access: access))
      return list.count - 1
    }
  }

  /// The host's part of a step.
  func step(
    _ prepared: PreparedStep, batchSize: Int, scores: Bool, reduces: Bool
  ) -> HostStep {
    step(
      prepared, batchSize: batchSize, tokens: prepared.input,
      scoreAccess: scores ? .update : .read, mapAccess: .read, writes: reduces
    ) { [composition] image, constants, scoreConstants, scoreScratch in
      var image = image
      if scores { composition.score?.writeScores(image) }
      guard reduces else { return }
      image.constants = constants + scoreConstants
      image.scratch += scoreScratch
      composition.disposal.reduce(image)
    }
  }

  /// The change of the attention map before it is applied.
  func changeMap(_ prepared: PreparedStep, batchSize: Int) -> HostStep {
    step(
      prepared, batchSize: batchSize, tokens: prepared.input, scoreAccess: .read,
      mapAccess: .update, writes: false
    ) { [composition] image, _, _, scoreScratch in
      var image = image
      image.scratch += scoreScratch
      composition.disposal.changeMap(image)
    }
  }

  /// What happens to the embedded tokens; only where there is a state.
  func begin(_ prepared: PreparedStep, batchSize: Int) -> HostStep? {
    guard composition.disposal.stateFloats(composition.geometry) > 0 else { return nil }
    return step(
      prepared, batchSize: batchSize, tokens: prepared.input, scoreAccess: .read, mapAccess: nil,
      writes: false
    ) { [composition] image, _, _, scoreScratch in
      var image = image
      image.scratch += scoreScratch
      composition.disposal.begin(image)
    }
  }

  private func step(
    _ prepared: PreparedStep, batchSize: Int, tokens: Tensor, scoreAccess: HostStep.Access,
    mapAccess: HostStep.Access?, writes: Bool,
    _ work: @escaping (ImageStep, UnsafePointer<Float>, Int, Int) -> Void
  ) -> HostStep {
    let extent = prepared.extent
    let step = extent.step
    let (n, m, c, h) = (step.tokensIn, step.tokensOut, extent.width, extent.heads)
    var operands = Operands()
    let isBegin = mapAccess == nil
    let tokensAt = operands.add(tokens, .read)
    let scoresAt = operands.add(prepared.scores, scoreAccess)
    let offsetsAt = operands.add(prepared.assignment.offsets, writes ? .write : .read)
    let sourcesAt = operands.add(prepared.assignment.sources, writes ? .write : .read)
    let outputAt = operands.add(writes ? prepared.output : prepared.input, writes ? .write : .read)
    let qkvAt = operands.add(isBegin ? nil : prepared.qkv, .read)
    let classAt = operands.add(isBegin ? nil : prepared.statistics?.classAttention, .read)
    let receivedAt = operands.add(isBegin ? nil : prepared.statistics?.receivedAttention, .read)
    let mapAt = operands.add(isBegin ? nil : prepared.map, mapAccess ?? .read)
    let beforeAt = operands.add(isBegin ? nil : prepared.beforeBranch, .read)
    let sizesAt = operands.add(prepared.sizes?.before, .read)
    let newSizesAt = operands.add(writes ? prepared.sizes?.after : nil, .write)
    let newMapAt = operands.add(writes ? prepared.outputMap : nil, .write)
    let constants = prepared.constants
    let stored = UnsafeMutablePointer<Float>.allocate(capacity: max(1, constants.count))
    stored.initialize(to: 0)
    constants.withUnsafeBufferPointer { values in
      if let base = values.baseAddress { stored.update(from: base, count: values.count) }
    }
    let keep = StoredFloats(stored)
    let scoreConstants = prepared.scoreConstants
    let (scratch, integers, state) = (scratch, integers, state)
    let (scratchCount, integerCount, stateCount) = (scratchCount, integerCount, stateCount)
    let (scoreScratch, sizesInAttention) = (scoreScratch, composition.proportionalAttention)
    return HostStep(
      batchSize: batchSize, tokens: (n, m, c), operands: operands.list
    ) { [unowned self] image, addresses, workers in
      func floats(_ index: Int?, _ stride: Int) -> UnsafeMutablePointer<Float>? {
        index.map { addresses[$0].assumingMemoryBound(to: Float.self) + image * stride }
      }
      func indices(_ index: Int?, _ stride: Int) -> UnsafeMutablePointer<Int32> {
        guard let index else { preconditionFailure("an assignment is always there") }
        return addresses[index].assumingMemoryBound(to: Int32.self) + image * stride
      }
      guard let tokens = floats(tokensAt, n * c), let scores = floats(scoresAt, n),
        let output = floats(outputAt, (writes ? m : n) * c)
      else { return }
      var values = ImageStep(
        extent: extent, tokens: tokens, scores: scores, output: output,
        offsets: indices(offsetsAt, m + 1), sources: indices(sourcesAt, n), constants: keep.values,
        state: state + image * stateCount, scratch: scratch + image * scratchCount,
        integers: integers + image * integerCount)
      values.key = self.imageKeys?[image] ?? 0
      values.workers = workers
      values.projections = floats(qkvAt, 3 * n * c).map { UnsafePointer($0) }
      values.classAttention = floats(classAt, n).map { UnsafePointer($0) }
      values.received = floats(receivedAt, n).map { UnsafePointer($0) }
      values.map = floats(mapAt, h * n * n)
      values.beforeBranch = floats(beforeAt, n * c).map { UnsafePointer($0) }
      values.sizes = floats(sizesAt, n).map { UnsafePointer($0) }
      values.sizesInAttention = values.sizes != nil && sizesInAttention
      values.outputSizes = floats(newSizesAt, m)
      values.outputMap = floats(newMapAt, h * m * m)
      work(values, keep.values, scoreConstants, scoreScratch)
    }
  }

  /// Numbers that a step owns.
  private final class StoredFloats {
    let values: UnsafePointer<Float>
    private let memory: UnsafeMutablePointer<Float>

    init(_ memory: UnsafeMutablePointer<Float>) {
      self.memory = memory
      values = UnsafePointer(memory)
    }

    deinit { memory.deallocate() }
  }
}
