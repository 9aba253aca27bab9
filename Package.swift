// swift-tools-version: 6.1
import PackageDescription

// `swift run` builds the debug configuration, and the main job must be fast as typed: hot targets
// are optimized in every configuration. Root packages may use unsafe flags.
let hotSwift: [SwiftSetting] = [.unsafeFlags(["-O"])]
let hotC: [CSetting] = [
  .unsafeFlags(["-O3", "-fno-math-errno", "-fno-trapping-math"])
]

let package = Package(
  name: "lab",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "lab", targets: ["lab"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
  ],
  targets: [
    // System libraries and C.
    .systemLibrary(
      name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libjpeg",
      providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(
      name: "CWebP", pkgConfig: "libwebpdemux",
      providers: [.apt(["libwebp-dev"]), .brew(["webp"])]),
    .systemLibrary(
      name: "CTIFF", pkgConfig: "libtiff-4",
      providers: [.apt(["libtiff-dev"]), .brew(["libtiff"])]),
    // SHA-256 and SHA-1; CryptoKit on macOS.
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "libcrypto",
      providers: [.apt(["libssl-dev"]), .brew(["openssl"])]),
    // Codecs report errors by longjmp, which must not cross Swift.
    .target(
      name: "CImageCodecs", dependencies: ["CPNG", "CTurboJPEG", "CWebP", "CTIFF"],
      exclude: ["README.md"], cSettings: hotC),
    // Opened at run time: neither a build nor a run with our own products needs it.
    .target(name: "COpenBLAS", exclude: ["README.md"]),
    .target(name: "CKernels", exclude: ["README.md"], cSettings: hotC),

    .plugin(name: "BuildCommit", capability: .buildTool()),
    .plugin(name: "EmbedText", capability: .buildTool()),

    // Rooms, from the ground up.
    .target(
      name: "Files",
      dependencies: [.target(name: "COpenSSL", condition: .when(platforms: [.linux]))],
      exclude: ["README.md"], swiftSettings: hotSwift),
    .target(name: "Support", exclude: ["README.md"], swiftSettings: hotSwift),
    .target(name: "Records", exclude: ["README.md"], swiftSettings: hotSwift),
    .target(
      name: "Measurement", dependencies: ["Records", "Support"], exclude: ["README.md"],
      swiftSettings: hotSwift),
    .target(
      name: "Tensors", dependencies: ["Files", "Records", "Support"], exclude: ["README.md"],
      swiftSettings: hotSwift),
    // Weights as people have them.
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .target(
      name: "Checkpoints", dependencies: ["CZlib", "Files", "Tensors"], exclude: ["README.md"],
      swiftSettings: hotSwift),
    // Models of the Hugging Face Hub; libcurl is opened at run time.
    .target(name: "CCurl", exclude: ["README.md"]),
    .target(
      name: "Hub",
      dependencies: ["CCurl", "Files"],
      exclude: ["README.md"]),
    .target(
      name: "CPUBackend", dependencies: ["Support", "Files", "Tensors", "CKernels", "COpenBLAS"],
      exclude: ["README.md"], swiftSettings: hotSwift),
    // Our own declarations of CUDA's libraries, which are opened at run time: nothing of CUDA is
    // needed here.
    .target(name: "CCUDA", exclude: ["README.md"]),
    .target(
      name: "CUDABackend", dependencies: ["Support", "Files", "Tensors", "Records", "CCUDA"],
      exclude: ["README.md", "Kernels"], swiftSettings: hotSwift, plugins: ["EmbedText"]),
    .target(
      name: "ImageCoding", dependencies: ["CImageCodecs", "CKernels", "CPNG", "Files", "Records"],
      exclude: ["README.md"], swiftSettings: hotSwift),
    .target(
      name: "Datasets", dependencies: ["Support", "Files", "ImageCoding", "Records", "Tensors"],
      exclude: ["README.md", "Resources"], swiftSettings: hotSwift, plugins: ["EmbedText"]),
    .target(
      name: "TokenReduction", dependencies: ["CKernels", "Support", "Tensors", "Records"],
      exclude: ["README.md"],
      swiftSettings: hotSwift),
    .target(
      name: "VisionModels",
      dependencies: [
        "Checkpoints", "Files", "Support", "Tensors", "TokenReduction", "Records",
      ],
      exclude: ["README.md"],
      swiftSettings: hotSwift),
    .target(
      name: "SimulatedDevices",
      dependencies: [
        "Support", "Files", "Records", "Tensors", "TokenReduction", "VisionModels",
      ],
      exclude: ["README.md", "device.schema.json", "Devices"], swiftSettings: hotSwift,
      plugins: ["EmbedText"]),
    .target(
      name: "Goldens",
      dependencies: ["Support", "VisionModels", "TokenReduction", "Tensors", "Records"],
      exclude: ["README.md"]),
    .target(
      name: "Experiments",
      dependencies: [
        "Support", "Files", "Records", "Measurement", "Tensors", "ImageCoding", "Datasets",
        "Hub", "TokenReduction", "VisionModels", "SimulatedDevices",
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      exclude: ["README.md"], swiftSettings: hotSwift, plugins: ["BuildCommit"]),
    .target(
      name: "Reporting",
      dependencies: ["Support", "Files", "Records", "Measurement"],
      exclude: ["README.md", "Resources"], swiftSettings: hotSwift, plugins: ["EmbedText"]),
    .executableTarget(
      name: "kernel-benchmarks", dependencies: ["CKernels", "Measurement"],
      path: "Benchmarks/Kernels", swiftSettings: hotSwift),
    .executableTarget(
      name: "lab",
      dependencies: [
        "Files", "Support", "Records", "Measurement", "Tensors", "CPUBackend", "CUDABackend",
        "ImageCoding", "Checkpoints", "Datasets", "Hub", "TokenReduction", "VisionModels",
        "SimulatedDevices", "Goldens", "Experiments", "Reporting",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["README.md"]),

    // Tests mirror Sources.
    .target(
      name: "_TestSupport",
      dependencies: ["Files", "Support", "Tensors", "Goldens", "VisionModels"],
      path: "Tests/_TestSupport",
      swiftSettings: hotSwift),
    // Changed inputs for everything that reads files (Scripts/drill.py).
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "Support", "Checkpoints", "Files", "Records", "Tensors", "CPUBackend", "CUDABackend",
        "ImageCoding",
        "Datasets", "Experiments", "Reporting", "SimulatedDevices", "VisionModels",
      ], path: "Tests/Fuzz", exclude: ["Seeds", "README.md", "make_seeds.py", "tokens.dict"],
      swiftSettings: hotSwift),
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
    .target(
      name: "CSIMTHarness", path: "Tests/CSIMTHarness", exclude: ["README.md"],
      cxxSettings: [
        .headerSearchPath("."), .unsafeFlags(["-std=c++17", "-O2", "-fno-strict-aliasing"]),
      ]),
    .target(
      name: "CPTXInterpreter", path: "Tests/CPTXInterpreter", exclude: ["README.md"],
      cxxSettings: [.unsafeFlags(["-std=c++17", "-O2"])]),
    .testTarget(name: "HubTests", dependencies: ["Hub", "_TestSupport"]),
    .testTarget(name: "SupportTests", dependencies: ["Support"]),
    .testTarget(name: "FilesTests", dependencies: ["Files"]),
    .testTarget(name: "RecordsTests", dependencies: ["Records"]),
    .testTarget(name: "MeasurementTests", dependencies: ["Support", "Measurement", "Records"]),
    .testTarget(
      name: "CheckpointsTests",
      dependencies: ["Checkpoints", "Files", "Support", "Tensors", "_TestSupport"]),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
    .testTarget(
      name: "CPUBackendTests",
      dependencies: ["Support", "CPUBackend", "CKernels", "Files", "Tensors", "_TestSupport"],
      swiftSettings: hotSwift),
    .target(name: "CFakeCUDA", path: "Tests/CFakeCUDA", cSettings: hotC),
    .testTarget(
      name: "CUDABackendTests",
      dependencies: [
        "CUDABackend", "CCUDA", "CFakeCUDA", "CSIMTHarness", "CPUBackend", "Experiments", "Files",
        "ImageCoding", "VisionModels", "TokenReduction", "Records", "Measurement", "Tensors",
        "Goldens",
        "_TestSupport",
      ], exclude: ["check_headers.cpp", "check_nvml.cpp", "check_shapes.hpp"],
      swiftSettings: hotSwift),
    .testTarget(
      name: "CUDAKernelTests",
      dependencies: [
        "CSIMTHarness", "CPTXInterpreter", "CPUBackend", "Tensors", "_TestSupport",
      ],
      swiftSettings: hotSwift),
    .testTarget(
      name: "ImageCodingTests",
      dependencies: ["Files", "ImageCoding", "Records", "Tensors", "_TestSupport"],
      swiftSettings: hotSwift),
    .testTarget(
      name: "DatasetsTests",
      dependencies: ["Datasets", "Files", "ImageCoding", "Records", "_TestSupport"]),
    .testTarget(
      name: "TokenReductionTests",
      dependencies: [
        "TokenReduction", "Records", "CPUBackend", "Tensors", "VisionModels", "_TestSupport",
      ]),
    .testTarget(
      name: "VisionModelsTests",
      dependencies: [
        "Support",
        "VisionModels", "TokenReduction", "Records", "CPUBackend", "Tensors", "Goldens", "Files",
        "_TestSupport", "CAllocationCounter", "CKernels",
      ], swiftSettings: hotSwift),
    .testTarget(
      name: "SimulatedDevicesTests",
      dependencies: [
        "SimulatedDevices", "VisionModels", "TokenReduction", "Records", "Tensors",
      ], swiftSettings: hotSwift),
    .testTarget(
      name: "ExperimentsTests",
      dependencies: [
        "Support",
        "Experiments", "ImageCoding", "Records", "Measurement", "Datasets", "TokenReduction",
        "VisionModels", "CPUBackend", "CUDABackend", "Tensors", "_TestSupport",
      ]),
    .testTarget(
      name: "LabTests",
      dependencies: [
        "lab", "Goldens", "Records", "Tensors", "VisionModels", "_TestSupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["slurm-node.sh"]),
    .testTarget(
      name: "ReportingTests",
      dependencies: [
        "Files", "Support", "Reporting", "Records", "Measurement", "_TestSupport",
      ],
      exclude: ["Fixtures"]),
  ]
)

// Some of the tests alone, as Scripts/sanitize.sh builds them: names of their targets.
if let wanted = Context.environment["LAB_TESTS"]?.split(separator: " ").map(String.init) {
  package.targets.removeAll { $0.type == .test && !wanted.contains($0.name) }
}
