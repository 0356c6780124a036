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
    .unsafeFlags(["-L\(duckDB)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(duckDB)/lib", "-Xlinker", "-rpath", "-Xlinker", "$ORIGIN"])
]

let package = Package(
    name: "duet",
    dependencies: [
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CDuckDB"),
        .target(
            name: "DuckKit",
            dependencies: ["CDuckDB"],
            swiftSettings: strict + duckDBHeader,
            linkerSettings: duckDBLibrary
        ),
        .target(
            name: "DuetPipeline",
            dependencies: [.product(name: "Yams", package: "Yams")],
            swiftSettings: pure
        ),
        .testTarget(name: "DuckKitTests", dependencies: ["DuckKit"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
