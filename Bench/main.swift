import CPUBackend
import Dispatch
import Foundation
import Records
import TokenReduction
import VisionModels

let args = CommandLine.arguments
let name = args[1]; let batch = Int(args[2])!; let threads = Int(args[3])!
let methodJSON = args.count > 4 ? args[4] : "{\"method\":\"none\"}"
var params = try JSONDecoder().decode([String: JSONValue].self, from: Data(methodJSON.utf8))
let m = params.removeValue(forKey: "method")!.asString!
let e = ModelRegistry.entry(named: name)!
let backend = try CPUBackend(threads: threads)
let t0 = DispatchTime.now().uptimeNanoseconds
let model = try VisionTransformer(architecture: e.architecture, weights: .random(seed: 1), backend: backend)
let s = try TokenReductionRegistry.resolve(method: TokenReductionRegistry.method(named: m)!, parameters: params, geometry: e.architecture.geometry)
let pass = try ForwardPass(model: model, composition: TokenReductionRegistry.composition(for: s, geometry: e.architecture.geometry), batchSize: batch)
for i in 0..<pass.input.count { pass.input[i] = Float((i * 7919) % 255) / 127 - 1 }
let t1 = DispatchTime.now().uptimeNanoseconds
pass.run(); pass.run()
var ts: [Double] = []
let begin = DispatchTime.now().uptimeNanoseconds
while ts.count < 10 || DispatchTime.now().uptimeNanoseconds - begin < 3_000_000_000 {
  let a = DispatchTime.now().uptimeNanoseconds
  pass.run()
  ts.append(Double(DispatchTime.now().uptimeNanoseconds - a) * 1e-6)
}
ts.sort()
print(name, batch, threads, m, "median", ts[ts.count/2], "min", ts[0], "n", ts.count, backend.libraryDescription, "load ms", Double(t1-t0)*1e-6, "GMAC", Double(pass.macs)*1e-9, "GFLOP/s", Double(pass.macs)*2e-6*Double(batch)/ts[ts.count/2])
