internal import DuckKit
internal import DuetEvents
internal import DuetPipeline
internal import Foundation

/// Pulls sources without running the pipeline; the next run finds them landed.
public enum SourceFetching {
    /// Brings sources up to date.
    ///
    /// - Parameters:
    ///   - request: The pipeline and where its files are kept.
    ///   - style: Whose landing folder and warehouse.
    ///   - names: The sources; empty for all.
    ///   - mode: Whether what is here and unchanged may stay.
    /// - Returns: How it went; one step a source.
    /// - Throws: ``DuetError`` when a name is no source's, or when the warehouse cannot be opened.
    public static func run(
        _ request: RunRequest,
        style: Style,
        sources names: [String] = [],
        mode: SourceReader.Mode = .conditional
    ) throws -> RunOutcome {
        let sources = try chosen(names, of: request.pipeline)
        return try RunSession.run(request, style: style) { session, connection in
            for source in sources {
                _ = session.attempt("source \(source.name)", kind: .transfer) { measures in
                    let known = try WarehouseState.known(connection, source: source.name)
                    _ = try session.land(
                        source,
                        style: style,
                        mode: mode,
                        known: known,
                        connection: { connection },
                        measures: &measures
                    )
                }
            }
        }
    }

    /// The sources of some names, in the order of pipeline.yml; all for no names.
    static func chosen(_ names: [String], of pipeline: Pipeline) throws -> [Source] {
        for name in names where pipeline.source(named: name) == nil {
            throw DuetError(
                .unknownSource,
                "the pipeline has no source '\(name)'",
                hint: Suggestion.hint(for: name, among: pipeline.sources.map(\.name), noun: "sources")
            )
        }
        return names.isEmpty ? pipeline.sources : pipeline.sources.filter { names.contains($0.name) }
    }
}
