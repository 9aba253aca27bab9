import ImageCoding
import Support

/// Why a data set cannot be used, or one of its pictures.
package enum DatasetError: Error, Hashable, CustomStringConvertible {
  // Folders.
  /// The folder does not exist, is no folder or may not be read.
  case unreadableFolder(path: String, reason: String)
  /// There is no picture in the folder or in its class folders.
  case noImages(path: String, others: String? = nil)
  /// Some class folders hold no picture.
  case emptyClasses(path: String, classes: [String], others: String? = nil)
  /// The folder holds pictures but no class folders, so there are no labels.
  case noClassFolders(path: String)
  /// The folders are a data set's parts, such as train and val.
  case splitsAsClasses(path: String, folders: [String], likely: String)

  // Class mappings.
  /// A class folder that the given classes do not name.
  case unknownClass(path: String, folder: String, known: [String])
  /// A class that is given twice, or a label below zero.
  case badClassMapping(reason: String)
  /// Classes or labels that a score cannot go by.
  case unusableScoring(reason: String)

  // ImageNet's layouts.
  /// Two layouts in one folder.
  case ambiguousLayout(path: String, first: String, second: String)
  /// Folders that are not named after ImageNet-1k's classes.
  case notImageNetClasses(path: String, folders: [String])
  /// The folder has training pictures only.
  case onlyTraining(path: String)
  /// The whole validation set, but not 50 pictures of every class.
  case unevenClasses(path: String, wordNetID: String, count: Int)

  // Archives.
  /// A tar archive that cannot be read in place.
  case archive(path: String, reason: String)
  /// Tables of pictures, which are not read.
  case parquet(path: String)

  // Ground truths of flat pictures.
  /// Nothing says the labels of the flat pictures.
  case noGroundTruth(path: String, looked: [String])
  /// Some pictures are named by class and this one is not.
  case noClassInName(path: String, picture: String)
  /// The folder is that of one class.
  case oneClassFolder(path: String, parent: String)
  /// The ground truth cannot be read.
  case unreadableGroundTruth(path: String, reason: String)
  /// A line of the ground truth is not what it should be.
  case badLine(path: String, line: Int, found: String, expected: String)
  /// Labels below 0 or above 999.
  case labelsOutOfRange(path: String, lowest: Int, highest: Int)
  /// Labels that are the challenge's ids, whose order is not that of the labels.
  case challengeIDsAsLabels(path: String)
  /// The ground truth lists more pictures than there are.
  case groundTruthCount(path: String, listed: Int, pictures: Int)
  /// A picture that the ground truth does not list.
  case missingFromGroundTruth(path: String, picture: String, listed: Int)
  /// A picture that is listed or there twice.
  case duplicate(path: String, picture: String)
  /// Two ground truths that give a picture different labels.
  case groundTruthsDisagree(first: String, second: String, picture: String)

  // Pictures.
  /// A picture that cannot be decoded, in a run that stops at such.
  case badImage(path: String, reason: String)

  package var description: String {
    switch self {
    case .unreadableFolder(let path, let reason):
      "\(path): cannot be read as a folder of pictures (\(reason))"
    case .noImages(let path, let others):
      "\(path): holds no pictures (\(ImageFormat.names)); a data set is one folder of pictures per "
        + "class" + (others.map { "; \($0)" } ?? "")
    case .emptyClasses(let path, let classes, let others):
      "\(path): has class folders without a picture (\(ImageFormat.names)): \(firstFew(classes, 5)); "
        + "fill or remove them" + (others.map { "; \($0)" } ?? "")
    case .splitsAsClasses(let path, let folders, let likely):
      "\(path): has the \(noun(folders.count, "folder")) \(firstFew(folders, 5)), parts of a "
        + "data set and no classes; write {\"folder\": \"\(likely)\"}"
    case .noClassFolders(let path):
      "\(path): holds pictures but no class folders, so nothing says their labels; "
        + "put the pictures of each class into a folder of their own"
    case .unknownClass(let path, let folder, let known):
      "\(path): has the class folder '\(folder)', which \"classes\" does not name; "
        + "it names \(firstFew(known, 5))"
    case .badClassMapping(let reason):
      "\"classes\": \(reason)"
    case .unusableScoring(let reason): reason
    case .badImage(let path, let reason):
      "\(path): \(reason); set \"on_bad_image\" to \"skip\" to leave such pictures out"
    case .ambiguousLayout(let path, let first, let second):
      "\(path): has both \(first) and \(second), so it is not clear which pictures are meant; "
        + "name the folder that holds only them"
    case .notImageNetClasses(let path, let folders):
      "\(path): has folders that are not among ImageNet-1k's 1000 classes: \(firstFew(folders, 5)); "
        + "class folders are named by WordNet id, such as n01440764; "
        + "for other class folders use {\"folder\": …} with \"classes\""
    case .archive(let path, let reason): "\(path): \(reason)"
    case .parquet(let path):
      "\(path): holds Parquet tables, which are not read; turn them into tar shards with "
        + "`python3 Tools/parquet_to_shards.py \(path) SHARDS` (needs pyarrow) and name SHARDS"
    case .onlyTraining(let path):
      "\(path): has a folder train but no folder val; name \(path)/train itself to use it"
    case .unevenClasses(let path, let wordNetID, let count):
      "\(path): has ImageNet's 50000 validation pictures, but \(count) of class \(wordNetID) "
        + "where every class has 50; the labels are wrong"
    default: groundTruthDescription
    }
  }

  private var groundTruthDescription: String {
    switch self {
    case .noGroundTruth(let path, let looked):
      "\(path): holds pictures but nothing says their labels; put one of "
        + "\(looked.joined(separator: ", ")) next to or above them, or use class folders"
    case .noClassInName(let path, let picture):
      "\(path): has pictures named by class, such as n01440764_1.JPEG or …_n01440764.JPEG, and "
        + "\(picture), which is not; name all by class or none"
    case .oneClassFolder(let path, let parent):
      "\(path): is the folder of one class; write {\"imagenet\": \"\(parent)\"}"
    case .unreadableGroundTruth(let path, let reason):
      "\(path): \(reason)"
    case .badLine(let path, let line, let found, let expected):
      "\(path): line \(line) is '\(found)', not \(expected)"
    case .labelsOutOfRange(let path, let lowest, let highest):
      "\(path): the labels run from \(lowest) to \(highest), not from 0 to 999"
        + (lowest >= 1 && highest == 1000
          ? "; take 1 from each if they are in the order of the WordNet ids, which the challenge's "
            + "own ids are not" : "")
    case .challengeIDsAsLabels(let path):
      "\(path): the labels are the challenge's ids, which are not in the order of ImageNet's "
        + "labels (the first picture, a sea snake, has id 490 and label 65); use the development "
        + "kit's ILSVRC2012_validation_ground_truth.txt, or labels in the order of the WordNet ids"
    case .groundTruthCount(let path, let listed, let pictures):
      "\(path): lists \(counted(listed, "picture")), but there are \(pictures)"
    case .missingFromGroundTruth(let path, let picture, let listed):
      "\(path): lists \(counted(listed, "picture")), but not \(picture)"
    case .duplicate(let path, let picture):
      "\(path): the picture \(picture) is there twice"
    case .groundTruthsDisagree(let first, let second, let picture):
      "\(first): gives \(picture) another label than \(second); remove the wrong one"
    default: preconditionFailure("Described with the folders.")
    }
  }
}
