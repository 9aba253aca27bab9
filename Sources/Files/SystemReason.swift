import Foundation

/// What the system says of an error number, as the rest of a sentence: `no space left on device`.
package func systemReason(_ number: Int32 = errno) -> String {
  let text = String(cString: strerror(number))
  return text.prefix(1).lowercased() + text.dropFirst()
}

/// What the system says of a failed file operation: `no such file or directory`.
package func systemReason(of error: any Error) -> String {
  var current: (any Error)? = error
  while let candidate = current {
    let described = candidate as NSError
    if described.domain == NSPOSIXErrorDomain { return systemReason(Int32(described.code)) }
    current = described.userInfo[NSUnderlyingErrorKey] as? any Error
  }
  switch (error as? CocoaError)?.code {
  case .fileNoSuchFile, .fileReadNoSuchFile: return "no such file or directory"
  case .fileReadNoPermission, .fileWriteNoPermission: return "permission denied"
  case .fileWriteOutOfSpace: return "no space left on device"
  case .fileReadInapplicableStringEncoding: return "it is not UTF-8 text"
  default:
    let text = error.localizedDescription
    return text.hasSuffix(".") ? String(text.dropLast()) : text
  }
}
