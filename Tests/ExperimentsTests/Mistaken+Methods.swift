import Experiments

/// Errors in methods, in how r is chosen, and in grids.
extension Mistaken {
  /// Methods.
  static let methods: [Mistaken] = [
    Mistaken(
      "a misspelt method",
      #"{"model": "demo_vit", "methods": [{"method": "topq", "r": 3}]}"#,
      #"a.json: methods[0].method: "topq" is not a method; did you mean 'topk'?"#),
    Mistaken(
      "an entry without a method",
      #"{"model": "demo_vit", "methods": [{"r": 3}]}"#,
      #"a.json: methods[0]: the key 'method' is missing; it must be one of none, "#
        + "none_explicit, random, "
        + #"topk, evit, tome, tail_effect, dynamicvit, diffrate, pitome, tofu, ppt, ats, dpcknn, "#
        + #"kmedoids, gtp, mctf, atc, dct, zero_tprune, representation_shift, tome_importance, compose"#
    ),
    Mistaken(
      "a bare name for an entry",
      #"{"model": "demo_vit", "methods": ["none"]}"#,
      #"a.json: methods[0]: "none" has the wrong type; it must be an object such as "#
        + #"{"method": "topk", "r": 8}"#),
    Mistaken(
      "a missing r",
      #"{"model": "demo_vit", "methods": [{"method": "topk"}]}"#,
      #"a.json: methods[0]: the key 'r' is missing; it must be a whole number from 0"#),
    Mistaken(
      "an r beyond the patch tokens",
      #"{"model": "deit_small_patch16_224", "methods": [{"method": "none"}, {"method": "#
        + #""random", "r": 300}], "accuracy": false}"#,
      #"a.json: methods[1].r: 300 exceeds the 196 patch tokens of deit_small_patch16_224; at "#
        + #"most 195 can go"#),
    Mistaken(
      "a misspelt key of a method",
      #"{"model": "demo_vit", "methods": [{"method": "evit", "keep_rate": 0.7, "layrs": [3]}]}"#,
      #"a.json: methods[0].layrs: unknown key; did you mean 'layers'?"#),
    Mistaken(
      "a block that the model does not have",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "r": 10, "layer": 12}]}"#,
      #"a.json: methods[0].layer: block 12 does not exist; demo_vit's 12 blocks are 0 to 11"#),
    Mistaken(
      "a percentage above a hundred",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "r": 10, "layer": "#
        + #""120%"}]}"#,
      #"a.json: methods[0].layer: "120%" is not a layer; it must be a block from 0 to 11, or "#
        + #"a percentage from "0%" to below "100%""#),
    Mistaken(
      "a keep rate of nothing",
      #"{"model": "demo_vit", "methods": [{"method": "evit", "keep_rate": 0}]}"#,
      #"a.json: methods[0].keep_rate: 0 is out of range; it must be a number above 0 up to 1"#),
    Mistaken(
      "a keep rate above one in a list",
      #"{"model": "demo_vit", "methods": [{"method": "evit", "keep_rate": [0.5, 1.5]}]}"#,
      #"a.json: methods[0].keep_rate[1]: 1.5 is out of range; it must be a number above 0 up "#
        + #"to 1"#),
    Mistaken(
      "an alpha above one",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "alpha": 1.5}]}"#,
      #"a.json: methods[0].alpha: 1.5 is out of range; it must be a number from 0 to 1"#),
    Mistaken(
      "alpha and r together",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "alpha": 0.5, "r": 3}]}"#,
      #"a.json: methods[0].alpha: alpha chooses r from measurements, and r is given; remove "#
        + #"one of the two"#),
    Mistaken(
      "a range that never ends",
      #"{"model": "demo_vit", "methods": [{"method": "topk", "r": {"range": [8, 2, 2]}}]}"#,
      #"a.json: methods[0].r: the range [8, 2, 2] never reaches its stop; change the sign of "#
        + #"the step"#),
    Mistaken(
      "a range of two numbers",
      #"{"model": "demo_vit", "methods": [{"method": "topk", "r": {"range": [8, 2]}}]}"#,
      #"a.json: methods[0].r: [8, 2] is not a range; a range is [start, stop, step], such as "#
        + #"[2, 8, 2]"#),
    Mistaken(
      "a range of a million",
      #"{"model": "demo_vit", "methods": [{"method": "topk", "r": {"range": [0, 1, 1e-06]}}]}"#,
      #"a.json: methods[0].r: the range [0, 1, 1e-06] has 1000001 values; at most 10000 are "#
        + #"taken, so a larger step is needed"#),
    Mistaken(
      "a negative r in a list",
      #"{"model": "demo_vit", "methods": [{"method": "topk", "r": [2, -2]}]}"#,
      #"a.json: methods[0].r[1]: -2 is out of range; it must be a whole number from 0"#),
    Mistaken(
      "an unknown feature",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "r": 5, "feature": "#
        + #""values"}]}"#,
      #"a.json: methods[0].feature: "values" is not known; choices are 'q', 'k', 'v', 'none'"#),
    Mistaken(
      "text for a switch",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "r": 5, "fused_token": "#
        + #""yes"}]}"#,
      #"a.json: methods[0].fused_token: "yes" has the wrong type; it must be true or false"#),
    Mistaken(
      "a score of nothing",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "r": 5, "feature": "#
        + #""none", "attention": false}]}"#,
      #"a.json: methods[0].feature: "none" with "attention": false leaves no score; keep one "#
        + #"of the two terms"#),
    Mistaken(
      "alpha without latency",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "alpha": 0.5}], "#
        + #""latency": false}"#,
      #"a.json: methods[0]: r is not given, so alpha chooses it from measured latency and "#
        + #"accuracy, and "latency" is false; give r itself"#),
    Mistaken(
      "alpha with random weights",
      #"{"model": "deit_tiny_patch16_224", "methods": [{"method": "tail_effect"}]}"#,
      #"a.json: methods[0]: r is not given, so alpha chooses it from measured latency and "#
        + #"accuracy, and deit_tiny_patch16_224 has random weights; give r itself"#),
    Mistaken(
      "a block twice",
      #"{"model": "demo_vit", "methods": [{"method": "evit", "keep_rate": 0.7, "layers": [3, "#
        + #"3]}]}"#,
      #"a.json: methods[0].layers: names a block twice: [3, 3]"#),
    Mistaken(
      "too many combinations",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "r": {"range": [1, 100, "#
        + #"1]}, "layer": {"range": [0, 11, 1]}, "attention_heads": ["max", "mean", "sum"], "#
        + #""feature_heads": ["max", "mean", "sum"]}]}"#,
      #"a.json: methods[0]: its lists multiply to more than 10000 combinations; shorten one "#
        + #"of them"#),
    Mistaken(
      "a disposal that does not go with its score",
      #"{"model": "demo_vit", "methods": [{"method": "compose", "score": "key_similarity", "#
        + #""disposal": "drop", "r": 5}]}"#,
      #"a.json: methods[0].disposal: "key_similarity" chooses pairs; it goes with "merge" "#
        + #"alone"#),
    Mistaken(
      "more pairs than tokens",
      #"{"model": "demo_vit", "methods": [{"method": "compose", "score": "key_similarity", "#
        + #""disposal": "merge", "r": 100}]}"#,
      #"a.json: methods[0].r: asks block 3 for 100 of 145 tokens; this method can remove at most "#
        + #"72 there"#),
    Mistaken(
      "a key of another schedule than the method's own",
      #"{"model": "demo_vit", "methods": [{"method": "evit", "keep_rate": 0.5, "layer": 3}]}"#,
      #"a.json: methods[0].layer: 3 has no meaning in the method's own schedule; add "#
        + #""schedule": "single", or remove it"#),
  ]

  /// Ways to choose r.
  static let searches: [Mistaken] = [
    Mistaken(
      "alpha with a schedule without a total",
      #"{"model": "demo_vit", "methods": [{"method": "topk", "alpha": 0.5, "#
        + #""schedule": "progressive"}]}"#,
      #"a.json: methods[0].schedule: alpha chooses how many tokens go in all, and "progressive" "#
        + #"says something else; it must be "single" or "spread""#),
    Mistaken(
      "alpha of tail_effect with a share",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "alpha": 0.5, "#
        + #""schedule": "keep_rate", "keep_rate": 0.7}]}"#,
      #"a.json: methods[0].schedule: alpha chooses how many tokens go in all, and "keep_rate" "#
        + #"says something else; it must be "single" or "spread""#),
    Mistaken(
      "a share of tail_effect without the share",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "schedule": "keep_rate"}]}"#,
      #"a.json: methods[0].keep_rate: is missing; the schedule "keep_rate" needs it"#),
    Mistaken(
      "a share that is to be as fast as another method",
      #"{"model": "demo_vit", "methods": [{"method": "tome", "r": 4}, {"method": "topk", "#
        + #""match_latency": "tome", "schedule": "keep_rate", "keep_rate": 0.7}]}"#,
      #"a.json: methods[1].schedule: match_latency chooses how many tokens go, and "keep_rate" "#
        + #"says something else; it must be "single" or "spread" or "progressive""#),
    Mistaken(
      "two ways to choose r",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "alpha": 0.5, "target_latency_ms": 3}]}"#,
      #"a.json: methods[0].alpha: alpha and target_latency_ms both choose r; remove one of the two"#
    ),
    Mistaken(
      "a target of no time",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "target_latency_ms": 0}]}"#,
      #"a.json: methods[0].target_latency_ms: 0 is out of range; it must be a number above 0 up to 1000000000"#
    ),
    Mistaken(
      "a target without accuracy",
      #"{"model": "demo_vit", "accuracy": false, "methods": [{"method": "tail_effect", "target_accuracy_drop": 1}]}"#,
      #"a.json: methods[0]: r is chosen from measured latency and accuracy, and "accuracy" is false; give r itself"#
    ),
    Mistaken(
      "a layer of a target that the model does not have",
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "target_accuracy_drop": 1, "layer": [3, 40]}]}"#,
      #"a.json: methods[0].layer[1]: block 40 does not exist; demo_vit's 12 blocks are 0 to 11"#),
    Mistaken(
      "a match of nothing",
      #"{"model": "demo_vit", "methods": [{"method": "topk", "match_latency": "tome"}]}"#,
      #"a.json: methods[0].match_latency: the spec has no other entry of "tome"; add one, or name another"#
    ),
    Mistaken(
      "a match of a match",
      #"{"model": "demo_vit", "methods": [{"method": "random", "r": 4}, {"method": "tome", "match_latency": "random"}, {"method": "topk", "match_latency": "tome"}]}"#,
      #"a.json: methods[2].match_latency: "tome" is itself matched to another; match what that is matched to"#
    ),
    Mistaken(
      "a match without latency",
      #"{"model": "demo_vit", "latency": false, "methods": [{"method": "random", "r": 4}, {"method": "tome", "match_latency": "random"}]}"#,
      #"a.json: methods[1].match_latency: r is chosen from measured latency, and "latency" is false; give r itself"#
    ),
  ]

  /// Grids.
  static let grids: [Mistaken] = [
    Mistaken(
      "a grid upside down",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "grid": {"start": 100, "stop": "#
        + #"50}}"#,
      #"a.json: grid.start: 100 is above grid.stop, which is 50; swap them"#),
    Mistaken(
      "a grid beyond the tokens",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "grid": {"stop": 500}}"#,
      #"a.json: grid.stop: 500 exceeds the 145 tokens of demo_vit, prefix included"#),
    Mistaken(
      "a grid without a patch token",
      #"{"model": {"name": "vit_small_patch14_reg4_dinov2"}, "methods": [{"method": "none"}], "#
        + #""accuracy": false, "grid": {"start": 4}}"#,
      #"a.json: grid.start: 4 leaves no patch token of vit_small_patch14_reg4_dinov2; it must "#
        + #"be from 6"#),
    Mistaken(
      "a stride of nothing",
      #"{"model": "demo_vit", "methods": [{"method": "none"}], "grid": {"stride": 0}}"#,
      #"a.json: grid.stride: 0 is out of range; it must be a whole number from 1"#),
  ]
}
