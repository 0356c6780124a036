import DuetFactory
import DuetPipeline
import Foundation

/// Checks of Azure Data Factory folders, for `duet validate`.
enum FactoryValidation {
    /// Whether a folder holds factories rather than a duet pipeline.
    static func isFactory(_ path: String) -> Bool {
        !FileManager.default.fileExists(atPath: "\(path)/pipeline.yml")
    }

    /// Prints findings and counts.
    ///
    /// - Throws: ``DuetErrors`` when a pipeline cannot run.
    static func run(_ path: String, isQuiet: Bool) throws {
        let factories = try Factory.load(all: path)
        guard !factories.isEmpty else {
            throw DuetError(
                .missingFile,
                "'\(path)' holds neither a pipeline.yml nor a data factory",
                hint: "give a folder with pipeline.yml, or one with pipeline/, dataset/, linkedService/"
            )
        }
        if !isQuiet {
            for finding in factories.flatMap(\.findings) where finding.severity == .warning {
                Console.note(finding.description)
            }
        }
        Console.print(FactorySummary(factories).text)
        let errors = factories.flatMap(\.errors)
        if !errors.isEmpty { throw DuetErrors(errors) }
    }
}
