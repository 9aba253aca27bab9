import CPUBackend
import CUDABackend
import Datasets
import Experiments
import Foundation
import Tensors

/// A spec's text: it is read, checked, and planned if it refers only to what is installed with the
/// program.
enum SpecInput {
  static func read(_ bytes: [UInt8], _ folder: URL) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    let spec = try SpecReader.read(try SpecSource(text: text, file: "spec.json"), devices: devices)
    guard namesNoFile(spec) else { return }
    let plan = try Planner(spec, site: site).plan(result: { _ in nil })
    precondition(plan.rows.allSatisfy { !$0.model.name.isEmpty }, "a row without a model")
  }

  private static func namesNoFile(_ spec: Spec) -> Bool {
    spec.datasets.allSatisfy { $0.folder == nil }
      && spec.models.allSatisfy { if case .files = $0.weights { false } else { true } }
  }

  /// One CPU thread, whatever a spec requests, because hardware is not tested here.
  private static let devices: DeviceKinds = {
    var kinds = [DeviceKind.cpu, .cuda]
    for index in kinds.indices { kinds[index].open = { _, _ in try CPUBackend(threads: 1) } }
    return DeviceKinds(kinds)
  }()

  private static let site = Site(
    devices: devices, demoWeights: { try DemoModel.weightsURL() })
}
