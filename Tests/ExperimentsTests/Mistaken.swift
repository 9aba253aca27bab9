import Experiments
import Testing

/// A spec with errors, and the expected messages.
struct Mistaken: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let spec: String
  let sentences: [String]

  init(_ title: String, _ spec: String, _ sentences: String...) {
    testDescription = title
    self.spec = spec
    self.sentences = sentences
  }
}

extension Mistaken {
  private static let longName = String(repeating: "a", count: 201)

  /// Unknown names of models, and the suggested ones.
  static let modelNames: [Mistaken] = [
    ("deit_base_patch16_384", sized("deit_base_patch16_224", 384)),
    ("vit_small_patch16_256", sized("vit_small_patch16_224", 256)),
    ("deit_small", "did you mean 'deit_small_patch16_224'?"),
    ("vit_base_patch16", "did you mean 'vit_base_patch16_224'?"),
    ("DeiT-S", "did you mean 'deit_small_patch16_224'?"),
    ("ViT-S/16", "did you mean 'vit_small_patch16_224'?"),
    ("deit-small-patch16-224", "did you mean 'deit_small_patch16_224'?"),
    ("deit_small_patch16_224.fb_in1k", "did you mean 'deit_small_patch16_224'?"),
    ("timm/deit_tiny_patch16_224.fb_in1k", "did you mean 'deit_tiny_patch16_224'?"),
    ("vit_small_patch14_dinov2.lvd142m", "did you mean 'vit_small_patch14_dinov2'?"),
    ("diet_small_patch16_224", "did you mean 'deit_small_patch16_224'?"),
    ("beit_base_patch16_224", "`lab models` lists them"),
    ("deit_huge_patch14_224", "`lab models` lists them"),
    ("vit_base_patch32_quickgelu_448.laion2b", "`lab models` lists them"),
    ("vit", "`lab models` lists them"),
  ].map { name, advice in
    Mistaken(
      name, #"{"model": "\#(name)", "methods": [{"method": "none"}]}"#,
      #"a.json: model: "\#(name)" is not a model; \#(advice)"#)
  }

  private static func sized(_ name: String, _ size: Int) -> String {
    #"write {"name": "\#(name)", "architecture": {"image_size": \#(size)}} for that size"#
  }

  /// Ranges and names beyond all limits.
  static let extremes: [Mistaken] = [
    Mistaken(
      "a range to the largest number",
      range("0, 9223372036854775807, 4611686018427387904"),
      #"a.json: methods[0].r: 4611686018427387904 exceeds the 144 patch tokens of demo_vit; at "#
        + #"most 143 can go"#),
    Mistaken(
      "a range wider than numbers are counted",
      range("-9223372036854775808, 9223372036854775807, 1"),
      #"a.json: methods[0].r: the range [-9223372036854775808, 9223372036854775807, 1] has "#
        + #"1000000000000000 values; at most 10000 are taken, so a larger step is needed"#),
    Mistaken(
      "a range whose step is below zero",
      range("0, -9223372036854775808, -1"),
      #"a.json: methods[0].r: the range [0, -9223372036854775808, -1] has 1000000000000000 "#
        + #"values; at most 10000 are taken, so a larger step is needed"#),
    Mistaken(
      "a range of numbers beyond all counts",
      range("-1e308, 1e308, 1e300"),
      #"a.json: methods[0].r: the range [-1e+308, 1e+308, 1e+300] has 1000000000000000 "#
        + #"values; at most 10000 are taken, so a larger step is needed"#),
    Mistaken(
      "a list of very many values",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "batch_size": [\#(ones)]}"#,
      #"a.json: batch_size: the list has 10001 values; at most 10000 are taken"#),
    Mistaken(
      "a method's name of a megabyte",
      #"{"model": "demo_vit", "methods": [{"method": "\#(megabyte)"}]}"#,
      #"a.json: methods[0].method: "\#(megabyte.prefix(499)) … "#
        + #"\#(megabyte.prefix(500 - knownMethods.count))\#(knownMethods)"#),
    Mistaken(
      "a key of a megabyte",
      #"{"model": "demo_vit", "methods": [{"method": "none", "\#(megabyte)": 1}]}"#,
      #"a.json: methods[0].\#(megabyte.prefix(489)) … \#(megabyte.prefix(500)): unknown key; "#
        + #"known keys are 'method'"#),
  ]

  private static func range(_ parts: String) -> String {
    #"{"model": "demo_vit", "methods": [{"method": "topk", "r": {"range": [\#(parts)]}}]}"#
  }

  private static let ones = Array(repeating: "1", count: 10_001).joined(separator: ",")
  private static let megabyte = String(repeating: "a", count: 1 << 20)
  private static let knownMethods =
    #"" is not a method; methods are 'none', 'none_explicit', 'random', 'topk', 'evit', "#
    + #"'tome', 'tail_effect', "#
    + "'dynamicvit', 'diffrate', 'pitome', 'tofu', 'ppt', 'ats', 'dpcknn', 'kmedoids', 'gtp', "
    + "'mctf', 'atc', 'dct', 'zero_tprune', 'representation_shift', 'tome_importance', 'compose'"

  /// Models and keys.
  static let models: [Mistaken] = [
    Mistaken(
      "a misspelt key",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "batchsize": 4}"#,
      #"a.json: batchsize: unknown key; did you mean 'batch_size'?"#),
    Mistaken(
      "a key like no other",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "color": "red"}"#,
      #"a.json: color: unknown key; known keys are 'name', 'extends', 'description', "#
        + #"'$schema', 'model', 'dataset', 'device', 'batch_size', 'methods', "#
        + #"'match_accuracy_drop', 'control', 'accuracy', 'latency', 'grid', 'seed', "#
        + #"'on_bad_image', 'precision', 'threads', 'engine', 'gelu', 'baseline', 'published'"#
    ),
    Mistaken(
      "a race against no baseline",
      #"{"model": "demo_vit", "methods": [{"method": "topk", "r": 2}], "#
        + #""accuracy": {"until": "1pp"}}"#,
      "a.json: accuracy.until: it is the width of a difference to the baseline, and the spec has "
        + #"none; add {"method": "none"}"#),
    Mistaken(
      "a width in percent",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "accuracy": {"until": "1%"}}"#,
      #"a.json: accuracy.until: "1%" is no such width; it must be percentage points in quotes "#
        + #"such as "0.3pp", above 0 and up to 50pp"#),
    Mistaken(
      "a width of nothing",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "accuracy": {"until": "0pp"}}"#,
      #"a.json: accuracy.until: "0pp" is no such width; it must be percentage points in quotes "#
        + #"such as "0.3pp", above 0 and up to 50pp"#),
    Mistaken(
      "settings within a drop without latency",
      #"{"model": "demo_vit", "methods": [{"method": "none"}, {"method": "topk", "r": 2}], "#
        + #""match_accuracy_drop": 1, "latency": false}"#,
      "a.json: match_accuracy_drop: settings are chosen from measured latency and accuracy, and "
        + #""latency" is false; leave it out"#),
    Mistaken(
      "settings within a drop of the baseline alone",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "match_accuracy_drop": 1}"#,
      "a.json: match_accuracy_drop: the spec names no method that removes tokens; add one"),
    Mistaken(
      "a control of nothing",
      #"{"model": "demo_vit", "methods": [{"method": "none"}, {"method": "random", "r": 9}], "#
        + #""control": true}"#,
      #"a.json: control: no method of the spec chooses which tokens go, so there is nothing to "#
        + "compare random removal with; add one, or leave it out"),
    Mistaken(
      "a place for random removal without counts",
      #"{"model": "demo_vit", "methods": [{"method": "random", "r": 9, "#
        + #""position": "inside_block"}]}"#,
      #"a.json: methods[0].position: goes with "tokens" alone; r tokens go before the first "#
        + "block"),
    Mistaken(
      "no model",
      #"{"methods": [{"method": "none"}]}"#,
      #"a.json: the key 'model' is missing; it must be a model's name such as "demo_vit", or "#
        + #"an object such as {"name": …}, or a list of such"#),
    Mistaken(
      "no methods",
      #"{"model": "demo_vit"}"#,
      #"a.json: the key 'methods' is missing; it must be a list of which each is an object "#
        + #"such as {"method": "topk", "r": 8}"#),
    Mistaken(
      "an empty list of methods",
      #"{"model": "demo_vit", "methods": []}"#,
      #"a.json: methods: the list is empty; it must hold an object such as {"method": "topk", "#
        + #""r": 8}"#),
    Mistaken(
      "a misspelt model",
      #"{"model": "deit_smal_patch16_224", "methods": [{"method": "none"}]}"#,
      #"a.json: model: "deit_smal_patch16_224" is not a model; did you mean "#
        + #"'deit_small_patch16_224'?"#),
    Mistaken(
      "a model of another kind",
      #"{"model": "resnet50", "methods": [{"method": "none"}]}"#,
      #"a.json: model: "resnet50" is not a model; `lab models` lists them"#),
    Mistaken(
      "a number for a model",
      #"{"model": 7, "methods": [{"method": "none"}]}"#,
      #"a.json: model: 7 has the wrong type; it must be a model's name such as "demo_vit", or "#
        + #"an object such as {"name": …}"#),
    Mistaken(
      "an object without a model",
      #"{"model": {"weights": "random"}, "methods": [{"method": "none"}]}"#,
      #"a.json: model: neither 'name' nor 'architecture' says which model; give one"#),
    Mistaken(
      "a misspelt key of a model",
      #"{"model": {"name": "demo_vit", "wieghts": "random"}, "methods": [{"method": "none"}]}"#,
      #"a.json: model.wieghts: unknown key; did you mean 'weights'?"#),
    Mistaken(
      "a key of an object inside",
      #"{"model": {"name": "demo_vit", "num_classes": 7}, "methods": [{"method": "none"}]}"#,
      #"a.json: model.num_classes: unknown key; it is a key of 'architecture': "#
        + #"write {"architecture": {"num_classes": 7}}"#),
    Mistaken(
      "keys of other objects",
      #"{"model": "demo_vit", "images": 100, "until": "2%", "methods": [{"method": "none"}]}"#,
      "a.json: images: unknown key; it is a key of 'accuracy' and 'grid'",
      "a.json: until: unknown key; it is a key of 'accuracy', 'latency' and 'grid'"),
    Mistaken(
      "a copy of weights that are drawn",
      #"{"model": {"name": "deit_tiny_patch16_224", "checkpoint_key": "model"}, "methods": "#
        + #"[{"method": "none"}]}"#,
      #"a.json: model.checkpoint_key: it names a copy of the model in one file of weights, and "#
        + #""weights" names none; give one, or leave it out"#),
    Mistaken(
      "a copy in two files",
      #"{"model": {"name": "deit_tiny_patch16_224", "checkpoint_key": "model", "weights": "#
        + #"["a.pth", "b.pth"]}, "methods": [{"method": "none"}]}"#,
      #"a.json: model.checkpoint_key: it names a copy of the model in one file of weights, and "#
        + #""weights" names several; leave it out"#),
    Mistaken(
      "demo weights for another model",
      #"{"model": {"name": "deit_small_patch16_224", "weights": "demo"}, "methods": "#
        + #"[{"method": "none"}]}"#,
      #"a.json: model.weights: "demo" weights fit demo_vit alone, not deit_small_patch16_224; "#
        + #"give a file of weights, or "random""#),
    Mistaken(
      "sizes without width and heads",
      #"{"model": {"architecture": {"depth": 4}}, "methods": [{"method": "none"}]}"#,
      #"a.json: model.architecture: the key 'embed_dim' is missing; it must be a whole number "#
        + #"from 1"#,
      #"a.json: model.architecture: the key 'num_heads' is missing; it must be a whole number "#
        + #"from 1"#),
    Mistaken(
      "a width that the heads do not divide",
      #"{"model": {"architecture": {"embed_dim": 100, "num_heads": 3}}, "methods": "#
        + #"[{"method": "none"}]}"#,
      #"a.json: model.architecture.embed_dim: 100 is not a multiple of the 3 heads"#),
    Mistaken(
      "an image that the patches do not divide",
      #"{"model": {"architecture": {"embed_dim": 96, "num_heads": 3, "image_size": 100}}, "#
        + #""methods": [{"method": "none"}]}"#,
      #"a.json: model.architecture.image_size: 100 is not a multiple of the patch size 16"#),
    Mistaken(
      "a misspelt choice",
      #"{"model": {"architecture": {"embed_dim": 96, "num_heads": 3, "mlp": "geglu"}}, "#
        + #""methods": [{"method": "none"}]}"#,
      #"a.json: model.architecture.mlp: "geglu" is not known; did you mean 'gelu'?"#),
  ]

  /// Devices, sizes and names.
  static let settings: [Mistaken] = [
    Mistaken(
      "gpu for a device",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "device": "gpu"}"#,
      #"a.json: device: "gpu" is not a device; did you mean 'cuda'?"#),
    Mistaken(
      "a misspelt device",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "device": "cdua"}"#,
      #"a.json: device: "cdua" is not a device; did you mean 'cuda'?"#),
    Mistaken(
      "a device without a number",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "device": "cuda:x"}"#,
      #"a.json: device: "cuda:x" is not a device; did you mean 'cuda'?"#),
    Mistaken(
      "a batch of nothing",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "batch_size": 0}"#,
      #"a.json: batch_size: 0 is out of range; it must be a whole number from 1 to 65536"#),
    Mistaken(
      "several mistakes in a list",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "batch_size": [1, 0, 2.5, "#
        + #""four"]}"#,
      #"a.json: batch_size[1]: 0 is out of range; it must be a whole number from 1 to 65536"#,
      #"a.json: batch_size[2]: 2.5 is not whole; it must be a whole number from 1 to 65536"#,
      #"a.json: batch_size[3]: "four" has the wrong type; it must be a whole number from 1 to "#
        + #"65536"#),
    Mistaken(
      "an empty list",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "batch_size": []}"#,
      #"a.json: batch_size: the list is empty; it must hold a whole number from 1 to 65536"#),
    Mistaken(
      "an unknown precision",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "precision": "float8"}"#,
      #"a.json: precision: "float8" is not known; did you mean 'float32'?"#),
    Mistaken(
      "a processor with half precision",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "precision": ["float32", "float16"]}"#,
      #"a.json: precision: "float16" needs a cuda device, and the cpu computes in float32, bfloat16 or int8; leave "cpu" out of "device", or make two specs"#
    ),
    Mistaken(
      "a BLAS at a lower precision",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "precision": ["float32", "int8"], "engine": ["packed", "blas"]}"#,
      #"a.json: engine: "blas" computes only float32, but "precision" has int8; use "packed", or make two specs"#
    ),
    Mistaken(
      "an approximated GELU on a processor",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "gelu": ["exact", "tanh"], "accuracy": false}"#,
      #"a.json: gelu: "tanh" needs a cuda device, and the cpu computes the exact GELU; leave "cpu" out of "device", or make two specs"#
    ),
    Mistaken(
      "the accuracy of an approximated GELU",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "device": "cuda", "gelu": "tanh"}"#,
      #"a.json: gelu: "tanh" changes what a model computes, and accuracy is that of the exact GELU; set "accuracy" to false"#
    ),
    Mistaken(
      "an unknown engine",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "engine": "mkl"}"#,
      #"a.json: engine: "mkl" is not known; choices are 'auto', 'packed', 'blas'"#),
    Mistaken(
      "a processor's cache that cannot be emptied",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "latency": {"l2": "cold"}}"#,
      #"a.json: latency.l2: only a cuda device's cache can be emptied, and "device" names the cpu; leave it out"#
    ),
    Mistaken(
      "no threads",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "threads": 0}"#,
      #"a.json: threads: 0 is out of range; it must be a whole number from 1 to 4096"#),
    Mistaken(
      "a negative seed",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "seed": -1}"#,
      #"a.json: seed: -1 is out of range; it must be a whole number from 0"#),
    Mistaken(
      "a name with a slash",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "name": "a/b"}"#,
      #"a.json: name: "a/b" is no name for a folder; it must be a name of letters, digits, "#
        + #"'.', '_' and '-' that does not begin with '.' or '-'"#),
    Mistaken(
      "a name that a command line takes for an option",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "name": "-x"}"#,
      #"a.json: name: "-x" is no name for a folder; it must be a name of letters, digits, "#
        + #"'.', '_' and '-' that does not begin with '.' or '-'"#),
    Mistaken(
      "a name that is too long",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "name": "\#(longName)"}"#,
      #"a.json: name: it has 201 bytes; a folder's name has at most 200"#),
    Mistaken(
      "an unknown policy",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "on_bad_image": "ignore"}"#,
      #"a.json: on_bad_image: "ignore" is not known; choices are 'stop', 'skip'"#),
  ]

  /// Data sets.
  static let datasets: [Mistaken] = [
    Mistaken(
      "imagenet without a folder",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "dataset": "imagenet"}"#,
      #"a.json: dataset: "imagenet" is not known; it must be "demo", or an object such as "#
        + #"{"imagenet": …}, or an object such as {"folder": …}"#),
    Mistaken(
      "an object that says no kind",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "dataset": {"path": "/x"}}"#,
      #"a.json: dataset: 'path' does not say what it is; it must have the key 'imagenet' or "#
        + #"'folder'"#),
    Mistaken(
      "two kinds at once",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "dataset": {"imagenet": "/x", "#
        + #""folder": "/y"}}"#,
      #"a.json: dataset: only one of 'imagenet' or 'folder' can be given"#),
    Mistaken(
      "a limit of nothing",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "dataset": {"imagenet": "/x", "#
        + #""limit": 0}}"#,
      #"a.json: dataset.limit: 0 is out of range; it must be a whole number from 1"#),
    Mistaken(
      "a negative class",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "dataset": {"folder": "/x", "#
        + #""classes": {"cat": -1}}}"#,
      #"a.json: dataset.classes: 'cat' is -1; it must be a whole number from 0"#),
    Mistaken(
      "the demo data set for an ImageNet model",
      #"{"model": {"name": "deit_tiny_patch16_224", "weights": "w.safetensors"}, "methods": "#
        + #"[{"method": "none"}]}"#,
      #"a.json: dataset: the demo data set has 10 classes and deit_tiny_patch16_224 has "#
        + #"1000; name the data set that it was trained on"#),
    Mistaken(
      "ImageNet for the demo model",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "dataset": {"imagenet": "/x"}}"#,
      #"a.json: dataset: ImageNet has 1000 classes and demo_vit has 10; name the data "#
        + #"set that it was trained on"#),
  ]

  /// Measurements.
  static let measurements: [Mistaken] = [
    Mistaken(
      "accuracy of random weights",
      #"{"model": "deit_tiny_patch16_224", "methods": [{"method": "none"}], "accuracy": true}"#,
      #"a.json: model: accuracy needs trained weights, and deit_tiny_patch16_224 has random "#
        + #"ones; give "weights" a file, or set "accuracy" to false"#),
    Mistaken(
      "nothing to measure",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "accuracy": false, "latency": "#
        + #"false}"#,
      #"a.json: latency: both "latency" and "accuracy" are false, so nothing is measured; set "#
        + #"one to true"#),
    Mistaken(
      "nothing to measure without weights",
      #"{"model": "deit_tiny_patch16_224", "methods": [{"method": "none"}], "latency": false}"#,
      #"a.json: latency: it is false, and accuracy needs trained weights, so nothing is "#
        + #"measured; give weights"#),
    Mistaken(
      "no images",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "accuracy": {"images": 0}}"#,
      #"a.json: accuracy.images: 0 is out of range; it must be a whole number from 1 to 1000000"#),
    Mistaken(
      "a misspelt key of accuracy",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "accuracy": {"image": 10}}"#,
      #"a.json: accuracy.image: unknown key; did you mean 'images'?"#),
    Mistaken(
      "a negative time",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "latency": {"min_seconds": -1}}"#,
      #"a.json: latency.min_seconds: -1 is out of range; it must be a number from 0 to 3600"#),
    Mistaken(
      "a width that is no percentage",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "latency": {"until": "2"}}"#,
      #"a.json: latency.until: "2" is no such share; it must be a percentage in quotes such as "2%", above 0 and up to 50%"#
    ),
    Mistaken(
      "a width of nothing",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "latency": {"until": "0%"}}"#,
      #"a.json: latency.until: "0%" is no such share; it must be a percentage in quotes such as "2%", above 0 and up to 50%"#
    ),
    Mistaken(
      "a width as a number",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "grid": {"until": 0.02}}"#,
      #"a.json: grid.until: 0.02 has the wrong type; it must be a percentage in quotes such as "2%", above 0 and up to 50%"#
    ),
    Mistaken(
      "a limit below the least",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "latency": {"max_seconds": 0.5}}"#,
      #"a.json: latency.max_seconds: 0.5 is below latency.min_seconds, which is 1; raise it"#),
    Mistaken(
      "a number for an object",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "latency": 5}"#,
      #"a.json: latency: 5 has the wrong type; it must be true or false, or an object such as "#
        + #"{"min_seconds": …}"#),
    Mistaken(
      "half a sample",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "latency": {"min_samples": "#
        + #"2.5}}"#,
      #"a.json: latency.min_samples: 2.5 is not whole; it must be a whole number from 1 to "#
        + #"100000"#),
  ]

  /// Several errors at once.
  static let everything: [Mistaken] = [
    Mistaken(
      "mistakes everywhere",
      #"{"model": ["demo_vit", "deit_smal_patch16_224"], "methods": [{"method": "topk", "r": "#
        + #"500}, {"method": "evit"}], "batchsize": 1, "device": "gpu"}"#,
      #"a.json: device: "gpu" is not a device; did you mean 'cuda'?"#,
      #"a.json: methods[1]: the key 'keep_rate' is missing; it must be a number above 0 up to "#
        + #"1"#,
      #"a.json: batchsize: unknown key; did you mean 'batch_size'?"#,
      #"a.json: model[1]: "deit_smal_patch16_224" is not a model; did you mean "#
        + #"'deit_small_patch16_224'?"#,
      #"a.json: methods[0].r: 500 exceeds the 144 patch tokens of demo_vit; at most 143 can go"#)
  ]
}
