import Foundation
import Records
import Testing

@testable import VisionModels

/// `config.json` of timm and of Hugging Face.
@Suite struct `Model configurations` {
  private func read(_ config: String, _ images: String? = nil) throws -> ModelEntry {
    try ModelConfiguration(
      Data(config.utf8), preprocessor: images.map { Data($0.utf8) }, source: "test"
    ).entry
  }

  private func vit(_ entry: ModelEntry) throws -> ViTArchitecture {
    try #require(entry.architecture as? ViTArchitecture)
  }

  private func message(_ config: String, _ images: String? = nil) -> String {
    do {
      _ = try read(config, images)
      return "no error"
    } catch { return "\(error)" }
  }

  /// From timm's repository `deit_small_patch16_224.fb_in1k`.
  private static let deit = """
    {"architecture": "deit_small_patch16_224", "num_classes": 1000, "num_features": 384,
     "global_pool": "token", "pretrained_cfg": {"tag": "fb_in1k", "custom_load": false,
     "input_size": [3, 224, 224], "fixed_input_size": true, "interpolation": "bicubic",
     "crop_pct": 0.9, "crop_mode": "center", "mean": [0.485, 0.456, 0.406],
     "std": [0.229, 0.224, 0.225], "num_classes": 1000, "pool_size": null,
     "first_conv": "patch_embed.proj", "classifier": "head"}}
    """

  @Test func `timm's configuration gives the registry's model and preprocessing`() throws {
    let entry = try read(Self.deit)
    let own = try #require(ModelRegistry.entry(named: "deit_small_patch16_224"))
    #expect(try vit(entry) == vit(own))
    #expect(entry.preprocessing == own.preprocessing)
    #expect(entry.name == "deit_small_patch16_224")
  }

  @Test func `a model fine-tuned at another size keeps its training size`() throws {
    let entry = try read(
      Self.deit.replacing("224, 224", with: "384, 384").replacing(
        "\"num_classes\": 1000", with: "\"num_classes\": 37"
      )
      .replacing("\"center\"", with: "\"squash\"").replacing("0.9", with: "1.0"))
    let sizes = try vit(entry)
    #expect(sizes.imageSize == 384)
    #expect(sizes.pretrainedImageSize == 224)
    #expect(sizes.numClasses == 37)
    #expect(entry.preprocessing.fit == .bothSides)
    #expect(entry.preprocessing.resize == 384)
  }

  @Test func `arguments of timm's models set sizes`() throws {
    let sizes = try vit(
      read(
        Self.deit.replacing(
          "\"pretrained_cfg\"",
          with:
            #""model_args": {"init_values": 1e-5, "no_embed_class": true, "qk_norm": true, "global_pool": "avg"}, "pretrained_cfg""#
        )))
    #expect(sizes.layerScale && sizes.qkNorm && sizes.noEmbedClass == true)
    #expect(sizes.head == .patchMean)
  }

  /// The format in which `timm.models.save_for_hf` of timm 1.0.31 writes the arguments of each kind
  /// of model.
  private static func saved(_ architecture: String, _ arguments: String) -> String {
    deit.replacing("deit_small_patch16_224", with: architecture).replacing(
      "\"pretrained_cfg\"", with: "\"model_args\": {\(arguments)}, \"pretrained_cfg\"")
  }

  @Test func `configurations saved by timm are read`() throws {
    let own = #""in_chans": 3, "num_classes": 1000, "global_pool": "#
    for (name, arguments) in [
      ("deit_small_patch16_224", own + #""token", "img_size": [224, 224]"#),
      ("vit_small_patch32_224", own + #""token", "img_size": [224, 224]"#),
      ("swin_tiny_patch4_window7_224", own + #""avg", "img_size": [224, 224]"#),
      ("coatnet_0_rw_224", own + #""avg", "img_size": [224, 224]"#),
      ("efficientvit_m0", own + #""avg", "img_size": [224, 224]"#),
      ("convnext_tiny", own + #""avg""#), ("mobilenetv3_small_100", own + #""avg""#),
      ("mobilevit_xxs", own + #""avg", "img_size": [256, 256]"#),
    ] {
      let known = try #require(ModelRegistry.entry(named: name)).architecture
      let side = known.info.imageSize
      let text = Self.saved(name, arguments).replacing("3, 224, 224", with: "3, \(side), \(side)")
      #expect(try AnyHashable(read(text).architecture) == AnyHashable(known), "\(name)")
    }
    let changed = try vit(
      read(
        Self.saved(
          "test_vit",
          #""img_size": [224, 224], "num_classes": 7, "global_pool": "avg", "class_token": false, "#
            + #""reg_tokens": 2, "qk_norm": true, "patch_size": [32, 32], "in_chans": 3"#)))
    #expect(changed.imageSize == 224 && changed.patchSize == 32 && changed.numClasses == 7)
    #expect(changed.head == .patchMean && !changed.classToken && changed.registers == 2)
    // A backbone gets the named model's classifier, which its weights then lack.
    let backbone = try vit(
      read(
        Self.saved(
          "vit_small_patch14_reg4_dinov2", #""num_classes": 0, "img_size": [518, 518]"#
        ).replacing("\"num_classes\": 1000", with: "\"num_classes\": 0")))
    #expect(backbone.numClasses == 1000 && backbone.imageSize == 518)
    #expect(
      message(Self.saved("test_vit", #""img_size": [224, 192]"#))
        == "config.json: its \"img_size\" is [224, 192]; squares are read")
    #expect(
      message(Self.saved("test_vit", #""in_chans": 1"#))
        == "config.json: its images have 1 channels; three are read")
  }

  /// From `facebook/dinov2-small-imagenet1k-1-layer`.
  private static let dinov2 = """
    {"architectures": ["Dinov2ForImageClassification"], "hidden_act": "gelu", "hidden_size": 384,
     "id2label": {"0": "a", "1": "b", "2": "c"}, "image_size": 518, "layer_norm_eps": 1e-06,
     "mlp_ratio": 4, "model_type": "dinov2", "num_attention_heads": 6, "num_channels": 3,
     "num_hidden_layers": 12, "patch_size": 14, "qkv_bias": true, "use_swiglu_ffn": false}
    """
  private static let bit = """
    {"crop_size": {"height": 224, "width": 224}, "do_center_crop": true, "do_convert_rgb": true,
     "do_normalize": true, "do_rescale": true, "do_resize": true,
     "image_mean": [0.485, 0.456, 0.406], "image_processor_type": "BitImageProcessor",
     "image_std": [0.229, 0.224, 0.225], "resample": 3, "rescale_factor": 0.00392156862745098,
     "size": {"shortest_edge": 256}}
    """

  @Test func `Hugging Face's DINOv2 runs at its crop size`() throws {
    let entry = try read(Self.dinov2, Self.bit)
    let sizes = try vit(entry)
    let own = try vit(#require(ModelRegistry.entry(named: "vit_small_patch14_dinov2")))
    var expected = own
    expected.numClasses = 3
    expected.positionInterpolation = .huggingFace
    #expect(sizes == expected)
    #expect(
      entry.preprocessing
        == Preprocessing(
          resize: 256, crop: 224, mean: Preprocessing.imageNetMean,
          std: Preprocessing.imageNetStd))
  }

  /// From `google/vit-base-patch16-224`.
  @Test func `Hugging Face's ViT resizes without keeping the aspect ratio`() throws {
    let labels = (0..<1000).map { "\"\($0)\": \"x\"" }.joined(separator: ", ")
    let config = """
      {"architectures": ["ViTForImageClassification"], "hidden_act": "gelu", "hidden_size": 768,
       "id2label": {\(labels)}, "image_size": 224, "intermediate_size": 3072,
       "layer_norm_eps": 1e-12, "model_type": "vit", "num_attention_heads": 12, "num_channels": 3,
       "num_hidden_layers": 12, "patch_size": 16, "qkv_bias": true}
      """
    let images = """
      {"do_normalize": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5],
       "image_std": [0.5, 0.5, 0.5], "size": 224}
      """
    let entry = try read(config, images)
    var expected = ViTArchitecture(embedDim: 768, numHeads: 12)
    expected.normEpsilon = 1e-12
    expected.positionInterpolation = .huggingFace
    #expect(try vit(entry) == expected)
    #expect(
      entry.preprocessing
        == Preprocessing(
          resize: 224, crop: 224, interpolation: .bilinear, fit: .bothSides,
          mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]))
  }

  /// From `microsoft/swin-tiny-patch4-window7-224`.
  @Test func `Hugging Face's Swin resizes without keeping the aspect ratio`() throws {
    let config = """
      {"architectures": ["SwinForImageClassification"], "depths": [2, 2, 6, 2], "embed_dim": 96,
       "hidden_act": "gelu", "hidden_size": 768, "id2label": {"0": "a", "1": "b"},
       "image_size": 224, "layer_norm_eps": 1e-05, "mlp_ratio": 4.0, "model_type": "swin",
       "num_channels": 3, "num_heads": [3, 6, 12, 24], "patch_size": 4, "qkv_bias": true,
       "use_absolute_embeddings": false, "window_size": 7}
      """
    let images = """
      {"do_normalize": true, "do_resize": true, "feature_extractor_type": "ViTFeatureExtractor",
       "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3,
       "size": 224}
      """
    let entry = try read(config, images)
    var expected = Swin(embedDim: 96, depths: [2, 2, 6, 2], numHeads: [3, 6, 12, 24])
    expected.numClasses = 2
    #expect(entry.architecture as? Swin == expected)
    #expect(entry.preprocessing.resize == 224 && entry.preprocessing.fit == .bothSides)
    #expect(
      message(config.replacing("[3, 6, 12, 24]", with: "[5, 6, 12, 24]"), images)
        == "config.json: its \"num_heads\" do not divide the widths of its stages")
    #expect(
      message(config.replacing("\"window_size\": 7", with: "\"window_size\": 0"), images)
        == "config.json: \"window_size\" is missing, or no whole number from 1 to 1000000")
  }

  /// From `facebook/convnext-tiny-224`; at 384, its processor does not keep the aspect ratio.
  @Test(arguments: [(224, 256, false), (384, 384, true)])
  func `Hugging Face's ConvNeXt crops except at the largest size`(
    size: Int, resize: Int, isSquashed: Bool
  ) throws {
    let entry = try read(
      """
      {"architectures": ["ConvNextForImageClassification"], "depths": [3, 3, 9, 3],
       "hidden_act": "gelu", "hidden_sizes": [96, 192, 384, 768], "id2label": {"0": "a"},
       "image_size": 224, "layer_norm_eps": 1e-12, "layer_scale_init_value": 1e-06,
       "model_type": "convnext", "num_channels": 3, "num_stages": 4, "patch_size": 4}
      """,
      """
      {"crop_pct": 0.875, "do_normalize": true, "do_resize": true,
       "feature_extractor_type": "ConvNextFeatureExtractor",
       "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "resample": 3,
       "size": \(size)}
      """)
    var expected = ConvNeXt(dims: [96, 192, 384, 768], depths: [3, 3, 9, 3])
    (expected.imageSize, expected.numClasses) = (size, 1)
    #expect(entry.architecture as? ConvNeXt == expected)
    #expect(
      entry.preprocessing
        == Preprocessing(
          resize: resize, crop: size, fit: isSquashed ? .bothSides : .shorterSide,
          mean: Preprocessing.imageNetMean, std: Preprocessing.imageNetStd))
  }

  /// From `apple/mobilevit-x-small`.
  @Test func `Hugging Face's MobileViT uses unnormalized BGR images`() throws {
    let config = """
      {"architectures": ["MobileViTForImageClassification"], "conv_kernel_size": 3,
       "expand_ratio": 4.0, "hidden_act": "silu", "hidden_sizes": [96, 120, 144],
       "id2label": {"0": "a"}, "image_size": 256, "layer_norm_eps": 1e-05, "mlp_ratio": 2.0,
       "model_type": "mobilevit", "neck_hidden_sizes": [16, 32, 48, 64, 80, 96, 384],
       "num_attention_heads": 4, "num_channels": 3, "output_stride": 32, "patch_size": 2,
       "qkv_bias": true}
      """
    let images = """
      {"crop_size": 256, "do_center_crop": true, "do_flip_channel_order": true, "do_resize": true,
       "feature_extractor_type": "MobileViTFeatureExtractor", "resample": 2, "size": 288}
      """
    let entry = try read(config, images)
    var expected = try #require(
      ModelRegistry.entry(named: "mobilevit_xs")?.architecture as? MobileViT)
    expected.numClasses = 1
    #expect(entry.architecture as? MobileViT == expected)
    #expect(
      entry.preprocessing
        == Preprocessing(
          resize: 288, crop: 256, interpolation: .bilinear, mean: [0, 0, 0],
          std: [1, 1, 1]))
    #expect(
      message(config, images.replacing("order\": true", with: "order\": false"))
        == "preprocessor_config.json: \"do_flip_channel_order\" is false, which is not read for a "
        + "model of type mobilevit")
    #expect(
      try read(config).preprocessing
        == ModelRegistry.entry(named: "mobilevit_xs")?.preprocessing)
  }

  /// From `facebook/deit-small-distilled-patch16-224`.
  @Test func `Hugging Face's distilled DeiT has two classifiers`() throws {
    let config = """
      {"architectures": ["DeiTForImageClassificationWithTeacher"], "hidden_size": 384,
       "id2label": {"0": "a"}, "model_type": "deit", "num_attention_heads": 6,
       "num_hidden_layers": 12, "intermediate_size": 1536}
      """
    let images = """
      {"crop_size": 224, "do_center_crop": true, "do_resize": true, "do_normalize": true,
       "feature_extractor_type": "DeiTFeatureExtractor", "resample": 3, "size": 256,
       "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
      """
    let entry = try read(config, images)
    #expect(try vit(entry).distilled)
    #expect(entry.preprocessing.fit == .bothSides)
    #expect(entry.preprocessing.resize == 256)
    #expect(entry.preprocessing.crop == 224)
    // The distillation token exists, but no classifier reads it.
    let one = try vit(read(config.replacing("WithTeacher", with: ""), images))
    #expect(!one.distilled && one.registers == 1 && one.noEmbedClass == false)
    #expect(one.head == .token && one.prefixTokens == 2 && one.positionedPrefix == 2)
    #expect(
      message(config.replacing("ForImageClassificationWithTeacher", with: "Model"))
        == "config.json: it is of DeiTModel, which classifies nothing; "
        + "DeiTForImageClassificationWithTeacher and DeiTForImageClassification are known")
  }

  @Test func `unsupported configurations are reported`() {
    #expect(message("[]") == "config.json: it is no JSON object")
    #expect(message("{}").hasPrefix("config.json: it has neither timm's \"architecture\" nor"))
    #expect(
      message(#"{"architecture": "resnet50"}"#).hasPrefix(
        "config.json: its architecture \"resnet50\" is none of the models that are known"))
    #expect(
      message(#"{"model_type": "bert"}"#).hasPrefix(
        "config.json: its model_type \"bert\" is not known; known are vit, deit, dinov2"))
    #expect(
      message(Self.dinov2.replacing("\"gelu\"", with: "\"relu\""))
        == #"config.json: its "hidden_act" is "relu", and "gelu" is known"#)
    #expect(
      message(Self.dinov2, Self.bit.replacing("\"resample\": 3", with: "\"resample\": 1"))
        .hasPrefix("preprocessor_config.json: its images are resized by \"lanczos\""))
    #expect(
      message(Self.deit.replacing("0.9", with: "1.9"))
        == "config.json: its \"crop_pct\" is 1.9; it lies from 0.001 to 1")
    #expect(
      message(Self.deit.replacing("0.9", with: "1e-320")).contains("it lies from 0.001 to 1"))
    #expect(
      message(Self.deit.replacing("224, 224", with: "9000000000000000000, 9000000000000000000"))
        .hasPrefix("config.json: "))
    #expect(
      message(
        Self.deit.replacing(
          "\"pretrained_cfg\"", with: #""model_args": {"norm_layer": "rmsnorm"}, "pretrained_cfg""#)
      )
        == "config.json: its model was made with \"norm_layer\": \"rmsnorm\", which is not known "
        + "here; name the model and its sizes under \"architecture\"")
  }
}
