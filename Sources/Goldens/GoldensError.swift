/// What can go wrong with stored passes.
package enum GoldensError: Error, Hashable, CustomStringConvertible {
  case noCases(folder: String)

  package var description: String {
    switch self {
    case .noCases(let folder):
      "\(folder): no .safetensors files are here; --goldens takes the folder that holds cases, weights and "
        + "images.safetensors, as Tests/Fixtures/goldens"
    }
  }
}
