import DuetEngine
import DuetPipeline

/// What the relations that a traced query names are.
struct TracedRelations {
    /// Finds their columns.
    let resolver: ColumnResolver
    /// Whether a relation is a view.
    let isView: (_ schema: String, _ name: String) -> Bool
    /// A view's query as a syntax tree's node; nil when it is no view.
    let view: (_ schema: String, _ name: String) throws -> JSONValue?
    /// Why a view cannot be looked through; nil when it can.
    let refusal: (_ schema: String, _ name: String) throws -> String?
}

extension RowWorkspace {
    /// The relations of a dataset's query.
    func relations(of dataset: Dataset) -> TracedRelations {
        let view = { (schema: String, name: String) -> Dataset? in
            let found = self.catalogue.dataset(schema, name)
            return found?.kind == .view ? found : nil
        }
        return TracedRelations(
            resolver: catalogue.resolver(for: dataset),
            isView: { view($0, $1) != nil },
            view: { schema, name in try view(schema, name).flatMap { try self.query(of: $0) } },
            refusal: { schema, name in
                guard let view = view(schema, name), try self.callsModels(view) else { return nil }
                return "the view '\(view.name)' calls a model, and a look back calls none"
            }
        )
    }
}
