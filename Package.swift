// swift-tools-version: 6.2
import PackageDescription

// Native libraries are unpacked here by `make setup`; naming them by the package's own folder is what lets a plain
// `swift build` and `swift test` work with no environment variable set.
let duckDB = "\(Context.packageDirectory)/.deps/duckdb"

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]
/// For every target outside the bindings: no unsafe pointer may appear in it.
let pure: [SwiftSetting] = strict + [.strictMemorySafety()]
let duckDBHeader: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-I\(duckDB)/include"])]
let duckDBLibrary: [LinkerSetting] = [
    // $ORIGIN lets a copied program find the library beside itself.
    .unsafeFlags(
        ["-L\(duckDB)/lib"] + ["\(duckDB)/lib", "$ORIGIN"].flatMap { ["-Xlinker", "-rpath", "-Xlinker", $0] }
    )
]

let package = Package(
    name: "duet",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        .executableTarget(
            name: "duet",
            dependencies: [
                "DuckKit", "DuetCompare", "DuetEngine", "DuetEvents", "DuetExpression", "DuetFactory", "DuetFetch",
                "DuetInference", "DuetLineage", "DuetPipeline", "DuetProcedural", "DuetReport", "DuetServe",
                "DuetSpark", "DuetStudio",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "duet-bench",
            dependencies: [
                "DuckKit", "DuetCompare", "DuetDeclarative", "DuetEngine", "DuetEvents", "DuetExpression",
                "DuetFactory", "DuetFetch", "DuetInference", "DuetLineage", "DuetMaintenance", "DuetPipeline",
                "DuetProcedural", "DuetReport", "DuetServe", "DuetTPC",
            ],
            path: "Benchmarks/duet-bench",
            swiftSettings: strict
        ),
        .target(
            name: "DuetTPC",
            dependencies: ["DuckKit", "DuetMaintenance", "DuetPipeline"],
            path: "Benchmarks/DuetTPC",
            swiftSettings: strict
        ),
        .systemLibrary(name: "CDuckDB"),
        .systemLibrary(name: "CCurl"),
        .systemLibrary(name: "COpenSSL"),
        .target(
            name: "DuckKit",
            dependencies: ["CDuckDB"],
            swiftSettings: strict + duckDBHeader,
            linkerSettings: duckDBLibrary
        ),
        .target(name: "DuetFetch", dependencies: ["CCurl", "COpenSSL"], swiftSettings: strict),
        .target(
            name: "DuetPipeline",
            dependencies: [.product(name: "Yams", package: "Yams")],
            swiftSettings: pure
        ),
        .target(name: "DuetExpression", swiftSettings: pure),
        .target(name: "DuetEvents", dependencies: ["DuetPipeline"], swiftSettings: pure),
        .target(name: "DuetFactory", dependencies: ["DuetExpression", "DuetPipeline"], swiftSettings: pure),
        .target(
            name: "DuetInference",
            dependencies: ["COpenSSL", "DuckKit", "DuetEvents", "DuetFetch", "DuetPipeline"],
            swiftSettings: strict
        ),
        .target(
            name: "DuetEngine",
            dependencies: ["DuckKit", "DuetFetch", "DuetInference", "DuetPipeline", "DuetEvents"],
            swiftSettings: pure
        ),
        .target(
            name: "DuetProcedural",
            dependencies: [
                "DuckKit", "DuetEngine", "DuetEvents", "DuetExpression", "DuetFactory", "DuetFetch", "DuetInference",
                "DuetPipeline", "DuetServe",
            ],
            swiftSettings: pure
        ),
        .target(
            name: "DuetServe",
            dependencies: [
                "COpenSSL",
                .product(name: "FlyingFox", package: "FlyingFox"),
                .product(name: "FlyingSocks", package: "FlyingFox"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "DuetReport",
            dependencies: ["DuetEvents", "DuetPipeline", .product(name: "Mustache", package: "swift-mustache")],
            swiftSettings: pure
        ),
        .target(
            name: "DuetStudio",
            dependencies: [
                "DuckKit", "DuetCompare", "DuetEngine", "DuetEvents", "DuetFetch", "DuetLineage", "DuetPipeline",
                "DuetReport", "DuetServe",
                .product(name: "FlyingFox", package: "FlyingFox"),
                .product(name: "FlyingSocks", package: "FlyingFox"),
                .product(name: "Mustache", package: "swift-mustache"),
            ],
            resources: [.copy("Assets")],
            swiftSettings: pure
        ),
        .target(
            name: "DuetCompare",
            dependencies: [
                "DuckKit", "DuetDeclarative", "DuetEngine", "DuetEvents", "DuetFactory", "DuetFetch",
                "DuetInference", "DuetLineage", "DuetPipeline", "DuetProcedural", "DuetReport", "DuetServe",
            ],
            swiftSettings: pure
        ),
        .target(
            name: "DuetDeclarative",
            dependencies: [
                "DuckKit", "DuetEngine", "DuetEvents", "DuetInference", "DuetMaintenance", "DuetPipeline",
            ],
            swiftSettings: pure
        ),
        .target(name: "DuetMaintenance", dependencies: ["DuetPipeline"], swiftSettings: pure),
        .target(name: "DuetSpark", dependencies: ["DuetPipeline"], swiftSettings: pure),
        .testTarget(
            name: "DuetSparkTests",
            dependencies: ["DuckKit", "DuetEngine", "DuetEvents", "DuetPipeline", "DuetSpark", "DuetTestSupport"],
            swiftSettings: strict
        ),
        .target(
            name: "DuetLineage",
            dependencies: [
                "DuckKit", "DuetEngine", "DuetEvents", "DuetFetch", "DuetPipeline", "DuetReport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: pure
        ),
        .testTarget(
            name: "DuetLineageTests",
            dependencies: [
                "DuckKit", "DuetCompare", "DuetEngine", "DuetEvents", "DuetFactory", "DuetFetch", "DuetLineage",
                "DuetPipeline", "DuetProcedural", "DuetReport", "DuetServe", "DuetTestSupport",
            ],
            exclude: ["Resources"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "DuetMaintenanceTests",
            dependencies: ["DuckKit", "DuetMaintenance", "DuetPipeline", "DuetTPC", "DuetTestSupport"],
            swiftSettings: strict
        ),
        .testTarget(name: "DuetFetchTests", dependencies: ["DuetFetch", "DuetServe"], swiftSettings: strict),
        .testTarget(
            name: "DuetInferenceTests",
            dependencies: [
                "DuckKit", "DuetEvents", "DuetFetch", "DuetInference", "DuetPipeline", "DuetServe", "DuetTestSupport",
            ],
            swiftSettings: strict
        ),
        .testTarget(name: "DuetServeTests", dependencies: ["DuetServe"], swiftSettings: strict),
        .testTarget(name: "DuckKitTests", dependencies: ["DuckKit"], swiftSettings: strict),
        .testTarget(
            name: "DuetExpressionTests",
            dependencies: ["DuetExpression"],
            exclude: ["Resources"],
            swiftSettings: strict
        ),
        .target(
            name: "DuetTestSupport",
            dependencies: [
                "DuckKit", "DuetCompare", "DuetEngine", "DuetEvents", "DuetFetch", "DuetPipeline", "DuetReport",
            ],
            path: "Tests/DuetTestSupport",
            swiftSettings: strict
        ),
        .testTarget(
            name: "DuetStudioTests",
            dependencies: [
                "DuetEngine", "DuetPipeline", "DuetStudio", "DuetTestSupport",
                .product(name: "FlyingFox", package: "FlyingFox"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "DuetPipelineTests",
            dependencies: ["DuetPipeline", "DuetTestSupport"],
            exclude: ["Snapshots"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "DuetEngineTests",
            dependencies: [
                "DuckKit", "DuetEngine", "DuetEvents", "DuetFetch", "DuetPipeline", "DuetServe", "DuetTestSupport",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "DuetFactoryTests",
            dependencies: ["DuetExpression", "DuetFactory", "DuetPipeline", "DuetTestSupport"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "DuetProceduralTests",
            dependencies: [
                "DuckKit", "DuetEngine", "DuetEvents", "DuetExpression", "DuetFactory", "DuetFetch", "DuetPipeline",
                "DuetProcedural", "DuetServe", "DuetTestSupport",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "DuetDeclarativeTests",
            dependencies: [
                "DuckKit", "DuetCompare", "DuetDeclarative", "DuetEngine", "DuetEvents", "DuetFetch", "DuetPipeline",
                "DuetProcedural", "DuetTestSupport",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "DuetCompareTests",
            dependencies: [
                "DuckKit", "DuetCompare", "DuetEngine", "DuetEvents", "DuetPipeline", "DuetReport", "DuetTPC",
                "DuetTestSupport",
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "DuetReportTests",
            dependencies: ["DuetEvents", "DuetPipeline", "DuetReport", "DuetTestSupport"],
            swiftSettings: strict
        ),
        .testTarget(
            name: "duetTests",
            dependencies: [
                "duet", "DuckKit", "DuetCompare", "DuetEngine", "DuetEvents", "DuetFetch", "DuetLineage",
                "DuetPipeline",
                "DuetReport", "DuetServe", "DuetTestSupport",
            ],
            swiftSettings: strict
        ),
    ],
    swiftLanguageModes: [.v6]
)
