import Datasets
import Foundation
import ImageCoding
import Records
import Testing
import _TestSupport

/// The largest index that any thread reached.
///
/// Not a `Mutex`, whose waiting in the kernel the thread sanitizer does not see.
private final class Furthest: @unchecked Sendable {
  private let lock = NSLock()
  private var largest = -1

  var index: Int { lock.withLock { largest } }
  func reach(_ index: Int) { lock.withLock { largest = max(largest, index) } }
}

/// Images of one pixel whose value is their index.
///
/// Some are unreadable, and it records how far decoding got.
private final class Numbers: ImageDataset {
  let count: Int
  let bad: Set<Int>
  let furthest = Furthest()
  let delay: @Sendable (Int) -> Void

  init(count: Int, bad: Set<Int> = [], delay: @escaping @Sendable (Int) -> Void = { _ in }) {
    self.count = count
    self.bad = bad
    self.delay = delay
  }

  var name: String { "numbers" }
  var layout: String { "none" }
  var classNames: [String] { ["even", "odd"] }
  var content: DatasetContent { .drawn("") }
  func label(at index: Int) -> Int { index % 2 }
  func path(at index: Int) -> String { "picture \(index)" }

  func decode(
    at index: Int, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<UInt8>
  ) throws {
    delay(index)
    furthest.reach(index)
    if bad.contains(index) { throw ImageError.empty(path: path(at: index)) }
    output.update(repeating: UInt8(truncatingIfNeeded: index))
  }
}

private let onePixel = Preprocessing(resize: 1, crop: 1)

private struct Seen: Equatable {
  var firsts: [Int] = []
  var indices: [[Int]] = []
  var labels: [[Int]] = []
  var pixels: [[UInt8]] = []
  var bad: [BadImage] = []
}

private func readAll(_ loader: BatchLoader) throws -> Seen {
  var seen = Seen()
  while let batch = try loader.next() {
    seen.firsts.append(batch.firstIndex)
    seen.indices.append(batch.indices)
    seen.labels.append(batch.labels)
    seen.pixels.append(stride(from: 0, to: batch.pixels.count, by: 3).map { batch.pixels[$0] })
    seen.bad += batch.bad
    #expect(batch.pixels.count == 3 * batch.count)
  }
  return seen
}

@Suite(.timeLimit(.minutes(1))) struct `Batches` {
  @Test(arguments: [1, 2, 3, 8], [1, 4, 10, 50])
  func `batches come in order for any number and speed of threads`(threads: Int, size: Int) throws {
    let data = Numbers(count: 23) { if $0 % 5 == 0 { usleep(2000) } }
    let seen = try readAll(
      BatchLoader(dataset: data, preprocessing: onePixel, batchSize: size, threads: threads))
    let expected = stride(from: 0, to: 23, by: size).map { Array($0..<min(23, $0 + size)) }
    #expect(seen.firsts == Array(stride(from: 0, to: 23, by: size)))
    #expect(seen.indices == expected)
    #expect(seen.labels == expected.map { $0.map { $0 % 2 } })
    #expect(seen.pixels == expected.map { $0.map(UInt8.init) })
  }

  @Test func `batches contain only the requested images`() throws {
    let loader = BatchLoader(
      dataset: Numbers(count: 100), indices: [7, 3, 3, 90, 41], preprocessing: onePixel,
      batchSize: 2)
    #expect(try readAll(loader).pixels == [[7, 3], [3, 90], [41]])
    #expect(try loader.next() == nil)
  }

  @Test func `without images there are no batches`() throws {
    let loader = BatchLoader(
      dataset: Numbers(count: 4), indices: [], preprocessing: onePixel, batchSize: 2)
    #expect(try loader.next() == nil)
  }

  @Test func `batches are decoded ahead only as far as there is space`() throws {
    let data = Numbers(count: 1000)
    let loader = BatchLoader(
      dataset: data, preprocessing: onePixel, batchSize: 10, threads: 4, ahead: 2)
    #expect(loader.bytesHeld == 3 * 10 * 3)
    for batch in 0..<20 {
      let got = try #require(try loader.next())
      // The current batch and two more.
      let limit = (batch + 3) * 10 - 1
      let deadline = ContinuousClock.now + .seconds(10)
      while data.furthest.index < limit, ContinuousClock.now < deadline { usleep(200) }
      usleep(2000)
      #expect(data.furthest.index == limit)
      #expect(got.pixels[0] == UInt8(batch * 10))
    }
  }

  @Test func `batches equal decoding one by one`() throws {
    let folder = try TemporaryFolder()
    for (number, name) in ["ycc420.jpg", "rgb8.png", "cmyk.jpg", "grey16.png", "progressive.jpg"]
      .enumerated()
    {
      try folder.addPictures(["a/\(number).jpg", "b/\(number).png"], from: name)
    }
    let data = try ClassFolderDataset(folder: folder.path)
    let preprocessing = Preprocessing(resize: 20, crop: 18)
    let loader = BatchLoader(
      dataset: data, preprocessing: preprocessing, batchSize: 4, threads: 3)
    var index = 0
    while let batch = try loader.next() {
      for place in 0..<batch.count {
        let size = preprocessing.elementCount
        #expect(
          Array(batch.pixels[(place * size)..<((place + 1) * size)])
            == (try pixels(of: data, at: index, preprocessing)))
        index += 1
      }
    }
    #expect(index == 10)
  }
}

@Suite(.timeLimit(.minutes(1))) struct `Unreadable images in batches` {
  @Test(arguments: [1, 3])
  func `unreadable images are left out and listed if skipped`(threads: Int) throws {
    let data = Numbers(count: 12, bad: [0, 2, 3, 7, 8, 9, 10, 11])
    let seen = try readAll(
      BatchLoader(
        dataset: data, preprocessing: onePixel, batchSize: 4, threads: threads,
        onBadImage: .skip))
    #expect(seen.indices == [[1], [4, 5, 6], []])
    #expect(seen.pixels == [[1], [4, 5, 6], []])
    #expect(seen.labels == [[1], [0, 1, 0], []])
    #expect(
      seen.bad
        == data.bad.sorted().map {
          BadImage(index: $0, path: "picture \($0)", reason: "is empty")
        })
  }

  @Test(arguments: [1, 4])
  func `the first unreadable image stops the run after the batches before it`(threads: Int) throws {
    let data = Numbers(count: 40, bad: [14, 9, 30])
    let loader = BatchLoader(
      dataset: data, preprocessing: onePixel, batchSize: 4, threads: threads)
    #expect(try loader.next()?.indices == [0, 1, 2, 3])
    #expect(try loader.next()?.indices == [4, 5, 6, 7])
    let error = #expect(throws: DatasetError.self) { try loader.next() }
    #expect(
      error?.description
        == "picture 9: is empty; set \"on_bad_image\" to \"skip\" to leave such pictures out")
    #expect(throws: CancellationError.self) { try loader.next() }
  }

  @Test func `unreadable files are named with the reason`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["a/1.jpg", "a/4.jpg"])
    try folder.write("", to: "a/2.jpg")
    try folder.write("<html>", to: "a/3.jpg")
    let jpeg = try Data(contentsOf: Fixtures.url("formats/ycc420.jpg"))
    try folder.write(jpeg.prefix(700), to: "a/5.jpg")
    let data = try ClassFolderDataset(folder: folder.path)
    try FileManager.default.removeItem(atPath: folder.path + "/a/4.jpg")
    let seen = try readAll(
      BatchLoader(
        dataset: data, preprocessing: Preprocessing(resize: 1, crop: 1), batchSize: 8,
        onBadImage: .skip))
    #expect(seen.indices == [[0]])
    #expect(
      seen.bad.map { $0.path.dropFirst(folder.path.count) + " " + $0.reason } == [
        "/a/2.jpg is empty",
        "/a/3.jpg is none of PNG, JPEG, WebP, BMP, GIF, TIFF (it begins with 3C 68 74 6D)",
        "/a/4.jpg cannot be read (no such file or directory)",
        "/a/5.jpg is a truncated JPEG (Premature end of JPEG file)",
      ])
  }
}

@Suite(.timeLimit(.minutes(1))) struct `Cancellation` {
  @Test func `cancellation ends a wait for a batch`() throws {
    let gate = DispatchSemaphore(value: 0)
    let data = Numbers(count: 10) { _ in gate.wait() }
    let loader = BatchLoader(dataset: data, preprocessing: onePixel, batchSize: 5, threads: 2)
    let canceller = Thread {
      usleep(20_000)
      loader.cancel()
    }
    canceller.start()
    #expect(throws: CancellationError.self) { try loader.next() }
    for _ in 0..<10 { gate.signal() }
  }

  @Test func `a released loader ends its threads`() throws {
    weak var data: Numbers?
    do {
      let numbers = Numbers(count: 1_000_000)
      data = numbers
      let loader = BatchLoader(dataset: numbers, preprocessing: onePixel, batchSize: 5, threads: 2)
      #expect(try loader.next()?.count == 5)
    }
    // The threads keep the data set alive until they end.
    let deadline = ContinuousClock.now + .seconds(10)
    while data != nil, ContinuousClock.now < deadline { usleep(1000) }
    #expect(data == nil)
  }
}
