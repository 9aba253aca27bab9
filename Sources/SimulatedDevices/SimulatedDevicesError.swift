/// Errors of simulated devices.
package enum SimulatedDevicesError: Error, Hashable, CustomStringConvertible {
  case unknownDevice(name: String, known: [String])
  case unreadableFile(path: String, reason: String)
  /// An impossible value in a device or points file.
  case impossibleValue(file: String, key: String, message: String)
  case precisionUnavailable(precision: String, device: String, has: [String])
  case noCost(operation: String, model: String)
  /// Too few measurements to fit to.
  case tooFewPoints(place: String, points: Int, needed: Int)

  package var description: String {
    switch self {
    case .unknownDevice(let name, let known):
      "simulated device \"\(name)\": there is none of this name; there are "
        + "\(known.joined(separator: ", ")), and a JSON file of your own by its path"
    case .unreadableFile(let path, let reason): "\(path): cannot be read: \(reason)"
    case .impossibleValue(let file, let key, let message): "\(file): \(key): \(message)"
    case .precisionUnavailable(let precision, let device, let has):
      "simulated device \"\(device)\": has no \(precision); it computes in "
        + has.joined(separator: ", ")
    case .noCost(let operation, let model):
      "\(model): its \(operation) has no cost on a simulated device yet; measure this model instead"
    case .tooFewPoints(let place, let points, let needed):
      "\(place): has \(points) latencies to fit to, and \(needed) are needed; measure more token "
        + "counts"
    }
  }
}
