import Foundation
import Tensors
import TokenReduction
import VisionModels

/// The results of lab's pass on a golden case, copied while it ran.
package struct GoldenRun {
  package var logits: [Float] = []
  package var features: [Float] = []
  /// By block.
  package var scores: [Int: [[Float]]] = [:]
  package var nodeMaximum: [Int: [Float]] = [:]
  package var sizes: [Int: [Float]] = [:]
  package var tokensBefore: [Int: [Float]] = [:]
  package var tokensAfter: [Int: [Float]] = [:]
  /// By block, image and output token: the tokens that it is made of.
  package var sources: [Int: [[[Int]]]] = [:]
  /// By block and image: tokens in no output, best first.
  package var dropped: [Int: [[Int]]] = [:]
  /// Image 0 before block 0 and after each block.
  package var stream: [Float] = []
  /// The logits of a pass without observers, as in a measurement.
  package var unwatchedLogits: [Float] = []

  package init(_ golden: GoldenCase, backend: any Backend, batchSize: Int? = nil) throws {
    let images = try SafetensorsFile(
      url: golden.folder.appendingPathComponent("images.safetensors"))
    let pixels = try images.floats(golden.file.metadata["input"] ?? "images")
    let count = batchSize ?? golden.file.entries["logits"]?.shape[0] ?? 1
    let weights = golden.file.metadata["weights"] ?? ""
    // A method that was trained brings a file of its own.
    let files = [weights] + (golden.file.metadata["extra_weights"].map { [$0] } ?? [])
    let model = try golden.architecture.load(
      weights: .files(files.map { golden.folder.appendingPathComponent($0) }), backend: backend)
    let pass = try PassRunner(
      model: model,
      composition: try TokenReductionRegistry.composition(
        for: golden.method, geometry: golden.architecture.info.tokens),
      batchSize: count)
    _ = pass.input.update(from: pixels[..<pass.input.count])
    var run = self
    pass.run()
    try backend.check()
    run.unwatchedLogits = Array(pass.logits)
    pass.onBlock = { _, stream in
      run.stream += values(backend, stream.view(Shape(1, stream.shape[1], stream.shape[2])))
    }
    pass.onReduction = { event in run.take(event, backend) }
    pass.run()
    try backend.check()
    run.logits = Array(pass.logits)
    run.features = pass.readFeatures()
    self = run
  }

  private mutating func take(_ event: ReductionEvent, _ backend: any Backend) {
    func floats(_ tensor: Tensor) -> [Float] { values(backend, tensor) }
    let allOffsets = indices(backend, event.assignment.offsets)
    let allSources = indices(backend, event.assignment.sources)
    let block = event.step.block
    let (n, out) = (event.assignment.tokensIn, event.assignment.tokensOut)
    scores[block] = event.scores.map { scores in
      (0..<scores.shape[0]).map { Array(floats(scores)[($0 * n)..<(($0 + 1) * n)]) }
    }
    nodeMaximum[block] = event.nodeMaximum.map(floats)
    sizes[block] = event.sizes.map(floats)
    tokensBefore[block] = floats(event.before)
    tokensAfter[block] = floats(event.after)
    sources[block] = []
    dropped[block] = []
    for image in 0..<event.assignment.batchSize {
      let offsets = Array(allOffsets[(image * (out + 1))..<((image + 1) * (out + 1))])
      let list = Array(allSources[(image * n)..<((image + 1) * n)])
      sources[block]?.append(
        (0..<out).map { token in
          (offsets[token]..<offsets[token + 1]).map { list[$0] }
        })
      dropped[block]?.append((offsets[out]..<n).map { list[$0] })
    }
  }
}

private func values(_ backend: any Backend, _ tensor: Tensor) -> [Float] {
  var values = [Float](repeating: 0, count: tensor.shape.count)
  values.withUnsafeMutableBufferPointer { backend.download(tensor, to: $0) }
  return values
}

private func indices(_ backend: any Backend, _ tensor: Tensor) -> [Int] {
  var values = [Int32](repeating: 0, count: tensor.shape.count)
  values.withUnsafeMutableBufferPointer { backend.download(tensor, to: $0) }
  return values.map(Int.init)
}
