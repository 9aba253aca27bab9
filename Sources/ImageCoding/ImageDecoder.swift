import CImageCodecs
import CKernels
import Files
import Records
import Synchronization

/// Reads images, reusing its buffers for the next one.
///
/// It must not be used by two threads at once; ``withShared(_:)`` takes one from a pool.
package final class ImageDecoder {
  private var file = ByteBuffer()
  private var decoded = ByteBuffer()
  private let jpeg: OpaquePointer
  let resampler = Resampler()

  /// A decoder with empty buffers.
  package init() {
    guard let jpeg = lab_jpeg_create() else { fatalError("libjpeg could not be initialized.") }
    self.jpeg = jpeg
  }

  deinit { lab_jpeg_destroy(jpeg) }

  private static let pool = Mutex<[SendableDecoder]>([])

  /// Runs `body` with a decoder that nothing else uses at the same time.
  ///
  /// There are never more decoders than concurrent callers.
  package static func withShared<Result, Failure: Error>(
    _ body: (ImageDecoder) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let lent = pool.withLock { $0.popLast() } ?? SendableDecoder(decoder: ImageDecoder())
    defer { pool.withLock { $0.append(lent) } }
    return try body(lent.decoder)
  }

  /// The picture in the file at `path`.
  package func decode(path: PathBytes) throws(ImageError) -> RGBImage {
    try read(path)
    return try decodeFile(named: "\(path)").copied()
  }

  /// The picture in the file at `path`.
  package func decode(path: String) throws(ImageError) -> RGBImage {
    try decode(path: PathBytes(path))
  }

  /// The image encoded in `bytes`; `name` is its name in errors.
  package func decode(_ bytes: [UInt8], name: String) throws(ImageError) -> RGBImage {
    file.replace(with: bytes)
    return try decodeFile(named: name).copied()
  }

  /// Decodes the image in `bytes` and returns only its size; `name` is its name in errors.
  package func check(
    _ bytes: [UInt8], name: String
  ) throws(ImageError) -> (width: Int, height: Int) {
    file.replace(with: bytes)
    let pixels = try decodeFile(named: name)
    return (pixels.width, pixels.height)
  }

  /// Reads the file at `path`, resizes, crops and normalizes it.
  ///
  /// Shapes: output `[3][crop][crop]`.
  package func load(
    path: PathBytes, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<Float>
  ) throws(ImageError) {
    try read(path)
    resampler.apply(preprocessing, to: try decodeFile(named: "\(path)"), into: output)
  }

  /// Reads the file at `path`, resizes and crops it.
  ///
  /// Shapes: output `[crop][crop][3]`.
  package func loadPixels(
    path: PathBytes, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<UInt8>
  ) throws(ImageError) {
    try read(path)
    resampler.crop(preprocessing, of: try decodeFile(named: "\(path)"), into: output)
  }

  /// Reads, resizes and crops an image that is part of another file, such as a member of an
  /// archive.
  ///
  /// Shapes: output `[crop][crop][3]`.
  ///
  /// - Parameters:
  ///   - part: The picture's bytes in the file at `path`.
  ///   - name: Stands for the picture in errors.
  package func loadPixels(
    path: PathBytes, part: Range<Int>, named name: String, preprocessing: Preprocessing,
    into output: UnsafeMutableBufferPointer<UInt8>
  ) throws(ImageError) {
    try read(path, part: part, named: name)
    resampler.crop(preprocessing, of: try decodeFile(named: name), into: output)
  }

  // MARK: Files

  /// Reads a file or a part of one, whose first bytes must be those of an image before the rest is
  /// read.
  private func read(
    _ path: PathBytes, part: Range<Int>? = nil, named partName: String? = nil
  ) throws(ImageError) {
    let opened: RegularFile
    do { opened = try RegularFile(path) } catch { throw ImageError(error) }
    let name = partName ?? "\(path)"
    let size = if let part { part.count } else { opened.size }
    let first = min(size, ImageFormat.signatureBytes)
    file.reserve(first)
    let begin = part?.lowerBound ?? 0
    file.truncate(to: try fill(from: opened, at: begin, count: first))
    guard file.count > 0 else { throw .empty(path: name) }
    let bytes = UnsafeRawBufferPointer(start: file.start, count: file.count)
    guard ImageFormat(signature: bytes) != nil else {
      throw .unknownFormat(path: name, firstBytes: Array(bytes.prefix(4)))
    }
    guard size <= ImageFormat.maxBytes else {
      throw ImageError(
        .tooLarge(path: PathBytes(name), bytes: size, maximum: ImageFormat.maxBytes))
    }
    file.reserve(size)
    file.truncate(to: try fill(from: opened, at: begin, count: size))
  }

  private func fill(
    from opened: borrowing RegularFile, at offset: Int, count: Int
  ) throws(ImageError) -> Int {
    let target = UnsafeMutableRawBufferPointer(start: file.start, count: count)
    do { return try opened.read(into: target, from: offset) } catch { throw ImageError(error) }
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
    case .png: return try decode(.png, lab_png_header, lab_png_decode, named: name)
    case .webp: return try decode(.webp, lab_webp_header, lab_webp_decode, named: name)
    case .bmp: return try decode(.bmp, lab_bmp_header, lab_bmp_decode, named: name)
    case .gif: return try decode(.gif, lab_gif_header, lab_gif_decode, named: name)
    case .tiff: return try decode(.tiff, lab_tiff_header, lab_tiff_decode, named: name)
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

  private typealias HeaderReader = (
    UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<lab_picture_size>?,
    UnsafeMutablePointer<CChar>?
  ) -> Int32
  private typealias PixelReader = (
    UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<CChar>?
  ) -> Int32

  /// Decodes with a codec that keeps nothing between files.
  private func decode(
    _ format: ImageFormat, _ header: HeaderReader, _ pixels: PixelReader, named name: String
  ) throws(ImageError) -> PixelView {
    var size = lab_picture_size()
    var message = [CChar](repeating: 0, count: Int(LAB_CODEC_MESSAGE))
    let found = header(file.start, file.count, &size, &message)
    try check(found, name, format) { text(message) }
    try makeRoom(for: size, named: name)
    let decodedStatus = pixels(file.start, file.count, decoded.start, &message)
    try check(decodedStatus, name, format) { text(message) }
    return PixelView(start: decoded.start, width: Int(size.width), height: Int(size.height))
  }

  private func makeRoom(for size: lab_picture_size, named name: String) throws(ImageError) {
    let (width, height) = (Int(size.width), Int(size.height))
    guard width > 0, height > 0, width <= ImageFormat.maxPixels / height else {
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

/// A decoder that is passed between the pool and the thread that uses it.
private struct SendableDecoder: @unchecked Sendable {
  let decoder: ImageDecoder
}

private func text(_ message: [CChar]) -> String {
  String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
