/// The sources that are embedded in the program.
enum KernelFiles {
  struct File: Sendable {
    let name: String
    let text: String
    /// The only architecture whose kernels it has, which need the instructions of that one alone
    /// (`sm_90a`); `nil` for a file of all.
    var onlyArchitecture: Int?
  }

  static let sources = [
    File(name: "assemble.cu", text: EmbeddedText.assemble_cu),
    File(name: "attention_fma.cu", text: EmbeddedText.attention_fma_cu),
    File(name: "attention_mma.cu", text: EmbeddedText.attention_mma_cu),
    File(name: "convolution.cu", text: EmbeddedText.convolution_cu),
    File(name: "convolution_mma.cu", text: EmbeddedText.convolution_mma_cu),
    File(name: "embed.cu", text: EmbeddedText.embed_cu),
    File(name: "gemm_mma.cu", text: EmbeddedText.gemm_mma_cu),
    File(name: "linear_attention_mma.cu", text: EmbeddedText.linear_attention_mma_cu),
    File(
      name: "gemm_wgmma.cu", text: EmbeddedText.gemm_wgmma_cu, onlyArchitecture: 90),
    File(name: "norm_gemm.cu", text: EmbeddedText.norm_gemm_cu),
    File(name: "pictures.cu", text: EmbeddedText.pictures_cu),
    File(name: "token_pooling.cu", text: EmbeddedText.token_pooling_cu),
    File(name: "reduce.cu", text: EmbeddedText.reduce_cu),
    File(name: "rows.cu", text: EmbeddedText.rows_cu),
    File(name: "scores.cu", text: EmbeddedText.scores_cu),
    File(name: "selection.cu", text: EmbeddedText.selection_cu),
    File(name: "statistics.cu", text: EmbeddedText.statistics_cu),
    File(name: "view_attention.cu", text: EmbeddedText.view_attention_cu),
    File(name: "view_attention_mma.cu", text: EmbeddedText.view_attention_mma_cu),
  ]

  /// What the sources include by name.
  static let headers = [
    File(name: "activation.cuh", text: EmbeddedText.activation_cuh),
    File(name: "assemble.cuh", text: EmbeddedText.assemble_cuh),
    File(name: "attention.cuh", text: EmbeddedText.attention_cuh),
    File(name: "common.cuh", text: EmbeddedText.common_cuh),
    File(name: "gemm.cuh", text: EmbeddedText.gemm_cuh),
    File(name: "mma.cuh", text: EmbeddedText.mma_cuh),
    File(name: "norm.cuh", text: EmbeddedText.norm_cuh),
    File(name: "picture.cuh", text: EmbeddedText.picture_cuh),
    File(name: "ranks.cuh", text: EmbeddedText.ranks_cuh),
    File(name: "tail_effect.cuh", text: EmbeddedText.tail_effect_cuh),
    File(name: "view_tiles.cuh", text: EmbeddedText.view_tiles_cuh),
    File(name: "views.cuh", text: EmbeddedText.views_cuh),
    File(name: "wgmma.cuh", text: EmbeddedText.wgmma_cuh),
  ]

  /// Changes with every change of a kernel.
  static let digest = Digest.hex((sources + headers).map(\.text).joined(separator: "\u{0}"))
}
