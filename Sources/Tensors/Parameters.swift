/// A linear layer on a device, in the layout that its backend reads fastest; made by
/// `TensorOps.makeLinear`.
package struct LinearParameters {
  package let weight: Tensor
  /// [outputs]; zeros if the layer has no bias.
  package let bias: Tensor
  package let inputs: Int
  package let outputs: Int

  package init(weight: Tensor, bias: Tensor, inputs: Int, outputs: Int) {
    self.weight = weight
    self.bias = bias
    self.inputs = inputs
    self.outputs = outputs
  }
}

/// A LayerNorm over the last axis: weight and bias [C].
package struct LayerNormParameters {
  package let weight: Tensor
  package let bias: Tensor
  package let epsilon: Float

  package init(weight: Tensor, bias: Tensor, epsilon: Float) {
    self.weight = weight
    self.bias = bias
    self.epsilon = epsilon
  }
}

/// The patch convolution as a linear layer, with the position embeddings and prefix tokens.
package struct PatchEmbedding {
  /// From the convolution's kernel, flattened: 3·p·p inputs, C outputs.
  package let linear: LinearParameters
  package let patchSize: Int
  /// Position of each patch, [patches, C].
  package let positions: Tensor
  /// Class, distillation and register tokens with their positions added, [P, C].
  package let prefix: Tensor

  package init(linear: LinearParameters, patchSize: Int, positions: Tensor, prefix: Tensor) {
    self.linear = linear
    self.patchSize = patchSize
    self.positions = positions
    self.prefix = prefix
  }
}

/// The activation between the two layers of a feed-forward network.
package enum HiddenActivation: Hashable, Sendable {
  /// `x Φ(x)` with the exact error function.
  case gelu
  /// `silu(a) · b` where fc1 gives [a | b].
  case swiglu
}

/// The feed-forward half of a block: `fc2(activation(fc1(norm(x))))`.
package struct FeedForwardParameters {
  package let norm: LayerNormParameters
  package let fc1: LinearParameters
  package let activation: HiddenActivation
  package let fc2: LinearParameters

  package init(
    norm: LayerNormParameters, fc1: LinearParameters, activation: HiddenActivation,
    fc2: LinearParameters
  ) {
    self.norm = norm
    self.fc1 = fc1
    self.activation = activation
    self.fc2 = fc2
  }
}

/// Which normalized tokens the head reads.
package enum TokenPooling: Hashable, Sendable {
  /// The first `count` tokens side by side: 1 for a class token, 2 with distillation.
  case prefix(count: Int)
  /// The class token concatenated with the mean of the tokens after `prefixTokens` (DINOv2's linear
  /// head).
  case classAndPatchMean(prefixTokens: Int)
}
