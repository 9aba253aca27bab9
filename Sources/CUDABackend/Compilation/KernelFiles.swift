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
    File(name: "assemble.cu", text: text(PackageResources.assemble_cu)),
    File(name: "attention_fma.cu", text: text(PackageResources.attention_fma_cu)),
    File(name: "attention_mma.cu", text: text(PackageResources.attention_mma_cu)),
    File(name: "convolution.cu", text: text(PackageResources.convolution_cu)),
    File(name: "convolution_mma.cu", text: text(PackageResources.convolution_mma_cu)),
    File(name: "embed.cu", text: text(PackageResources.embed_cu)),
    File(name: "gemm_mma.cu", text: text(PackageResources.gemm_mma_cu)),
    File(name: "linear_attention_mma.cu", text: text(PackageResources.linear_attention_mma_cu)),
    File(
      name: "gemm_wgmma.cu", text: text(PackageResources.gemm_wgmma_cu), onlyArchitecture: 90),
    File(name: "norm_gemm.cu", text: text(PackageResources.norm_gemm_cu)),
    File(name: "pictures.cu", text: text(PackageResources.pictures_cu)),
    File(name: "token_pooling.cu", text: text(PackageResources.token_pooling_cu)),
    File(name: "reduce.cu", text: text(PackageResources.reduce_cu)),
    File(name: "rows.cu", text: text(PackageResources.rows_cu)),
    File(name: "scores.cu", text: text(PackageResources.scores_cu)),
    File(name: "selection.cu", text: text(PackageResources.selection_cu)),
    File(name: "statistics.cu", text: text(PackageResources.statistics_cu)),
    File(name: "view_attention.cu", text: text(PackageResources.view_attention_cu)),
    File(name: "view_attention_mma.cu", text: text(PackageResources.view_attention_mma_cu)),
  ]

  /// What the sources include by name.
  static let headers = [
    File(name: "activation.cuh", text: text(PackageResources.activation_cuh)),
    File(name: "assemble.cuh", text: text(PackageResources.assemble_cuh)),
    File(name: "attention.cuh", text: text(PackageResources.attention_cuh)),
    File(name: "common.cuh", text: text(PackageResources.common_cuh)),
    File(name: "gemm.cuh", text: text(PackageResources.gemm_cuh)),
    File(name: "mma.cuh", text: text(PackageResources.mma_cuh)),
    File(name: "norm.cuh", text: text(PackageResources.norm_cuh)),
    File(name: "picture.cuh", text: text(PackageResources.picture_cuh)),
    File(name: "ranks.cuh", text: text(PackageResources.ranks_cuh)),
    File(name: "tail_effect.cuh", text: text(PackageResources.tail_effect_cuh)),
    File(name: "view_tiles.cuh", text: text(PackageResources.view_tiles_cuh)),
    File(name: "views.cuh", text: text(PackageResources.views_cuh)),
    File(name: "wgmma.cuh", text: text(PackageResources.wgmma_cuh)),
  ]

  /// Changes with every change of a kernel.
  static let digest = Digest.hex((sources + headers).map(\.text).joined(separator: "\u{0}"))

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
