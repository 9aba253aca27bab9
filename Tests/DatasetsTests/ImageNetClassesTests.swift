import Datasets
import Testing

@Suite struct `ImageNet classes` {
  @Test func `there are 1,000 sorted classes, each with a name`() {
    #expect(ImageNetClasses.wordNetIDs.count == 1000)
    #expect(ImageNetClasses.wordNetIDs == ImageNetClasses.wordNetIDs.sorted())
    #expect(Set(ImageNetClasses.wordNetIDs).count == 1000)
    #expect(ImageNetClasses.names.allSatisfy { !$0.isEmpty && $0.first != " " })
  }

  @Test(arguments: [
    (0, "n01440764", "tench"), (1, "n01443537", "goldfish"), (65, "n01751748", "sea snake"),
    (207, "n02099601", "golden retriever"), (281, "n02123045", "tabby"),
    (388, "n02510455", "giant panda"), (999, "n15075141", "toilet tissue"),
  ])
  func `labels are the well-known ones`(label: Int, id: String, name: String) {
    #expect(ImageNetClasses.wordNetIDs[label] == id)
    #expect(ImageNetClasses.labels[id] == label)
    #expect(ImageNetClasses.names[label].hasPrefix(name))
  }

  /// The first ten lines of the development kit's ground truth and of Caffe's val.txt.
  @Test func `challenge ids are mapped to labels`() {
    let ids = [490, 361, 171, 822, 297, 482, 13, 704, 599, 164]
    let labels = [65, 970, 230, 809, 516, 57, 334, 415, 674, 332]
    #expect(ids.map { ImageNetClasses.labelsOfChallengeIDs[$0 - 1] } == labels)
    #expect(ImageNetClasses.labelsOfChallengeIDs.sorted() == Array(0..<1000))
  }
}
