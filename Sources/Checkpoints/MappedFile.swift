import Files
import Foundation

/// The bytes of a regular file, mapped: read from the disk where they are looked at.
package final class MappedFile: Sendable {
  package let path: PathBytes
  package let count: Int
  private nonisolated(unsafe) let address: UnsafeRawPointer?

  /// Maps a file.
  ///
  /// - Throws: `CheckpointError.file`, for what is no regular file too.
  package init(_ path: PathBytes) throws(CheckpointError) {
    self.path = path
    do throws(FileError) {
      let file = try RegularFile(path)
      count = file.size
      guard count > 0 else {
        address = nil
        return
      }
      let mapped = mmap(nil, count, PROT_READ, MAP_PRIVATE, file.descriptor, 0)
      guard let mapped, mapped != MAP_FAILED else {
        throw FileError.unreadable(path: path, reason: systemReason())
      }
      address = UnsafeRawPointer(mapped)
    } catch {
      throw .file(error)
    }
  }

  deinit {
    if let address { munmap(UnsafeMutableRawPointer(mutating: address), count) }
  }

  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: address, count: count) }

  /// Gives the whole pages of a part of the file back; they are read again if they are asked for
  /// again.
  func release(_ range: Range<Int>) {
    guard let address else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let first = (range.lowerBound + page - 1) / page * page
    let last = range.upperBound / page * page
    guard last > first else { return }
    _ = madvise(UnsafeMutableRawPointer(mutating: address + first), last - first, MADV_DONTNEED)
  }
}
