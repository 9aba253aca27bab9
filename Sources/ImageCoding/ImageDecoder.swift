import CImageCodecs
import CKernels
import Foundation
import Synchronization

/// Reads pictures, with buffers that are used again for the next one.
///
/// Not for two threads at once; ``withShared(_:)`` lends one from a pool.
package final class ImageDecoder {
  private var file = ByteBuffer()
  private var decoded = ByteBuffer()
  private let jpeg: OpaquePointer
  let resampler = Resampler()

  /// A decoder with empty buffers.
  package init() {
    guard let jpeg = lab_jpeg_create() else { fatalError("libjpeg could not be set up.") }
    self.jpeg = jpeg
  }

  deinit { lab_jpeg_destroy(jpeg) }

  private static let pool = Mutex<[SendableDecoder]>([])

  /// Runs `body` with a decoder that nobody else uses meanwhile.
  ///
  /// There are never more decoders than threads that were in here at once.
  package static func withShared<Result, Failure: Error>(
    _ body: (ImageDecoder) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let lent = pool.withLock { $0.popLast() } ?? SendableDecoder(decoder: ImageDecoder())
    defer { pool.withLock { $0.append(lent) } }
    return try body(lent.decoder)
  }

  /// The picture in the file at `path`.
  package func decode(path: String) throws(ImageError) -> RGBImage {
    try read(path)
    return try decodeFile(named: path).copied()
  }

  /// The picture that `bytes` encode; `name` stands for it in errors.
  package func decode(_ bytes: [UInt8], name: String) throws(ImageError) -> RGBImage {
    file.replace(with: bytes)
    return try decodeFile(named: name).copied()
  }

  /// Reads the file at `path`, resizes, crops and normalises it.
  ///
  /// Shapes: output `[3][crop][crop]`.
  package func load(
    path: String, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<Float>
  ) throws(ImageError) {
    try read(path)
    resampler.apply(preprocessing, to: try decodeFile(named: path), into: output)
  }

  /// Reads the file at `path`, resizes and crops it.
  ///
  /// Shapes: output `[crop][crop][3]`.
  package func loadPixels(
    path: String, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<UInt8>
  ) throws(ImageError) {
    try read(path)
    resampler.crop(preprocessing, of: try decodeFile(named: path), into: output)
  }

  // MARK: Files

  private func read(_ path: String) throws(ImageError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(path: path, reason: lastSystemError()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .unreadable(path: path, reason: lastSystemError())
    }
    file.reserve(max(0, Int(status.st_size)))
    var position = 0
    while position < file.count {
      let got = Foundation.read(descriptor, file.start + position, file.count - position)
      if got == 0 { break }
      if got < 0 {
        if errno == EINTR { continue }
        throw .unreadable(path: path, reason: lastSystemError())
      }
      position += got
    }
    file.truncate(to: position)
  }

  // MARK: Decoding

  private func decodeFile(named name: String) throws(ImageError) -> PixelView {
    guard file.count > 0 else { throw .empty(path: name) }
    let bytes = UnsafeRawBufferPointer(start: file.start, count: file.count)
    guard let format = ImageFormat(signature: bytes) else {
      throw .unknownFormat(path: name, firstBytes: Array(bytes.prefix(4)))
    }
    switch format {
    case .jpeg: return try decodeJPEG(named: name)
    case .png: return try decodePNG(named: name)
    }
  }

  private func decodeJPEG(named name: String) throws(ImageError) -> PixelView {
    let reason = { String(cString: lab_jpeg_message(self.jpeg)) }
    var size = lab_picture_size()
    try check(lab_jpeg_header(jpeg, file.start, file.count, &size), name, .jpeg, reason)
    try makeRoom(for: size, named: name)
    try check(lab_jpeg_decode(jpeg, decoded.start), name, .jpeg, reason)
    return PixelView(
      start: decoded.start, width: Int(size.width), height: Int(size.height))
  }

  private func decodePNG(named name: String) throws(ImageError) -> PixelView {
    var size = lab_picture_size()
    var message = [CChar](repeating: 0, count: Int(LAB_CODEC_MESSAGE))
    let header = lab_png_header(file.start, file.count, &size, &message)
    try check(header, name, .png) { text(message) }
    try makeRoom(for: size, named: name)
    let pixels = lab_png_decode(file.start, file.count, decoded.start, &message)
    try check(pixels, name, .png) { text(message) }
    return PixelView(start: decoded.start, width: Int(size.width), height: Int(size.height))
  }

  private func makeRoom(for size: lab_picture_size, named name: String) throws(ImageError) {
    let (width, height) = (Int(size.width), Int(size.height))
    guard width * height <= ImageFormat.mostPixels else {
      throw .tooLarge(path: name, width: width, height: height)
    }
    decoded.reserve(3 * width * height)
  }

  private func check(
    _ status: Int32, _ name: String, _ format: ImageFormat, _ reason: () -> String
  ) throws(ImageError) {
    switch Int(status) {
    case LAB_CODEC_OK: return
    case LAB_CODEC_TRUNCATED: throw .truncated(path: name, format: format, reason: reason())
    case LAB_CODEC_DAMAGED: throw .damaged(path: name, format: format, reason: reason())
    default: throw .undecodable(path: name, format: format, reason: reason())
    }
  }
}

/// A decoder on its way between the pool and the one thread that uses it.
private struct SendableDecoder: @unchecked Sendable {
  let decoder: ImageDecoder
}

private func lastSystemError() -> String { String(cString: strerror(errno)) }

private func text(_ message: [CChar]) -> String {
  String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
