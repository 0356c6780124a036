internal import DuetDeclarative
public import DuetEngine
internal import DuetProcedural

/// The executors by style.
public enum Styles {
    /// The executor of a style.
    public static func executor(_ style: Style, _ form: ProceduralForm = .derived) -> any PipelineExecutor {
        switch style {
        case .procedural where form == .activities: ActivitiesExecutor()
        case .procedural: ProceduralExecutor()
        case .declarative: DeclarativeExecutor()
        }
    }
}
