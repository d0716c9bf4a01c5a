// swift-tools-version: 6.2
import PackageDescription

let common: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// Modules whose sources hold no unsafe expression at all. `TidyTests` names the homes of unsafe
/// code.
let safe: [SwiftSetting] =
    common + [
        .strictMemorySafety(),
        .treatWarning("StrictMemorySafety", as: .error),
    ]

let package = Package(
    name: "carillon",
    products: [
        .library(name: "Gateway", targets: ["Gateway"]),
        .executable(name: "carillon", targets: ["carillon"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CLibuv", path: "CShims/CLibuv", pkgConfig: "libuv",
            providers: [.apt(["libuv1-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "CShims/COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CZlib", path: "CShims/CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CSQLite", path: "CShims/CSQLite", pkgConfig: "sqlite3",
            providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CLinux", path: "CShims/CLinux"),

        .target(name: "Bytes", swiftSettings: common),
        .target(name: "Wire", dependencies: ["Bytes"], swiftSettings: safe),
        .target(name: "Ring", swiftSettings: common),
        .target(name: "Loops", dependencies: ["CLibuv"], swiftSettings: common),
        .target(name: "Signatures", dependencies: ["COpenSSL"], swiftSettings: common),
        .target(name: "TLS", dependencies: ["COpenSSL", "Bytes"], swiftSettings: common),
        .target(name: "Deflate", dependencies: ["CZlib", "Bytes"], swiftSettings: common),
        .target(name: "Store", dependencies: ["CSQLite", "Ring"], swiftSettings: common),
        .target(
            name: "Hub", dependencies: ["Bytes", "Wire", "Ring", "Signatures", "Deflate"],
            swiftSettings: safe),
        .target(
            name: "Gateway",
            dependencies: [
                "Bytes", "Wire", "Ring", "Loops", "TLS", "Signatures", "Hub", "Store",
            ],
            resources: [.embedInCode("DevPage/page.html")],
            swiftSettings: common),
        .target(
            name: "Client", dependencies: ["Bytes", "Wire", "TLS", "Signatures"],
            swiftSettings: common),
        .executableTarget(
            name: "carillon",
            dependencies: [
                "Gateway", "Client", "TLS",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: common),
        .executableTarget(
            name: "Chat", dependencies: ["Gateway"], path: "Examples/Chat",
            resources: [.embedInCode("page.html")], swiftSettings: common),

        .target(
            name: "Harness",
            dependencies: [.product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Benchmarks/Harness", swiftSettings: common),
        .executableTarget(
            name: "carillon-bench",
            dependencies: [
                "Harness", "COpenSSL", "CLinux",
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks/Load", swiftSettings: common),
        .executableTarget(name: "floor", path: "Benchmarks/Floor"),
        .target(
            name: "Workloads", dependencies: ["Hub", "Wire", "Ring", "Deflate", "Bytes"],
            path: "Benchmarks/Workloads", swiftSettings: common),
        // Replaces malloc in the programs that it is linked into: in none but this one.
        .target(name: "CCounting", path: "Benchmarks/Counting"),
        .executableTarget(
            name: "carillon-costs", dependencies: ["Workloads", "CCounting"],
            path: "Benchmarks/Costs", swiftSettings: common),
        .executableTarget(
            name: "carillon-parts",
            dependencies: [
                "Workloads", "Hub", "Harness", "CLinux",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks/Parts", swiftSettings: common),

        .testTarget(name: "BytesTests", dependencies: ["Bytes"], swiftSettings: common),
        .testTarget(name: "WireTests", dependencies: ["Wire", "Bytes"], swiftSettings: common),
        .testTarget(name: "RingTests", dependencies: ["Ring"], swiftSettings: common),
        .testTarget(name: "LoopsTests", dependencies: ["Loops"], swiftSettings: common),
        .testTarget(
            name: "TLSTests", dependencies: ["TLS", "Signatures", "Bytes", "COpenSSL"],
            swiftSettings: common),
        .testTarget(
            name: "DeflateTests", dependencies: ["Deflate", "Bytes"], swiftSettings: common),
        .testTarget(
            name: "StoreTests", dependencies: ["Store", "Ring", "CSQLite"], swiftSettings: common),
        .testTarget(
            name: "HubTests", dependencies: ["Hub", "Wire", "Ring", "Bytes"],
            swiftSettings: common),
        .target(
            name: "Fuzzing", dependencies: ["Hub", "Wire", "Ring", "Deflate", "Bytes"],
            path: "Tests/Fuzz/Targets", swiftSettings: common),
        .testTarget(name: "FuzzTests", dependencies: ["Fuzzing"], swiftSettings: common),
        .testTarget(
            name: "LoadTests", dependencies: ["carillon-bench", "Harness"], swiftSettings: common),
        .testTarget(name: "TidyTests", swiftSettings: common),
        .testTarget(
            name: "ClientTests",
            dependencies: ["Client", "Gateway", "Loops", "TLS", "Wire", "Bytes", "Signatures"],
            swiftSettings: common),
        .testTarget(
            name: "GatewayTests",
            dependencies: ["Gateway", "Hub", "Loops", "Bytes", "Ring", "Wire"],
            swiftSettings: common),
    ],
    swiftLanguageModes: [.v6]
)

// Links libFuzzer, which no other build has: `make fuzz`.
if Context.environment["CARILLON_FUZZ"] != nil {
    package.targets += [
        .systemLibrary(name: "CFuzzer", path: "CShims/CFuzzer"),
        .executableTarget(
            name: "carillon-fuzz", dependencies: ["Fuzzing", "CFuzzer"], path: "Tests/Fuzz/Main",
            swiftSettings: common),
    ]
}

// Times the workloads with a package that nothing else needs: `make bench-micro`.
if Context.environment["CARILLON_MICRO"] != nil {
    package.dependencies += [
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: [])
    ]
    package.targets += [
        .executableTarget(
            name: "Micro",
            dependencies: ["Workloads", .product(name: "Benchmark", package: "benchmark")],
            path: "Benchmarks/Micro", swiftSettings: common,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
    ]
}
