/// A device with every operation that models and token reductions use.
///
/// No operation allocates: every output and every buffer is passed in, sized before the first pass.
/// B is images, N tokens, C the embedding width, H heads, d the head width.
package protocol Backend: TransformerOps, ReductionOps {}
