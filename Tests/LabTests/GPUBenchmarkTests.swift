#if os(Linux)
  import Foundation
  import Testing
  import _TestSupport

  /// `Benchmarks/gpu_peers.py` with failing programs: what was measured is kept.
  ///
  /// PyTorch and lab are replaced by stubs, so that neither is needed.
  @Suite struct GPUBenchmarkTests {
    /// The part of PyTorch that the program uses before it opens a model, which then fails.
    private static let torch = """
      import contextlib
      float32 = float16 = bfloat16 = None
      __version__ = "0"
      class _Flag: allow_tf32 = False
      class _Backends: pass
      backends = _Backends()
      backends.cuda = _Backends(); backends.cuda.matmul = _Flag(); backends.cudnn = _Flag()
      class _dynamo:
          @staticmethod
          def reset(): pass
      def set_num_threads(n): pass
      def manual_seed(n): raise RuntimeError("no such thing here")
      nn = _Backends(); nn.Module = object; nn.functional = None
      inference_mode = contextlib.nullcontext
      """

    /// Writes two records for the first batch size, and fails for the second.
    private static let lab = """
      import json, pathlib, sys
      spec = json.load(open(sys.argv[2]))
      if spec["batch_size"] == 8:
          sys.exit("the card is lost")
      folder = pathlib.Path(sys.argv[4]) / "peers"
      folder.mkdir()
      with open(folder / "a.jsonl", "w") as file:
          for method in spec["methods"]:
              name = method.pop("method")
              file.write(json.dumps({"environment": {"blas": "b", "driver": "d"},
                  "trial": {"method": {"name": name, "parameters": method}},
                  "result": {"samples_ms": [2.5, 2.5], "card_ms": 2.25, "cost": {"macs": 1}}}) + "\\n")
      """

    @Test func `a failed trial leaves only its cell empty`() throws {
      let place = try Workplace()
      func write(_ name: String, _ text: String) throws {
        try Data((text + "\n").utf8).write(to: place.url.appendingPathComponent(name))
      }
      try write("torch.py", Self.torch)
      try write("timm.py", "")
      try write("pruning.py", "Pruned = None")
      try write("lab.py", Self.lab)
      for name in ["gpu_peers.py", "contenders.py"] {
        try FileManager.default.copyItem(
          at: Fixtures.root.deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Benchmarks/\(name)"),
          to: place.url.appendingPathComponent(name))
      }
      let table = place.url.appendingPathComponent("out.md")
      let python = Process()
      python.executableURL = URL(filePath: "/usr/bin/env")
      python.arguments = [
        "python3", place.url.appendingPathComponent("gpu_peers.py").path, "--device", "cpu",
        "--lab", "python3 \(place.url.appendingPathComponent("lab.py").path)", "--models", "vit_m",
        "--cells", "1:float32", "8:float32", "--rounds", "2", "--state",
        place.url.appendingPathComponent("state.json").path, "--out", table.path,
      ]
      let pipe = Pipe()
      (python.standardOutput, python.standardError) = (pipe, pipe)
      try python.run()
      let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      python.waitUntilExit()
      #expect(python.terminationStatus == 0, "\(said)")
      let text = try String(contentsOf: table, encoding: .utf8)
      #expect(text.contains("| vit_m | 1 | float32 | lab | 2.500 |  | 2.250 |"), "\(text)\(said)")
      #expect(text.contains("- vit_m, batch 8, float32, the cell: Failed: "), "\(text)")
      #expect(text.contains("the card is lost"))
      #expect(
        text.contains("- vit_m, batch 1, float32, PyTorch eager: RuntimeError: no such thing"))
    }
  }
#endif
