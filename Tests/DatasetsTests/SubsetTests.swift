import Datasets
import ImageCoding
import Records
import Testing

/// Images with labels only.
private struct Labels: ImageDataset {
  let labels: [Int]
  var name: String { "labels" }
  var layout: String { "a list" }
  var classNames: [String] { (0...(labels.max() ?? 0)).map { "\($0)" } }
  var count: Int { labels.count }
  var content: DatasetContent { .drawn(labels.map { "\($0)\n" }.joined()) }
  func label(at index: Int) -> Int { labels[index] }
  func path(at index: Int) -> String { "picture \(index)" }
  func decode(
    at index: Int, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<UInt8>
  ) {
    output.update(repeating: UInt8(index))
  }
}

@Suite struct `Subsets` {
  private let base = Labels(labels: (0..<100).map { $0 / 10 })

  @Test(arguments: [1, 7, 10, 35, 99, 100, 500])
  func `every class has the same number of images`(limit: Int) throws {
    let subset = SubsetDataset(base, limit: limit, seed: 3)
    #expect(subset.count == min(limit, 100))
    var counts = [Int](repeating: 0, count: 10)
    for index in 0..<subset.count { counts[subset.label(at: index)] += 1 }
    #expect(counts.reduce(0, +) == min(limit, 100))
    let (fewest, maximum) = (try #require(counts.min()), try #require(counts.max()))
    #expect(maximum - fewest <= 1)
    #expect(Set(subset.indices).count == subset.count)
  }

  @Test func `a class with few images contributes all of them`() {
    let uneven = Labels(labels: [0, 0, 0, 0, 0, 0, 1, 2, 2])
    let subset = SubsetDataset(uneven, limit: 7, seed: 1)
    let counts = Dictionary(grouping: (0..<7).map(subset.label(at:))) { $0 }.mapValues(\.count)
    #expect(counts == [0: 4, 1: 1, 2: 2])
  }

  @Test func `a smaller subset is the beginning of a larger one`() {
    let small = SubsetDataset(base, limit: 23, seed: 9).indices
    #expect(Array(SubsetDataset(base, limit: 60, seed: 9).indices.prefix(23)) == small)
    #expect(SubsetDataset(base, limit: 23, seed: 10).indices != small)
  }

  /// Pinned, because another order would change the meaning of every record.
  @Test func `the selection never changes`() {
    #expect(
      SubsetDataset(base, limit: 12, seed: 0).indices
        == [85, 62, 29, 94, 51, 4, 38, 46, 74, 10, 82, 60])
  }

  @Test func `the selection is not simply the first files`() {
    let first = SubsetDataset(base, limit: 10, seed: 0).indices.sorted()
    #expect(first != (0..<10).map { $0 * 10 })
  }

  @Test func `images, labels and names match the base data set`() throws {
    let subset = SubsetDataset(base, limit: 20, seed: 4)
    let preprocessing = Preprocessing(resize: 1, crop: 1)
    for index in 0..<20 {
      #expect(subset.label(at: index) == base.label(at: subset.indices[index]))
      #expect(subset.path(at: index) == "picture \(subset.indices[index])")
      #expect(try pixels(of: subset, at: index, preprocessing)[0] == UInt8(subset.indices[index]))
    }
    #expect(subset.layout == "a list; of these 20, balanced over the classes, seed 4")
    for other in [(21, 4), (20, 5)] as [(Int, UInt64)] {
      let other = SubsetDataset(base, limit: other.0, seed: other.1)
      #expect("\(subset.content)" != "\(other.content)")
    }
  }
}
