import Records

/// The fused operations that a forward pass is written in, over tensors of one device.
///
/// A model is written once against this protocol. No operation allocates: every output and every buffer is handed
/// in, sized by the schedule before the first pass. Operations are queued in call order; results are visible to the
/// host after `synchronize()`. B is images, N tokens, C the embedding width, H heads, d the head width.
package protocol Backend: AnyObject {
  /// As a spec spells the device: `cpu`.
  var name: String { get }
  /// The processor's or the card's name.
  var hardware: String { get }
  /// Worker threads of a CPU, 0 on a GPU.
  var threads: Int { get }
  /// Matrix library, version and kernels chosen.
  var libraryDescription: String { get }

  /// Of weights and activations.
  var precision: Precision { get }
  /// What the stream, fused rows, features and weights are held as.
  var activationType: DType { get }
  /// The graphics driver, where there is one.
  var driver: String? { get }
  /// The same device at another precision.
  ///
  /// Errors: `TensorsError.precisionUnavailable`.
  func computing(at precision: Precision) throws -> any Backend
  /// Throws what has gone wrong on the device since it was last asked.
  ///
  /// Operations do not throw: after a failure they do nothing, and a result that was not checked means nothing.
  func check() throws
  /// Keeps an error for `check()`, of a caller that cannot throw it.
  func fail(_ error: any Error)
  /// Clocks and temperature, where the device tells.
  func state() -> GPUState?

  /// Allocates what `body` does from one piece of memory, which is freed with the last tensor in it.
  ///
  /// `bytes` is an upper bound; with `nil` the device may run `body` twice, first to add up what it needs, with tensors that
  /// have no memory yet.
  func withArena<Result>(bytes: Int?, _ body: () throws -> Result) throws -> Result
  /// The most memory of the device in use since `resetPeakMemory`; `nil` where it is the process's own.
  var peakMemoryBytes: Int? { get }
  func resetPeakMemory()

  /// Whether `record` gives anything.
  var recordsPasses: Bool { get }
  /// Takes down the operations that `body` queues, for replaying; they are not carried out.
  func record(_ body: () -> Void) throws -> (any RecordedPass)?
  /// Whether a recorded pass can be timed with an emptied cache.
  var hasFlushableCache: Bool { get }
  /// Copies the keys that the next `randomScores` reads to the device, outside of what is recorded.
  ///
  /// - Parameter storage: Int64, one for each image, for as long as a recorded pass lives.
  func stageImageKeys(_ keys: UnsafeBufferPointer<UInt64>, in storage: Tensor)

  /// Uninitialised memory of the device; never called inside a timed pass.
  func allocate(_ shape: Shape, _ dtype: DType) throws(TensorsError) -> Tensor
  /// A linear layer from its weight [outputs, inputs] and bias [outputs]; never called inside a timed pass.
  func makeLinear(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?, inputs: Int,
    outputs: Int
  ) throws(TensorsError) -> LinearParameters
  /// Copies host values into the start of a tensor.
  func upload(_ values: UnsafeBufferPointer<Float>, to tensor: Tensor)
  /// Copies the first values of a tensor to the host, after all queued work.
  func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Float>)
  /// Copies the first indices of a tensor to the host, after all queued work.
  func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Int32>)
  /// Grows the device's scratch memory to what these sizes need.
  func reserve(_ limits: ScratchLimits) throws(TensorsError)
  /// Waits until all queued work is done.
  func synchronize()

  /// Patch embedding of images [B, 3, S, S] into tokens [B, P + patches, C], prefix and positions added.
  func embedPatches(_ images: Tensor, _ embedding: PatchEmbedding, into tokens: Tensor)
  /// `output = linear(norm(input))` for every row; `norm == nil` skips it. Shapes [.., K] to [.., M].
  func project(
    _ input: Tensor, norm: LayerNormParameters?, _ linear: LinearParameters, into output: Tensor)
  /// `stream += linear(input)`. A LayerScale is folded into the layer when it is loaded.
  func projectResidual(_ input: Tensor, _ linear: LinearParameters, onto stream: Tensor)
  /// `stream += fc2(activation(fc1(norm(stream))))`.
  func feedForward(_ stream: Tensor, _ parameters: FeedForwardParameters)
  /// Softmax attention of all heads from fused rows [B, N, 3C] = [Q heads | K heads | V heads] into [B, N, C].
  ///
  /// With `tokenSize` [B, N] the logarithm of each key's size is added to its logits (ToMe's proportional attention).
  /// `statistics` are filled in the same pass, so that the attention matrix never leaves the cache.
  func attend(
    _ qkv: Tensor, heads: Int, tokenSize: Tensor?, statistics: AttentionStatistics?,
    into output: Tensor)
  /// The head's input [B, F] from the normalised stream.
  func readOut(_ stream: Tensor, norm: LayerNormParameters, _ kind: ReadOut, into features: Tensor)

  /// Uniform scores [B, N] from (seed, key of the image, token), independent of the batch.
  func randomScores(seed: UInt64, imageKeys: UnsafePointer<UInt64>, into scores: Tensor)
  /// `scores[b, j] = Σ_c reduce_h X[b, h, j, c]` of the queries, keys or values.
  func featureScores(
    _ qkv: Tensor, heads: Int, feature: AttentionFeature, reduction: HeadReduction,
    into scores: Tensor)
  /// The tail-effect score `a / max a + softmax(v)` from its parts; either may be absent.
  func combineScores(
    attention: Tensor?, features: Tensor?, prefixTokens: Int, normalization: ScoreNormalization,
    into scores: Tensor)
  /// Sets a size of one for every token of [B, N].
  func resetSizes(_ sizes: Tensor)
  /// Mean over heads of the keys, scaled to length 1. [B, N, 3C] to [B, N, d].
  func keyMetric(_ qkv: Tensor, heads: Int, into metric: Tensor)
  /// Keeps the `keep` best patch tokens, descending, ties by the lower index, behind the prefix.
  ///
  /// The rest become one more token at the end (`fuse`) or the assignment's dropped tail, in the same order.
  func selectTokens(
    _ scores: Tensor, prefixTokens: Int, keep: Int, fuse: Bool, into assignment: TokenAssignment)
  /// Keeps the `keep` best patch tokens, and gives each other one to the kept patch with the most similar key.
  func selectAndMatch(
    _ scores: Tensor, metric: Tensor, prefixTokens: Int, keep: Int,
    into assignment: TokenAssignment)
  /// ToMe's bipartite soft matching: the `r` even patch tokens closest to an odd one are given to it.
  ///
  /// `nodeMaximum` [B, (N + 1) / 2] receives each even token's best similarity.
  func matchBipartite(
    _ metric: Tensor, prefixTokens: Int, r: Int, nodeMaximum: Tensor,
    into assignment: TokenAssignment)
  /// Builds the tokens that an assignment describes: [B, N, C] to [B, N', C].
  ///
  /// `sizes` [B, N] and `outputSizes` [B, N'] count the patches behind each token; both or neither are given.
  func assemble(
    _ tokens: Tensor, _ assignment: TokenAssignment, weighting: TokenWeighting, scores: Tensor?,
    sizes: Tensor?, into output: Tensor, outputSizes: Tensor?)
  /// A whole step that drops or fuses: scores, selection, new tokens; by default one operation after another.
  func reduce(_ selection: TokenSelection)
}

/// What a device must hold in scratch memory for the largest call to come.
package struct ScratchLimits {
  package var embedDim: Int
  package var hiddenDim: Int
  package var patchValues: Int
  package var tokens: Int
  package var heads: Int
  package var batchSize: Int

  package init(
    embedDim: Int, hiddenDim: Int, patchValues: Int, tokens: Int, heads: Int, batchSize: Int
  ) {
    self.embedDim = embedDim
    self.hiddenDim = hiddenDim
    self.patchValues = patchValues
    self.tokens = tokens
    self.heads = heads
    self.batchSize = batchSize
  }
}
